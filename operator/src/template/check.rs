//! Whether a template says something that the API can hold, and says it once.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Map, Value};

use super::merge::key_of;
use super::shape::{Key, POD_TEMPLATE, Shape};
use super::{MAX_BYTES, MAX_DEPTH, ROOT, TemplateError};

/// The template with its quantities as strings, if nothing of it would be lost.
pub(super) fn checked(template: &Value) -> Result<Value, TemplateError> {
    let bytes = template.to_string().len();
    if bytes > MAX_BYTES {
        return Err(TemplateError::TooLarge { bytes });
    }
    if !fits(template, MAX_DEPTH) {
        return Err(TemplateError::TooDeep);
    }
    if !template.is_object() {
        return Err(TemplateError::NotAnObject);
    }
    let mut template = template.clone();
    normalize(&mut template, &POD_TEMPLATE);
    refuse_nulls(&template, ROOT)?;
    keeps_everything(&template)?;
    well_formed(&template, &POD_TEMPLATE, ROOT)?;
    Ok(template)
}

fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(fields) => levels > 0 && fields.values().all(|field| fits(field, levels - 1)),
        Value::Array(items) => levels > 0 && items.iter().all(|item| fits(item, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// The API takes `cpu: 1` for `cpu: "1"`; the typed struct holds strings alone.
fn normalize(value: &mut Value, shape: &Shape) {
    match (shape, value) {
        (Shape::Quantity, value @ Value::Number(_)) => *value = Value::String(value.to_string()),
        (shape, Value::Object(fields)) => {
            fields
                .iter_mut()
                .for_each(|(name, field)| normalize(field, shape.field(name)));
        }
        (shape, Value::Array(items)) => items.iter_mut().for_each(|item| normalize(item, shape.item())),
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
    }
}

fn refuse_nulls(value: &Value, path: &str) -> Result<(), TemplateError> {
    if value.is_null() {
        return Err(TemplateError::Null {
            path: path.to_owned(),
        });
    }
    children(value, path)
        .into_iter()
        .try_for_each(|(path, child)| refuse_nulls(child, &path))
}

/// Reads the template as the API's type and looks for all of it in what that writes.
fn keeps_everything(template: &Value) -> Result<(), TemplateError> {
    let typed: PodTemplateSpec = match serde_json::from_value(template.clone()) {
        Ok(typed) => typed,
        Err(source) => return Err(locate(template, source)),
    };
    let kept = serde_json::to_value(typed).map_err(TemplateError::Merge)?;
    first_lost(template, &kept, ROOT).map_or(Ok(()), |path| Err(TemplateError::UnknownField { path }))
}

fn first_lost(template: &Value, kept: &Value, path: &str) -> Option<String> {
    match (template, kept) {
        (Value::Object(fields), Value::Object(kept)) => fields.iter().find_map(|(name, field)| {
            let path = format!("{path}.{name}");
            match kept.get(name) {
                Some(kept) => first_lost(field, kept, &path),
                None => Some(path),
            }
        }),
        (Value::Array(items), Value::Array(kept)) if items.len() == kept.len() => {
            let mut pairs = items.iter().zip(kept).enumerate();
            pairs.find_map(|(index, (item, kept))| first_lost(item, kept, &format!("{path}[{index}]")))
        }
        (template, kept) => (template != kept).then(|| path.to_owned()),
    }
}

/// Finds the field of the wrong type. The parser does not say which one it was at, but reads every part of a
/// template alone, since each is optional: so the part that fails alone is looked for, level by level.
fn locate(template: &Value, whole: serde_json::Error) -> TemplateError {
    let (mut path, mut part, mut source) = (ROOT.to_owned(), template, whole);
    let mut steps = Vec::new();
    while let Some((step, name, child, error)) = failing_child(part, &steps) {
        path.push_str(&name);
        steps.push(step);
        (part, source) = (child, error);
    }
    TemplateError::WrongType { path, source }
}

/// A field's name, or nothing for an item of a list.
type Step<'a> = Option<&'a str>;

/// The step to the first child that fails alone, its name in a path, the child, and its error.
fn failing_child<'a>(
    part: &'a Value,
    above: &[Step<'a>],
) -> Option<(Step<'a>, String, &'a Value, serde_json::Error)> {
    let (empty, children): (Value, Vec<(Step<'a>, &Value)>) = match part {
        Value::Object(fields) => (
            Map::new().into(),
            fields
                .iter()
                .map(|(name, field)| (Some(name.as_str()), field))
                .collect(),
        ),
        Value::Array(items) => (
            Vec::<Value>::new().into(),
            items.iter().map(|item| (None, item)).collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    // An object in a list's place, or the reverse: the fault is the part itself, whatever is in it.
    read_alone(above, empty).ok()?;
    children
        .into_iter()
        .enumerate()
        .find_map(|(index, (step, child))| {
            let error = read_alone(&[above, &[step]].concat(), child.clone()).err()?;
            let name = step.map_or_else(|| format!("[{index}]"), |name| format!(".{name}"));
            Some((step, name, child, error))
        })
}

fn read_alone(path: &[Step<'_>], value: Value) -> Result<PodTemplateSpec, serde_json::Error> {
    let alone = path.iter().rev().fold(value, |inner, step| match step {
        Some(name) => Value::Object(Map::from_iter([((*name).to_owned(), inner)])),
        None => Value::Array(vec![inner]),
    });
    serde_json::from_value(alone)
}

/// Keys, duplicates and members of which one may be set.
fn well_formed(value: &Value, shape: &Shape, path: &str) -> Result<(), TemplateError> {
    match (shape, value) {
        (Shape::Keyed { keys, item }, Value::Array(items)) => {
            unique(items, keys, path)?;
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, value)| well_formed(value, item, &format!("{path}[{index}]")))
        }
        (shape, Value::Object(fields)) => {
            let members: Vec<_> = fields
                .keys()
                .map(String::as_str)
                .filter(|name| shape.one_of().contains(name))
                .collect();
            if members.len() > 1 {
                let members = members.join(", ");
                return Err(TemplateError::SeveralMembers {
                    path: path.to_owned(),
                    members,
                });
            }
            let mut fields = fields.iter();
            fields.try_for_each(|(name, field)| {
                well_formed(field, shape.field(name), &format!("{path}.{name}"))
            })
        }
        _ => Ok(()),
    }
}

fn unique(items: &[Value], keys: &[Key], path: &str) -> Result<(), TemplateError> {
    for (index, item) in items.iter().enumerate() {
        let path = || format!("{path}[{index}]");
        let missing = |key: &&Key| key.default.is_none() && item.get(key.field).is_none_or(|key| key == "");
        if let Some(key) = keys.iter().find(missing) {
            return Err(TemplateError::MissingKey {
                path: path(),
                key: key.field,
            });
        }
        let own = key_of(item, keys);
        if items
            .iter()
            .take(index)
            .any(|earlier| key_of(earlier, keys) == own)
        {
            let keys: Vec<_> = keys.iter().map(|key| key.field).collect();
            return Err(TemplateError::Duplicate {
                path: path(),
                keys: keys.join(" and "),
            });
        }
    }
    Ok(())
}

fn children<'a>(value: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (format!("{path}.{name}"), field))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("{path}[{index}]"), item))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
