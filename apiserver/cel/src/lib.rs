#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod ast;
mod check;
mod cost;
mod declared;
mod environment;
mod eval;
pub mod go;
mod library;
mod names;
mod program;
mod rules;
mod schema;
mod source;
mod syntax;
mod types;
mod value;

pub use cost::Estimate;
pub use declared::DeclType;
pub use names::{escape, unescape};
pub use program::{CompileError, Evaluation, Expression, PER_CALL_LIMIT, Program, Scope};
pub use rules::{Finding, FindingValue, Findings, Kind, OBJECT_BUDGET, Rule, Step, Validator};
pub use schema::{Schema, StructuralSchema};
pub use source::{Issue, Issues, Place};
pub use types::{Param, Type};
pub use value::{Fail, List, Map, Text, Value};
