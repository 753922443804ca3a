//! Reads the metadata of embedded resources and writes back what was read: without what is unknown.

use serde_json::{Map, Value};

use super::read::{self, Metadata};
use crate::UnknownFields;
use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;

/// Removes unknown fields from the metadata of embedded resources, and adds to `unknown` what they were, in order. An object itself
/// (`is_root`) is looked at like an embedded one.
///
/// # Errors
/// The first field of metadata, `apiVersion` or `kind` that has the wrong type.
pub fn coerce(
    path: &Path<'_>,
    value: &mut Value,
    schema: &JsonSchemaProps,
    is_root: bool,
    unknown: &mut UnknownFields,
) -> Result<(), Box<Error>> {
    let before = unknown.count();
    let mut coercer = Coercer {
        drops_invalid: false,
        unknown,
    };
    let coerced = coercer.any(path, value, schema, is_root);
    unknown.sort_from(before);
    coerced
}

/// The same of what is stored, but fields of the wrong type are removed: Kubernetes reads objects so that were stored before anybody
/// looked at their metadata.
pub fn coerce_dropping(value: &mut Value, schema: &JsonSchemaProps, is_root: bool) {
    let mut coercer = Coercer {
        drops_invalid: true,
        unknown: &mut UnknownFields::ignored(),
    };
    // Nothing is refused where all that is invalid is dropped.
    _ = coercer.any(&Path::NONE, value, schema, is_root);
}

struct Coercer<'u> {
    drops_invalid: bool,
    unknown: &'u mut UnknownFields,
}

impl Coercer<'_> {
    fn any(
        &mut self,
        path: &Path<'_>,
        value: &mut Value,
        schema: &JsonSchemaProps,
        embedded: bool,
    ) -> Result<(), Box<Error>> {
        match value {
            Value::Object(fields) => {
                if embedded || schema.embedded_resource {
                    self.resource(path, fields)?;
                }
                for (name, value) in fields.iter_mut() {
                    if let Some(property) = schema.property(name) {
                        self.any(&path.child(name), value, property, false)?;
                    } else if let Some(additional) = schema.additional() {
                        self.any(&path.key(name), value, additional, false)?;
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.item() {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.any(&path.index(index), item, schema, false)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn resource(&mut self, path: &Path<'_>, fields: &mut Map<String, Value>) -> Result<(), Box<Error>> {
        for name in ["apiVersion", "kind"] {
            let wrong = fields.get(name).filter(|value| !value.is_string());
            if let Some(value) = wrong {
                if !self.drops_invalid {
                    return Err(Box::new(Error::invalid(
                        &path.child(name),
                        value.clone(),
                        "must be a string",
                    )));
                }
                fields.remove(name);
            }
        }
        let Some(metadata) = fields.get("metadata") else {
            return Ok(());
        };
        let at = path.child("metadata");
        let read = match (read::read(metadata), metadata) {
            (Ok(read), _) => read,
            (Err(_), Value::Object(fields)) if self.drops_invalid => read::read_leniently(fields),
            (Err(_), _) if self.drops_invalid => return Ok(()),
            (Err(error), _) => return Err(Box::new(Error::invalid(&at, metadata.clone(), error))),
        };
        let Metadata {
            fields: kept,
            unknown,
        } = read;
        for path in &unknown {
            self.unknown.add(|| format!("{at}.{path}"));
        }
        fields.insert("metadata".to_owned(), Value::Object(kept));
        Ok(())
    }
}
