//! Validates a value by a schema, in the order of kube-openapi's `SchemaValidator`.

use serde_json::{Map, Value};

use super::issue::{Issue, Kind};
use super::number::{Numeric, is_integer};
use super::outcome::Outcome;
use super::place::Place;
use super::ratchet::Correlated;
use super::{enumeration, number};
use crate::field::go;
use crate::formats;
use crate::props::JsonSchemaProps;

/// What of a schema counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validator {
    /// Formats that are not known are as if they were not there; an integer or string has both types.
    OfResources,
    /// The structural schema as it is.
    OfDefaults,
}

/// The types that a value may have; none where any may be.
struct Types<'s> {
    names: [&'s str; 2],
    count: usize,
}

impl<'s> Types<'s> {
    fn as_slice(&self) -> &[&'s str] {
        self.names.get(..self.count).unwrap_or_default()
    }
}

impl Validator {
    fn types(self, schema: &JsonSchemaProps) -> Types<'_> {
        match schema.type_name.as_str() {
            _ if self == Self::OfResources && schema.int_or_string => Types {
                names: ["integer", "string"],
                count: 2,
            },
            "" => Types {
                names: [""; 2],
                count: 0,
            },
            name => Types {
                names: [name; 2],
                count: 1,
            },
        }
    }

    fn format<'s>(self, schema: &'s JsonSchemaProps, types: &[&str]) -> &'s str {
        let format = schema.format.as_str();
        let kept = match types {
            _ if self == Self::OfDefaults => true,
            ["integer"] => ["int32", "int64"].contains(&format),
            ["number"] => ["float", "double"].contains(&format),
            [] | ["string"] | [_, _] => formats::is_known(format),
            _ => false,
        };
        if kept { format } else { "" }
    }

    pub(super) fn validate(
        self,
        value: &Value,
        schema: &JsonSchemaProps,
        place: &Place<'_>,
        old: Option<Correlated<'_>>,
    ) -> Outcome {
        let outcome = self.all(value, schema, place, old);
        if !outcome.is_valid() && old.is_some_and(|old| old.is(value, schema)) {
            return outcome.forgiven();
        }
        outcome
    }

    fn all(
        self,
        value: &Value,
        schema: &JsonSchemaProps,
        place: &Place<'_>,
        old: Option<Correlated<'_>>,
    ) -> Outcome {
        let types = self.types(schema);
        let types = types.as_slice();
        let format = self.format(schema, types);
        let mut outcome = Outcome::default();
        if value.is_null() {
            outcome.merge(type_of(value, types, format, schema.nullable, place));
            outcome.merge(listed(value, schema, place));
            return outcome;
        }
        let mut add = |found: Outcome| {
            outcome.merge(found);
            outcome.matches += 1;
        };
        if !types.is_empty() || !format.is_empty() {
            add(type_of(value, types, format, schema.nullable, place));
        }
        add(self.alternatives(value, schema, place));
        if let Value::String(text) = value {
            add(string(text, schema, place));
            if formats::is_known(format) {
                add(match formats::matches(format, text) {
                    true => Outcome::default(),
                    false => Outcome::of(place, || Issue::wrong_type(place.to_string(), format, text)),
                });
            }
        }
        if let Value::Number(number) = value {
            add(number::validate(number, schema, types, format, place));
        }
        if let Value::Array(items) = value {
            add(self.list(items, schema, place, old));
        }
        add(listed(value, schema, place));
        if let Value::Object(fields) = value {
            add(self.object(fields, schema, place, old));
        }
        outcome.matches += 1;
        outcome
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`. What is below them is not ratcheted. Alternatives are tried silently; what is wrong with the one
    /// that is shown is asked again, which costs once more for each level of alternatives at most.
    fn alternatives(self, value: &Value, schema: &JsonSchemaProps, place: &Place<'_>) -> Outcome {
        let check = |schema: &JsonSchemaProps| self.all(value, schema, place, None);
        let silent = place.silently();
        let probe = |schema: &JsonSchemaProps| self.all(value, schema, &silent, None);
        // Of one that is wrong what is wrong is to be heard, if anything is.
        let shown = |found: Option<(&JsonSchemaProps, Outcome)>| match found {
            Some((schema, found)) if !found.is_valid() && !place.is_silent() => check(schema),
            Some((_, found)) => found,
            None => Outcome::default(),
        };
        let quoted = || go::quoted(&place.to_string());
        let mut outcome = Outcome::default();
        if !schema.any_of().is_empty() {
            let mut best: Option<(&JsonSchemaProps, Outcome)> = None;
            for schema in schema.any_of() {
                let found = probe(schema);
                let valid = found.is_valid();
                if valid || best.as_ref().is_none_or(|(_, best)| found.matches > best.matches) {
                    best = Some((schema, found));
                }
                if valid {
                    break;
                }
            }
            if best.as_ref().is_some_and(|(_, best)| !best.is_valid()) {
                outcome.find(place, || {
                    Issue::plain(format!("{} must validate at least one schema (anyOf)", quoted()))
                });
            }
            outcome.merge(shown(best));
        }
        if !schema.one_of().is_empty() {
            let (mut failed, mut first, mut valid): (
                Option<(&JsonSchemaProps, Outcome)>,
                Option<Outcome>,
                _,
            ) = (None, None, 0);
            for schema in schema.one_of() {
                let found = probe(schema);
                if found.is_valid() {
                    valid += 1;
                    failed = None;
                    first.get_or_insert(found);
                } else if valid == 0
                    && failed
                        .as_ref()
                        .is_none_or(|(_, failed)| found.matches > failed.matches)
                {
                    failed = Some((schema, found));
                }
            }
            if valid == 1 {
                outcome.merge(first.unwrap_or_default());
            } else {
                let more = match valid {
                    0 => "Found none valid".to_owned(),
                    _ => format!("Found {valid} valid alternatives"),
                };
                outcome.find(place, || {
                    Issue::plain(format!(
                        "{} must validate one and only one schema (oneOf). {more}",
                        quoted()
                    ))
                });
                outcome.merge(shown(failed));
            }
        }
        if !schema.all_of().is_empty() {
            let mut valid = 0;
            for schema in schema.all_of() {
                let found = check(schema);
                valid += usize::from(found.is_valid());
                outcome.merge(found);
            }
            if valid < schema.all_of().len() {
                let more = if valid == 0 { ". None validated" } else { "" };
                outcome.find(place, || {
                    Issue::plain(format!(
                        "{} must validate all the schemas (allOf){more}",
                        quoted()
                    ))
                });
            }
        }
        if schema.not.as_ref().is_some_and(|not| probe(not).is_valid()) {
            outcome.find(place, || {
                Issue::plain(format!("{} must not validate the schema (not)", quoted()))
            });
        }
        outcome.matches += 1;
        outcome
    }

    fn list(
        self,
        items: &[Value],
        schema: &JsonSchemaProps,
        place: &Place<'_>,
        old: Option<Correlated<'_>>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if let Some(item_schema) = schema.item() {
            let old = old.map(|old| old.items(schema));
            for (index, item) in items.iter().enumerate() {
                let old = old.as_ref().and_then(|old| old.of(item));
                outcome.merge(self.validate(item, item_schema, &place.index(index), old));
            }
        }
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(least) = schema.min_items.filter(|least| count < *least) {
            let what = format!("should have at least {least} items");
            outcome.find(place, || Issue::other(place.to_string(), count.into(), &what));
        }
        if let Some(most) = schema.max_items.filter(|most| count > *most) {
            outcome.find(place, || too_many(place, count, most, "items"));
        }
        outcome.matches += 1;
        outcome
    }

    fn object(
        self,
        fields: &Map<String, Value>,
        schema: &JsonSchemaProps,
        place: &Place<'_>,
        old: Option<Correlated<'_>>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let count = i64::try_from(fields.len()).unwrap_or(i64::MAX);
        if let Some(least) = schema.min_properties.filter(|least| count < *least) {
            let what = format!("should have at least {least} properties");
            outcome.find(place, || Issue::other(place.to_string(), count.into(), &what));
        }
        if let Some(most) = schema.max_properties.filter(|most| count > *most) {
            outcome.find(place, || too_many(place, count, most, "properties"));
        }
        let old_of = |name: &str| {
            // The old version's are not the new one's.
            let is_type = place.is_root() && ["kind", "apiVersion"].contains(&name);
            old.filter(|_| !is_type)?.field(schema, name)
        };
        let forbidden = schema
            .additional_properties
            .as_ref()
            .is_some_and(|additional| !additional.allows);
        for (name, value) in fields.iter().filter(|(name, _)| schema.property(name).is_none()) {
            if forbidden {
                outcome.find(place, || {
                    let at = place.to_string();
                    Issue {
                        message: format!("{at}.{name} in body is a forbidden property"),
                        kind: Kind::Other {
                            name: at,
                            value: name.as_str().into(),
                        },
                    }
                });
            } else if let Some(additional) = schema.additional() {
                outcome.merge(self.validate(value, additional, &place.dotted(name), old_of(name)));
            }
        }
        for (name, property) in schema.properties() {
            if let Some(value) = fields.get(name) {
                outcome.merge(self.validate(value, property, &place.property(name), old_of(name)));
            }
        }
        for name in schema
            .required()
            .iter()
            .filter(|name| !fields.contains_key(*name))
        {
            outcome.find(place, || {
                let name = place.dotted(name).to_string();
                Issue {
                    message: format!("{name} in body is required"),
                    kind: Kind::Required { name },
                }
            });
        }
        outcome
    }
}

fn too_many(place: &Place<'_>, count: i64, most: i64, what: &str) -> Issue {
    let name = place.to_string();
    Issue {
        message: format!("{name} in body should have at most {most} {what}"),
        kind: Kind::TooMany { name, count, most },
    }
}

/// `typeValidator`.
fn type_of(value: &Value, types: &[&str], format: &str, nullable: bool, place: &Place<'_>) -> Outcome {
    let valid = Outcome::checked();
    let wrong = |expected: &str, found: &str| {
        Outcome::of(place, || Issue::wrong_type(place.to_string(), expected, found))
    };
    let (found, found_format) = match value {
        Value::Null if types.is_empty() || types.contains(&"null") || nullable => return valid,
        Value::Null => return wrong(&types.join(","), "null"),
        Value::Bool(_) => ("boolean", ""),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
        Value::Number(number) => match Numeric::of(number) {
            Numeric::Integer(_) => ("integer", "int64"),
            Numeric::Float(_) => ("number", "float64"),
        },
    };
    let is_whole = match value {
        Value::Number(number) => match Numeric::of(number) {
            Numeric::Float(float) => types.contains(&"integer") && is_integer(float),
            Numeric::Integer(_) => types.contains(&"number"),
        },
        _ => false,
    };
    let is_right = types.contains(&found) || is_whole;
    let text_or_list = matches!(value, Value::String(_) | Value::Array(_));
    if !text_or_list && !format.is_empty() && !is_right && found_format != format {
        return wrong(format, found_format);
    }
    let numeric = types.contains(&"number") || types.contains(&"integer");
    if !numeric && !format.is_empty() && text_or_list || is_right {
        return valid;
    }
    wrong(&types.join(","), found)
}

/// `stringValidator`: the first that is wrong.
fn string(text: &str, schema: &JsonSchemaProps, place: &Place<'_>) -> Outcome {
    let bounds = [schema.max_length, schema.min_length].iter().any(Option::is_some);
    let length = if bounds {
        i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
    } else {
        0
    };
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        return Outcome::of(place, || {
            let name = place.to_string();
            Issue {
                message: format!("{name} in body should be at most {most} chars long"),
                kind: Kind::TooLong { name, most },
            }
        });
    }
    if let Some(least) = schema.min_length.filter(|least| length < *least) {
        let what = format!("should be at least {least} chars long");
        return Outcome::of(place, || Issue::other(place.to_string(), text.into(), &what));
    }
    let pattern = schema.pattern.as_str();
    if pattern.is_empty() {
        return Outcome::default();
    }
    let compiled = schema.pattern.compiled();
    if compiled.is_ok_and(|compiled| compiled.is_match(text)) {
        return Outcome::default();
    }
    Outcome::of(place, || {
        let should = match compiled {
            Ok(_) => pattern.to_owned(),
            Err(error) => format!("{pattern}, but pattern is invalid: {error}"),
        };
        Issue::other(
            place.to_string(),
            text.into(),
            &format!("should match '{should}'"),
        )
    })
}

/// `basicCommonValidator`.
fn listed(value: &Value, schema: &JsonSchemaProps, place: &Place<'_>) -> Outcome {
    let values = schema.enumeration.as_deref().unwrap_or_default();
    if values.is_empty() || enumeration::contains(values, value) {
        return Outcome::default();
    }
    Outcome::of(place, || {
        let name = place.to_string();
        let shown = go::json(&Value::Array(values.to_vec()));
        Issue {
            message: format!("{name} in body should be one of {shown}"),
            kind: Kind::Enumeration {
                name,
                value: value.clone(),
                values: values.to_vec(),
            },
        }
    })
}
