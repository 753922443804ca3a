//! CustomResourceDefinitions, and AggregatedResourceDefinitions, whose spec is the same and says which server: what they say, and what is
//! wrong with them. Go: k8s.io/apiextensions-apiserver.
//!
//! | file | what it does | Go |
//! |---|---|---|
//! | `document` | a definition of a document | |
//! | `size` | how many values its JSON has, before it is parsed | |
//! | `spec` | the spec's fields and their defaults | `pkg/apis/apiextensions/v1` |
//! | `validate` | what is wrong with a definition | `pkg/apis/apiextensions/validation` |

mod document;
mod size;
mod spec;
mod validate;

pub use document::{Definition, TypeError};
pub use size::count_values;
pub use spec::{
    DefinitionConversion, DefinitionNames, DefinitionSpec, DefinitionSubresources, DefinitionValidation,
    DefinitionVersion, NO_CONVERSION, PrinterColumn, ScaleSubresource, SelectableField, StatusSubresource,
    WEBHOOK,
};
