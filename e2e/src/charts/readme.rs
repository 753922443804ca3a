//! The table of values in a chart's README, generated from the comments in its values.yaml.
//!
//! A comment that starts with `# -- ` describes the key on the line below it; further comment lines continue it (the
//! convention of helm-docs). A described object stands for everything in it; every other value needs a description.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

const BEGIN: &str = "<!-- values: generated from values.yaml -->\n";
const END: &str = "<!-- /values -->\n";

/// The table of values cannot be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadmeError {
    /// values.yaml is not YAML.
    #[error("values.yaml is not valid YAML: {0}")]
    Yaml(String),
    /// A value has no description.
    #[error("values.yaml: {0} has no description")]
    Undescribed(String),
    /// A description belongs to a key that YAML does not see there.
    #[error("values.yaml: the description of {0} belongs to no value")]
    Unknown(String),
    /// The README has no place for the table.
    #[error("the comments that mark the table's place are missing")]
    NoMarkers,
}

/// A key and what its comment says.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    path: Vec<String>,
    text: String,
}

/// `readme` with the table of `values` between its markers.
///
/// # Errors
/// See [`ReadmeError`].
pub(super) fn with_table(readme: &str, values: &str) -> Result<String, ReadmeError> {
    let (before, rest) = readme.split_once(BEGIN).ok_or(ReadmeError::NoMarkers)?;
    let (_, after) = rest.split_once(END).ok_or(ReadmeError::NoMarkers)?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", table(values)?))
}

fn table(values: &str) -> Result<String, ReadmeError> {
    let parsed: Value = serde_saphyr::from_str(values).map_err(|e| ReadmeError::Yaml(e.to_string()))?;
    let rows = described(values);
    let paths = rows.iter().map(|row| row.path.as_slice()).collect();
    if let Some(path) = undescribed(&parsed, &mut Vec::new(), &paths) {
        return Err(ReadmeError::Undescribed(path));
    }
    let mut table = String::from("| Key | Type | Default | Description |\n|---|---|---|---|\n");
    for Described { path, text } in &rows {
        let key = path.join(".");
        let value = path.iter().try_fold(&parsed, |value, key| value.get(key));
        let value = value.ok_or_else(|| ReadmeError::Unknown(key.clone()))?;
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| `{key}` | {} | `{}` | {} |",
            type_name(value),
            value,
            cell(text)
        );
    }
    Ok(table)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "any",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The first value, in the order of keys, that neither has a description nor is part of one that has.
fn undescribed(value: &Value, path: &mut Vec<String>, described: &BTreeSet<&[String]>) -> Option<String> {
    if described.contains(path.as_slice()) {
        return None;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => fields.iter().find_map(|(key, field)| {
            path.push(key.clone());
            let found = undescribed(field, path, described);
            path.pop();
            found
        }),
        _ => Some(path.join(".")),
    }
}

fn described(values: &str) -> Vec<Described> {
    let mut rows = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut pending: Option<String> = None;
    for line in values.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(comment) = text.strip_prefix('#') {
            pending = continued(pending, comment);
            continue;
        }
        let description = pending.take();
        let Some(key) = key_of(text) else { continue };
        parents.retain(|(depth, _)| *depth < indent);
        parents.push((indent, key.to_owned()));
        if let Some(text) = description {
            rows.push(Described {
                path: parents.iter().map(|(_, key)| key.clone()).collect(),
                text,
            });
        }
    }
    rows
}

fn continued(pending: Option<String>, comment: &str) -> Option<String> {
    match (comment.strip_prefix(" -- "), pending) {
        (Some(start), _) => Some(start.trim().to_owned()),
        (None, Some(text)) => Some(format!("{text} {}", comment.trim())),
        (None, None) => None,
    }
}

fn key_of(text: &str) -> Option<&str> {
    let (key, _) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!key.starts_with('-') && !key.is_empty() && key.chars().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "# not a description\n\n# -- How many\nreplicas: 2\nimage:\n  # -- Where, or\n  # what | which\n  \
        name: x\n# -- All of it\nlimits:\n  cpu: 1\n";

    #[test]
    fn keys_carry_their_comments() {
        let readme = format!("# x\n{BEGIN}old\n{END}end\n");
        let table = with_table(&readme, VALUES).unwrap();
        assert_eq!(
            table,
            format!(
                "# x\n{BEGIN}| Key | Type | Default | Description |\n|---|---|---|---|\n\
                 | `replicas` | int | `2` | How many |\n\
                 | `image.name` | string | `\"x\"` | Where, or what \\| which |\n\
                 | `limits` | object | `{{\"cpu\":1}}` | All of it |\n{END}end\n"
            )
        );
        assert_eq!(with_table(&table, VALUES).unwrap(), table);
    }

    #[test]
    fn every_value_needs_a_description() {
        let values = format!("{VALUES}a:\n  b: 1\n");
        assert_eq!(table(&values), Err(ReadmeError::Undescribed("a.b".to_owned())));
        let blank = "# -- Lost\n\nkey: 1\n";
        assert_eq!(table(blank), Err(ReadmeError::Undescribed("key".to_owned())));
    }

    #[test]
    fn a_readme_without_markers_is_an_error() {
        assert_eq!(with_table("# x\n", VALUES), Err(ReadmeError::NoMarkers));
    }
}
