//! Documents with definitions, as files hold them: YAML or JSON, several in one file, separated as Kubernetes' `util/yaml` separates them.

use annex_schema::resource_definition::{Definition, TypeError};
use serde_json::Value;

use crate::decode::yaml;

/// Bytes of a file: several times what the kube-apiserver takes in one request, and the largest known bundles.
const LARGEST: usize = 32 * 1024 * 1024;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is larger than anybody's definitions are.
    #[error("larger than {LARGEST} bytes")]
    TooLarge,
    /// A document is no YAML.
    #[error("document {index}: {reason}")]
    Syntax {
        /// Which, from 1.
        index: usize,
        /// Why not.
        reason: String,
    },
    /// A definition is not as its type has it.
    #[error(transparent)]
    Type(#[from] TypeError),
}

/// The definitions in a file, with their defaults. Documents of other kinds are left out.
///
/// # Errors
/// The first document that cannot be read.
pub fn read(file: &[u8]) -> Result<Vec<Definition>, DocumentError> {
    if file.len() > LARGEST {
        return Err(DocumentError::TooLarge);
    }
    let mut definitions = Vec::new();
    for (index, document) in documents(file).into_iter().enumerate() {
        let syntax = |error: annex_yaml::Error| DocumentError::Syntax {
            index: index + 1,
            reason: error.to_string(),
        };
        let value = yaml::read(document).map_err(syntax)?.value;
        let items = match value {
            Value::Object(ref list) if list.get("kind").is_some_and(|kind| kind == "List") => list
                .get("items")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            value => vec![value],
        };
        for item in items.into_iter().filter(Definition::is_one) {
            definitions.push(Definition::decode(item)?);
        }
    }
    Ok(definitions)
}

/// The documents of a file. A line that begins with `---` separates them.
fn documents(file: &[u8]) -> Vec<&[u8]> {
    let mut documents = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"---") {
            documents.push(&file[begin..at]);
            begin = at + line.len();
        }
        at += line.len();
    }
    documents.push(&file[begin..]);
    documents.retain(|document| !document.trim_ascii().is_empty());
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# A bundle.
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: other}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: lamps.example.com
  annotations: {a: b}
  creationTimestamp: null
spec:
  group: example.com
  scope: Namespaced
  names: {plural: lamps, kind: Lamp, shortNames: null}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: string, nullable: true, default: null}}}}
    subresources: {status: {}, scale: null}
--- # the same as another kind
apiVersion: annex.dev/v1alpha1
kind: AggregatedResourceDefinition
metadata: {name: chairs.example.com}
spec: {server: furniture, group: example.com, names: {plural: chairs, kind: Chair, listKind: Chairs}}
";

    #[test]
    fn a_file_holds_definitions_of_both_kinds_among_others() {
        let definitions = read(FILE.as_bytes()).unwrap();
        let [lamps, chairs] = definitions.as_slice() else {
            panic!("{definitions:?}");
        };
        assert_eq!(lamps.name, "lamps.example.com");
        assert_eq!(lamps.annotations["a"], "b");
        assert_eq!(lamps.server, None);
        assert_eq!(lamps.spec.names.singular, "lamp");
        assert_eq!(lamps.spec.names.list_kind, "LampList");
        assert_eq!(lamps.spec.conversion.as_ref().unwrap().strategy, "None");
        let version = &lamps.spec.versions[0];
        let subresources = version.subresources.as_ref().unwrap();
        assert!(subresources.status.is_some() && subresources.scale.is_none());
        let schema = version
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap();
        assert_eq!(schema.pointer("/properties/spec/default"), Some(&Value::Null));
        assert_eq!(chairs.server.as_deref(), Some("furniture"));
        assert_eq!(chairs.spec.names.list_kind, "Chairs");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let of = |file: &str| read(file.as_bytes()).unwrap_err().to_string();
        let kind =
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n";
        assert!(
            of("a: 1\n---\n[").starts_with("document 2: "),
            "{}",
            of("a: 1\n---\n[")
        );
        assert_eq!(
            of(&format!("{kind}spec: {{versions: [{{served: 3}}]}}\n")),
            "a.b: spec.versions[0].served: invalid type: integer `3`, expected a boolean"
        );
        assert_eq!(
            of(&format!("{kind}spec: [1]\n")),
            "a.b: spec.[0]: invalid type: integer `1`, expected a string"
        );
    }

    #[test]
    fn a_list_holds_definitions_too() {
        let list = "kind: List\nitems:\n- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}}\n";
        assert_eq!(read(list.as_bytes()).unwrap()[0].name, "x");
    }
}
