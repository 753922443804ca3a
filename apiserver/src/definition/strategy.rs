//! What is done to the objects of a definition. Go: `customResourceStrategy` of apiextensions' `pkg/registry/customresource`.

use std::collections::HashMap;

use crate::definition::spec::DefinitionSpec;
use crate::object::Object;
use crate::resource::{ConversionError, Strategy};
use crate::status::FieldError;

/// The strategy of a definition's objects.
pub(super) struct Declared {
    group: String,
    versions: HashMap<String, ()>,
}

impl Declared {
    pub(super) fn new(spec: &DefinitionSpec) -> Result<Self, Vec<FieldError>> {
        Ok(Self {
            group: spec.group.clone(),
            versions: spec
                .versions
                .iter()
                .map(|version| (version.name.clone(), ()))
                .collect(),
        })
    }
}

impl Strategy for Declared {
    fn normalize(&self, _version: &str, object: Object) -> Result<Object, ConversionError> {
        Ok(object)
    }

    fn default_fields(&self, _version: &str, _object: &mut Object) {}

    fn convert(&self, mut object: Object, to: &str) -> Result<Object, ConversionError> {
        if !self.versions.contains_key(to) {
            return Err(ConversionError(format!("there is no version {to}")));
        }
        let kind = object.kind().to_owned();
        object.set_type(&format!("{}/{to}", self.group), &kind);
        Ok(object)
    }

    fn prepares(&self) -> bool {
        false
    }
}
