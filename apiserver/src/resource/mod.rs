//! What a served resource is: the description that typed resources, declared ones and hand-written ones all come to.

mod conversion;
mod definition;
mod scale;
mod strategy;
mod subresource;
#[cfg(test)]
pub(crate) mod testing;
pub mod typed;

pub(crate) use conversion::{CONVERSION_PAGE, CONVERSION_TIMEOUT, is_to_be_repeated};
pub use conversion::{Conversion, Converter};
pub(crate) use definition::CREATED_DESCRIPTION;
pub use definition::{Column, DefaultColumn, Hub, Names, ObjectNames, Policy, Resource, Scope, Version};
pub(crate) use scale::{
    SCALE_OF_UNSTRUCTURED, SCALE_RESOURCE, scale_of, scale_to_change, scaled, validate_spec, validate_status,
};
pub use strategy::{ConversionError, RuleBudget, RuleFindings, Strategy};
pub(crate) use subresource::{Advertised, segments};
pub use subresource::{
    SCALE, STATUS, ScalePathError, ScalePaths, Subresource, SubresourceRest, Subresources,
};
