//! What a served resource is: the description that typed resources, declared ones and hand-written ones all come to.

mod behaviour;
mod definition;
pub mod typed;

pub use behaviour::{Behaviour, ConversionError};
pub use definition::{Column, DefaultColumn, Names, ObjectNames, Policy, Resource, Scope, Version};
