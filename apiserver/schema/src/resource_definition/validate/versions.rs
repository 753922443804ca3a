//! What a version says beside its schema: `validateCustomResourceDefinitionVersion`, `ValidateCustomResourceColumnDefinition` and
//! `ValidateCustomResourceDefinitionSubresources`.

use crate::field::{Error, Path};
use crate::resource_definition::spec::{DefinitionVersion, PrinterColumn, ScaleSubresource};

const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];
/// Bytes of a warning.
const LONGEST_WARNING: usize = 256;

/// What is wrong with a version's warning.
pub(super) fn deprecation(path: &str, version: &DefinitionVersion) -> Vec<Error> {
    let Some(warning) = &version.deprecation_warning else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    if version.deprecated {
        if warning.len() > LONGEST_WARNING {
            wrong.push("must be <= 256 characters long".to_owned());
        }
        if warning.is_empty() {
            wrong.push("must not be an empty string".to_owned());
        }
        if let Some((index, _)) = warning
            .char_indices()
            .find(|(_, character)| !is_print(*character))
        {
            wrong.push(format!(
                "must only contain printable UTF-8 characters; non-printable character found at index {index}"
            ));
        }
    } else {
        wrong.push("can only be set for deprecated versions".to_owned());
    }
    let path = format!("{path}.deprecationWarning");
    let of_warning = |wrong| Error::invalid(&Path::new(&path), warning.as_str(), wrong);
    wrong.into_iter().map(of_warning).collect()
}

/// Go's `unicode.IsPrint`, but for characters that no Unicode version has assigned: no control, no format character, and no space but
/// the one of ASCII.
fn is_print(character: char) -> bool {
    let is_format = matches!(character, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}');
    character == ' ' || !(character.is_control() || character.is_whitespace() || is_format)
}

/// What is wrong with a version's columns.
pub(super) fn columns(path: &str, version: &DefinitionVersion) -> Vec<Error> {
    let columns = version.additional_printer_columns.iter().enumerate();
    columns
        .flat_map(|(index, each)| column(&format!("{path}.additionalPrinterColumns[{index}]"), each))
        .collect()
}

fn column(path: &str, column: &PrinterColumn) -> Vec<Error> {
    let mut errors = Vec::new();
    if column.name.is_empty() {
        errors.push(Error::required(&Path::new(&format!("{path}.name")), ""));
    }
    let one_of = |accepted: &[&str]| format!("must be one of {}", accepted.join(","));
    if column.type_.is_empty() {
        errors.push(Error::required(
            &Path::new(&format!("{path}.type")),
            one_of(&TYPES),
        ));
    } else if !TYPES.contains(&column.type_.as_str()) {
        let type_ = column.type_.as_str();
        errors.push(Error::invalid(
            &Path::new(&format!("{path}.type")),
            type_,
            one_of(&TYPES),
        ));
    }
    let format = column.format.as_str();
    if !format.is_empty() && !FORMATS.contains(&format) {
        errors.push(Error::invalid(
            &Path::new(&format!("{path}.format")),
            format,
            one_of(&FORMATS),
        ));
    }
    let of_path = format!("{path}.JSONPath");
    if column.json_path.is_empty() {
        errors.push(Error::required(&Path::new(&of_path), ""));
    } else {
        errors.extend(simple_path(of_path, &column.json_path));
    }
    errors
}

/// `validateSimpleJSONPath` of what is not empty.
fn simple_path(path: String, json_path: &str) -> Option<Error> {
    let detail = "must be a simple json path starting with .";
    (!json_path.starts_with('.')).then(|| Error::invalid(&Path::new(&path), json_path, detail))
}

/// What is wrong with a version's subresources.
pub(super) fn subresources(path: &str, version: &DefinitionVersion) -> Vec<Error> {
    let subresources = version.subresources.as_ref();
    let scale = subresources.and_then(|subresources| subresources.scale.as_ref());
    scale
        .map(|scale| of_scale(&format!("{path}.subresources.scale"), scale))
        .unwrap_or_default()
}

fn of_scale(path: &str, scale: &ScaleSubresource) -> Vec<Error> {
    let mut errors = Vec::new();
    let required = [
        ("specReplicasPath", &scale.spec_replicas_path, ".spec."),
        ("statusReplicasPath", &scale.status_replicas_path, ".status."),
    ];
    for (field, json_path, below) in required {
        let path = format!("{path}.{field}");
        if json_path.is_empty() {
            errors.push(Error::required(&Path::new(&path), ""));
        } else if let Some(error) = simple_path(path.clone(), json_path) {
            errors.push(error);
        } else if !json_path.starts_with(below) {
            let detail = format!("should be a json path under {}", below.trim_end_matches('.'));
            errors.push(Error::invalid(&Path::new(&path), json_path.as_str(), detail));
        }
    }
    let path = format!("{path}.labelSelectorPath");
    let selector = scale.label_selector_path.as_deref().unwrap_or_default();
    if selector.is_empty() {
        return errors;
    }
    if let Some(error) = simple_path(path.clone(), selector) {
        errors.push(error);
    } else if !selector.starts_with(".spec.") && !selector.starts_with(".status.") {
        let detail = "should be a json path under either .spec or .status";
        errors.push(Error::invalid(&Path::new(&path), selector, detail));
    }
    errors
}
