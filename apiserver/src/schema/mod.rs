//! What objects of a version look like: an OpenAPI v3 schema, compiled once.

mod combine;
mod generate;
mod inline;
mod kubernetes_types;
mod node;
mod object_meta;

use schemars::JsonSchema;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) use generate::components_of;
pub(crate) use node::{ANY, Fields, Node, Rest, Shape};
pub(crate) use object_meta::{declare_patches, tidy as tidy_metadata};

/// The schema of one version of a kind.
#[derive(Clone, Debug)]
pub struct Schema {
    /// OpenAPI v3, self-contained: `type: object` with its properties; `metadata` is an empty object schema that
    /// stands for ObjectMeta.
    pub document: Value,
    /// A hash of the document: what encodings made by it are kept under.
    pub fingerprint: u64,
    root: Node,
}

impl Schema {
    /// The schema that an OpenAPI v3 `document` without references says.
    #[must_use]
    pub fn new(mut document: Value) -> Self {
        let mut root = Node::compile(&document);
        object_meta::complete(&mut root);
        generate::forget_type_names(&mut document);
        object_meta::complete_document(&mut document);
        Self {
            fingerprint: fingerprint(&document),
            document,
            root,
        }
    }

    /// The structural schema of a version of a CustomResourceDefinition. What it says of values is validated, and not decoded by, so that
    /// an object of any shape is read; its metadata alone has a type.
    #[must_use]
    pub fn of_custom_resource(mut document: Value) -> Self {
        object_meta::complete_custom_document(&mut document);
        Self {
            fingerprint: fingerprint(&document),
            document,
            root: object_meta::of_any_object(),
        }
    }

    /// The schema of a Rust type. `version` qualifies the names of its types in messages, as Go's package does.
    ///
    /// A type that contains itself is described down to its second occurrence; from there anything is taken. Variants of
    /// an enum are described together, as Kubernetes' structural schemas do.
    #[must_use]
    pub fn of<T: JsonSchema>(version: &str) -> Self {
        Self::new(generate::document_of::<T>(version))
    }

    /// The compiled form.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }
}

fn fingerprint(document: &Value) -> u64 {
    let digest = Sha256::digest(document.to_string().as_bytes());
    digest[..8]
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests;
