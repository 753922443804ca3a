//! CustomResourceDefinitions that this server serves itself, from its own storage. Go: k8s.io/apiextensions-apiserver.
//!
//! What a definition says, and what is wrong with it, is `annex_schema::resource_definition`'s.
//!
//! | file | what it does | Go |
//! |---|---|---|
//! | `document` | reads files of definitions | |
//! | `resource` | the [`Resource`](crate::resource::Resource) that a definition describes | `pkg/apiserver/customresource_handler.go` |
//! | `strategy` | what is done to its objects | `pkg/registry/customresource` |
//!
//! All of it is pure.

mod document;
mod finalizers;
mod resource;
mod strategy;

pub use annex_schema::resource_definition::{
    Definition, DefinitionConversion, DefinitionNames, DefinitionSpec, DefinitionSubresources,
    DefinitionValidation, DefinitionVersion, PrinterColumn, ScaleSubresource, SelectableField,
    StatusSubresource, TypeError,
};
pub use document::{DocumentError, read};
pub use resource::resource;
