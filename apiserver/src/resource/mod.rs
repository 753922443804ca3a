//! What a served resource is: the description that typed resources, declared ones and hand-written ones all come to.

mod definition;
mod strategy;
pub mod typed;

pub use definition::{Column, DefaultColumn, Names, ObjectNames, Policy, Resource, Scope, Version};
pub use strategy::{ConversionError, Strategy};
