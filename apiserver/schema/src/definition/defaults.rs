//! Whether the defaults of a schema are valid: `ValidateDefaults` and `PruneDefaults` of `structuralschema/defaulting`.

use serde_json::{Map, Value};

use crate::UnknownFields;
use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;
use crate::rules::DefaultsBudget;
use crate::{object_meta, pruning, values};

/// A step from an object down to a value.
#[derive(Debug, Clone, Copy)]
enum Step<'s> {
    Field(&'s str),
    Item,
}

/// A value within an object.
#[derive(Debug, Clone, Copy)]
struct Within<'s> {
    /// The schema of the object.
    root: &'s JsonSchemaProps,
    parent: Option<&'s Self>,
    step: Option<Step<'s>>,
    inside_meta: bool,
}

impl<'s> Within<'s> {
    fn root(root: &'s JsonSchemaProps) -> Self {
        Self {
            root,
            parent: None,
            step: None,
            inside_meta: false,
        }
    }

    fn below(&'s self, step: Step<'s>, inside_meta: bool) -> Self {
        Self {
            root: self.root,
            parent: Some(self),
            step: Some(step),
            inside_meta,
        }
    }

    /// An object with nothing but this value.
    fn object_with(&self, value: Value) -> Value {
        let mut object = value;
        for within in std::iter::successors(Some(self), |within| within.parent) {
            object = match within.step {
                Some(Step::Field(name)) => Value::Object(Map::from_iter([(name.to_owned(), object)])),
                Some(Step::Item) => Value::Array(vec![object]),
                None => object,
            };
        }
        object
    }

    /// The value in such an object, if it is there still.
    fn find(&self, object: Value) -> Option<Value> {
        let parent = match self.parent {
            Some(parent) => parent.find(object)?,
            None => object,
        };
        match (self.step, parent) {
            (None, value) => Some(value),
            (Some(Step::Field(name)), Value::Object(mut fields)) => fields.remove(name),
            (Some(Step::Item), Value::Array(items)) => items.into_iter().next(),
            _ => None,
        }
    }
}

/// Adds what is wrong with the defaults of a structural schema.
pub(super) fn validate(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let mut checked = Checked {
        errors,
        budget: DefaultsBudget::default(),
    };
    checked.each(path, schema, Within::root(schema), true);
}

/// What was found, and what rules may cost yet.
struct Checked<'e> {
    errors: &'e mut Vec<Error>,
    budget: DefaultsBudget,
}

impl Checked<'_> {
    fn each(&mut self, path: &Path<'_>, schema: &JsonSchemaProps, within: Within<'_>, is_root: bool) {
        let embedded = schema.embedded_resource || is_root;
        let within = if embedded { Within::root(schema) } else { within };
        if let Some(default) = &schema.default {
            let path = path.child("default");
            if within.inside_meta {
                self.in_metadata(&path, default, schema, within);
            } else {
                self.elsewhere(&path, default, schema, embedded);
            }
        }
        if self.budget.is_spent() {
            return;
        }
        if let Some(item) = schema.item() {
            let below = within.below(Step::Item, within.inside_meta);
            self.each(&path.child("items"), item, below, false);
        }
        let properties = path.child("properties");
        for (name, property) in schema.properties() {
            if self.budget.is_spent() {
                return;
            }
            let is_meta = embedded && ["metadata", "apiVersion", "kind"].contains(&name);
            let below = within.below(Step::Field(name), within.inside_meta || is_meta);
            self.each(&properties.key(name), property, below, false);
        }
    }

    fn in_metadata(
        &mut self,
        path: &Path<'_>,
        default: &Value,
        schema: &JsonSchemaProps,
        within: Within<'_>,
    ) {
        let mut object = within.object_with(default.clone());
        if let Value::Object(fields) = &mut object {
            fields.entry("kind").or_insert_with(|| "Validation".into());
            fields
                .entry("apiVersion")
                .or_insert_with(|| "validation/v1".into());
        }
        let wrong = match object_meta::coerce(
            &Path::NONE,
            &mut object,
            within.root,
            true,
            &mut UnknownFields::ignored(),
        ) {
            Err(error) => Some(error.to_string()),
            Ok(_) => {
                let wrong = object_meta::validate(&Path::NONE, &object, within.root, true);
                let texts: Vec<String> = wrong.iter().map(Error::to_string).collect();
                match &*texts {
                    [] => None,
                    [only] => Some(only.clone()),
                    several => Some(format!("[{}]", several.join(", "))),
                }
            }
        };
        match wrong {
            Some(wrong) => {
                let detail = format!("must result in valid metadata: {wrong}");
                self.errors.push(Error::invalid(path, default.clone(), detail));
            }
            None => self.of_schema(path, default, schema, false),
        }
    }

    fn elsewhere(&mut self, path: &Path<'_>, default: &Value, schema: &JsonSchemaProps, embedded: bool) {
        let mut pruned = default.clone();
        pruning::prune(&mut pruned, schema, embedded, &mut UnknownFields::ignored());
        let is_pruned = pruned == *default;
        // Go coerces in place: every error shows the default as it is afterwards.
        let mut default = default.clone();
        let coerced = object_meta::coerce(
            path,
            &mut default,
            schema,
            embedded,
            &mut UnknownFields::ignored(),
        );
        if !is_pruned {
            self.errors.push(Error::invalid(
                path,
                default.clone(),
                "must not have unknown fields",
            ));
        }
        if let Err(error) = coerced {
            self.errors.push(*error);
            return;
        }
        let wrong = object_meta::validate(path, &default, schema, embedded);
        if wrong.is_empty() {
            self.of_schema(path, &default, schema, embedded);
        } else {
            self.errors.extend(wrong);
        }
    }

    /// What the schema says of a default, and where that is nothing, what its rules say.
    fn of_schema(&mut self, path: &Path<'_>, default: &Value, schema: &JsonSchemaProps, is_resource: bool) {
        let wrong = values::validate_default(path, default, schema);
        if wrong.is_empty() {
            let path = path.to_string();
            self.budget
                .validate(&path, default, schema, is_resource, self.errors);
        }
        self.errors.extend(wrong);
    }
}

/// Removes what a definition's defaults have too much, as Kubernetes does with definitions of old: what is set where it is applied
/// would be pruned.
pub fn prune(schema: &mut JsonSchemaProps) {
    let root = schema.clone();
    prune_each(schema, Within::root(&root));
}

fn prune_each(schema: &mut JsonSchemaProps, within: Within<'_>) {
    if let Some(default) = schema.default.take() {
        let mut object = within.object_with(default);
        object_meta::coerce_dropping(&mut object, within.root, true);
        pruning::prune(&mut object, within.root, true, &mut UnknownFields::ignored());
        schema.default = within.find(object);
    }
    let additional = schema.additional_properties.as_mut();
    if let Some(additional) = additional.and_then(|additional| additional.schema.as_mut()) {
        prune_each(additional, within.below(Step::Field("*"), false));
    }
    if let Some(item) = schema.items.as_mut().and_then(|items| items.schema.as_mut()) {
        prune_each(item, within.below(Step::Item, false));
    }
    for (name, property) in schema.properties.iter_mut().flatten() {
        prune_each(property, within.below(Step::Field(name), false));
    }
}
