#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod convert;
mod decode;
mod error;
mod go;
mod number;
mod parser;
mod resolve;
mod scanner;
mod source;
mod timestamp;
mod tree;
mod value;

use serde_json::Value;

pub use decode::Duplicates;
pub use error::Error;

/// How many lists and maps may be within each other, aliases and merges written out. Go takes 10,000.
pub const MAX_DEPTH: usize = 100;

/// Bytes of what a client wrote that one message shows. Go shows all of it.
pub const MOST_SHOWN: usize = 4096;

/// How much aliases may write out, beside Go's own rule for documents of which almost all would be aliases.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes.
    pub aliased_nodes: usize,
    /// Bytes of texts.
    pub aliased_bytes: usize,
}

impl Default for Limits {
    /// As many nodes as Go's rule allows, and texts that fit into memory.
    fn default() -> Self {
        Self {
            aliased_nodes: usize::MAX,
            aliased_bytes: 16 * 1024 * 1024,
        }
    }
}

/// The first document of a body.
#[derive(Debug)]
pub struct Document {
    /// What `YAMLToJSON` makes of it, as JSON. An empty document is null; of a key that stands twice the last value counts.
    pub value: Value,
    /// The keys that stand twice, which `YAMLToJSONStrict` refuses.
    pub duplicates: Duplicates,
}

/// Reads the first document of a body, as `sigs.k8s.io/yaml` does. What stands behind it is not looked at.
///
/// # Errors
/// What Go says of it, word for word; or that it is deeper or larger than is read here.
pub fn read(body: &[u8], limits: &Limits) -> Result<Document, Error> {
    let source = source::Source::new(body);
    let tree = parser::parse(&source)?;
    let (value, duplicates) = decode::decode(&tree, limits)?;
    drop(tree);
    Ok(Document {
        value: convert::to_json(value)?,
        duplicates,
    })
}
