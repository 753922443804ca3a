//! Evaluation: what an expression is made into, what runs it, and what it costs.

mod cost;
mod node;
mod plan;
mod run;

pub(crate) use node::Node;
pub(crate) use plan::plan;
pub(crate) use run::{Run, Slot};
