//! CustomResourceDefinitions that this server serves itself, from its own storage. Go: k8s.io/apiextensions-apiserver.
//!
//! | file | what it does | Go |
//! |---|---|---|
//! | `document` | reads a document: a CustomResourceDefinition, or an AggregatedResourceDefinition, whose spec is the same and says which server | |
//! | `spec` | the spec's fields and their defaults | `pkg/apis/apiextensions/v1` |
//! | `validate` | what is wrong with a definition | `pkg/apis/apiextensions/validation` |
//! | `resource` | the [`Resource`](crate::resource::Resource) that a definition describes | `pkg/apiserver/customresource_handler.go` |
//! | `strategy` | what is done to its objects | `pkg/registry/customresource` |
//!
//! All of it is pure.

mod document;
mod finalizers;
mod resource;
mod spec;
mod strategy;
mod validate;

pub use document::{Definition, DocumentError, read};
pub use spec::{
    DefinitionConversion, DefinitionNames, DefinitionSpec, DefinitionSubresources, DefinitionValidation,
    DefinitionVersion, PrinterColumn, ScaleSubresource, SelectableField, StatusSubresource,
};
