//! What is done to the objects of a definition. Go: `customResourceStrategy` and `statusStrategy` of apiextensions'
//! `pkg/registry/customresource`, and what decoding does to them: `unstructuredSchemaCoercer` and `unstructuredDefaulter` of
//! `pkg/apiserver/customresource_handler.go`.

use std::collections::HashMap;

use annex_schema::field::Path;
use annex_schema::props::JsonSchemaProps;
use annex_schema::resource_definition::DefinitionSpec;
use annex_schema::rules::Rules;
use annex_schema::{UnknownFields, defaulting, list_type, object_meta, pruning, values};
use serde_json::Value;

use super::finalizers;
use crate::object::Object;
use crate::resource::{ConversionError, RuleBudget, RuleFindings, Strategy};
use crate::status::{FieldError, FieldErrorKind};

/// The strategy of a definition's objects.
pub(super) struct Declared {
    group: String,
    versions: HashMap<String, Declaration>,
}

/// A version.
struct Declaration {
    schema: JsonSchemaProps,
    /// Its rules; none where it has none.
    rules: Option<Rules>,
    has_status: bool,
}

/// What rules may cost on the thread that serves a request: 1,000,000 are some ten milliseconds.
const SHORT_BUDGET: u64 = 100_000;

impl Declared {
    /// That of a definition in which nothing is wrong.
    ///
    /// # Errors
    /// A schema cannot be read.
    pub(super) fn new(spec: &DefinitionSpec) -> Result<Self, Vec<FieldError>> {
        let mut versions = HashMap::new();
        for (index, version) in spec.versions.iter().enumerate() {
            let document = version.document().unwrap_or(&Value::Null);
            let schema = JsonSchemaProps::decode(document).map_err(|error| {
                let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
                vec![FieldError::invalid(path, "", error.to_string())]
            })?;
            let declaration = Declaration {
                rules: Rules::new(&schema),
                schema,
                has_status: version.has_status(),
            };
            versions.insert(version.name.clone(), declaration);
        }
        Ok(Self {
            group: spec.group.clone(),
            versions,
        })
    }

    fn version(&self, name: &str) -> Result<&Declaration, ConversionError> {
        let version = self.versions.get(name);
        version.ok_or_else(|| {
            ConversionError(format!(
                "there is no version {name:?} of the group {:?}",
                self.group
            ))
        })
    }

    /// The version that an object is in.
    fn version_of(&self, object: &Object) -> Option<&Declaration> {
        let name = object.api_version().strip_prefix(self.group.as_str())?;
        self.versions.get(name.strip_prefix('/')?)
    }

    /// The version that an object is in, and itself as a value.
    fn of(&self, object: &Object) -> Option<(&Declaration, Value)> {
        Some((self.version_of(object)?, Value::Object(object.0.clone())))
    }
}

impl Declaration {
    /// Takes away what the schema does not know, and nulls that it does not allow. Says what it did not know.
    fn prune(&self, object: &mut Object, unknown: &mut UnknownFields) -> Result<(), ConversionError> {
        with_value(object, |value| {
            pruning::prune(value, &self.schema, true, unknown);
            defaulting::prune_nulls(value, &self.schema);
            object_meta::coerce(&Path::NONE, value, &self.schema, false, unknown)
        })
        .map_err(|error| ConversionError(error.to_string()))
    }

    /// The same of what is stored: metadata of embedded resources that is none is dropped, since nobody may have looked at it when it was
    /// written.
    fn prune_stored(&self, object: &mut Object) {
        with_value(object, |value| {
            pruning::prune(value, &self.schema, true, &mut UnknownFields::ignored());
            defaulting::prune_nulls(value, &self.schema);
            object_meta::coerce_dropping(value, &self.schema, false);
        });
    }

    fn default(&self, object: &mut Object) -> Result<(), ConversionError> {
        with_value(object, |value| defaulting::apply(value, &self.schema))
            .map_err(|error| ConversionError(error.to_string()))
    }
}

/// Does something to an object as a value.
fn with_value<T>(object: &mut Object, change: impl FnOnce(&mut Value) -> T) -> T {
    let mut value = Value::Object(std::mem::take(&mut object.0));
    let done = change(&mut value);
    if let Value::Object(fields) = value {
        object.0 = fields;
    }
    done
}

fn errors(found: Vec<annex_schema::field::Error>) -> impl Iterator<Item = FieldError> {
    found.into_iter().map(FieldError::from)
}

impl Strategy for Declared {
    fn prune(&self, version: &str, object: &mut Object) -> Result<UnknownFields, ConversionError> {
        let mut unknown = UnknownFields::default();
        self.version(version)?.prune(object, &mut unknown)?;
        Ok(unknown)
    }

    fn normalize(&self, version: &str, mut object: Object) -> Result<Object, ConversionError> {
        self.version(version)?
            .prune(&mut object, &mut UnknownFields::ignored())?;
        Ok(object)
    }

    // What is decoded is pruned already.
    fn normalize_and_default(&self, version: &str, mut object: Object) -> Result<Object, ConversionError> {
        self.version(version)?.default(&mut object)?;
        Ok(object)
    }

    fn default_fields(&self, version: &str, object: &mut Object) {
        let Ok(version) = self.version(version) else {
            return;
        };
        version.prune_stored(object);
        if let Err(error) = version.default(object) {
            tracing::debug!(%error, name = object.name(), "a stored object has not all of its defaults");
        }
    }

    fn convert(&self, mut object: Object, to: &str) -> Result<Object, ConversionError> {
        let version = self.version(to)?;
        let kind = object.kind().to_owned();
        object.set_type(&format!("{}/{to}", self.group), &kind);
        version.prune(&mut object, &mut UnknownFields::ignored())?;
        Ok(object)
    }

    fn prepares(&self) -> bool {
        false
    }

    fn validate(&self, object: &Object) -> Vec<FieldError> {
        let Some((version, value)) = self.of(object) else {
            return Vec::new();
        };
        let schema = &version.schema;
        let mut found = values::validate(&Path::NONE, &value, schema);
        found.extend(object_meta::validate(&Path::NONE, &value, schema, false));
        found.extend(list_type::validate(&Path::NONE, &value, schema));
        errors(found).collect()
    }

    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let (Some((version, value)), old) = (self.of(object), Value::Object(old.0.clone())) else {
            return Vec::new();
        };
        let schema = &version.schema;
        let mut found = values::validate_update(&Path::NONE, &value, &old, schema);
        found.extend(object_meta::validate(&Path::NONE, &value, schema, false));
        found.extend(new_duplicates(&value, &old, schema));
        errors(found).collect()
    }

    fn validate_status_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let (Some((version, value)), old) = (self.of(object), Value::Object(old.0.clone())) else {
            return Vec::new();
        };
        let schema = &version.schema;
        let mut found = Vec::new();
        if version.has_status
            && let (Some(status), Some(of_status)) = (value.get("status"), schema.property("status"))
        {
            let before = old.get("status").unwrap_or(&Value::Null);
            found.extend(values::validate_update(
                &Path::new("status"),
                status,
                before,
                of_status,
            ));
        }
        found.extend(new_duplicates(&value, &old, schema));
        errors(found).collect()
    }

    fn validate_rules(
        &self,
        object: &Object,
        old: Option<&Object>,
        found: &[FieldError],
        budget: RuleBudget,
    ) -> Option<RuleFindings> {
        let rules = self.version_of(object).and_then(|version| version.rules.as_ref());
        let Some(rules) = rules else {
            return Some(RuleFindings::default());
        };
        if found.iter().any(|error| keeps_from_rules(error.kind)) {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to \
                          complete validation";
            return Some(RuleFindings {
                errors: vec![FieldError::invalid("<nil>", Value::Null, detail)],
                warnings: Vec::new(),
            });
        }
        let value = Value::Object(object.0.clone());
        let old = old.map(|old| Value::Object(old.0.clone()));
        let outcome = match budget {
            RuleBudget::Short => rules.validate_within(&value, old.as_ref(), SHORT_BUDGET)?,
            RuleBudget::Full { until } => rules.validate(&value, old.as_ref(), until),
        };
        Some(RuleFindings {
            errors: errors(outcome.errors).collect(),
            warnings: outcome.warnings.iter().map(ToString::to_string).collect(),
        })
    }

    fn warnings(&self, object: &Object) -> Vec<String> {
        finalizers::warnings(object, None)
    }

    fn update_warnings(&self, object: &Object, old: &Object) -> Vec<String> {
        finalizers::warnings(object, Some(old))
    }
}

/// Whether rules are not looked at where there is such an error: `hasBlockingErr`.
fn keeps_from_rules(kind: FieldErrorKind) -> bool {
    matches!(
        kind,
        FieldErrorKind::NotSupported
            | FieldErrorKind::Required
            | FieldErrorKind::TooLong
            | FieldErrorKind::TooMany
            | FieldErrorKind::TypeInvalid
    )
}

/// What stands in lists more than once, where it did not before.
fn new_duplicates(value: &Value, old: &Value, schema: &JsonSchemaProps) -> Vec<annex_schema::field::Error> {
    let found = list_type::validate(&Path::NONE, value, schema);
    if found.is_empty() || !list_type::validate(&Path::NONE, old, schema).is_empty() {
        return Vec::new();
    }
    found
}
