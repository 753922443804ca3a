//! What is wrong with a definition: `ValidateCustomResourceDefinition` of apiextensions' `pkg/apis/apiextensions/validation/validation.go`,
//! in its order and words.
//!
//! What all versions say alike is told once, of the spec, as the kube-apiserver does: its internal type has a place there
//! (`Convert_v1_CustomResourceDefinitionSpec_To_apiextensions_CustomResourceDefinitionSpec`).

mod approval;
mod names;
mod schema;
mod selectable;
mod update;
mod versions;

pub(super) use update::validate_update;

use serde_json::{Value, json};

use super::document::Definition;
use super::spec::{DefinitionSpec, DefinitionVersion, NO_CONVERSION, WEBHOOK};
use crate::field::{Error, Path};

/// What is wrong with a new definition whose defaults are set.
pub(super) fn validate(definition: &Definition) -> Vec<Error> {
    let spec = &definition.spec;
    let mut errors = of_name(definition);
    of_spec(spec, &mut errors);
    errors.extend(approval::validate(definition));
    if spec.preserve_unknown_fields {
        errors.push(Error::invalid(&Path::new("spec.preserveUnknownFields"),
            true,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ));
    }
    errors
}

fn of_name(definition: &Definition) -> Vec<Error> {
    let (name, spec) = (&definition.name, &definition.spec);
    if name.is_empty() {
        return vec![Error::required(
            &Path::new("metadata.name"),
            "name or generateName is required",
        )];
    }
    let mut wrong = crate::names::dns_subdomain_name(name);
    if *name != format!("{}.{}", spec.names.plural, spec.group) {
        wrong.push(r#"must be spec.names.plural+"."+spec.group"#.to_owned());
    }
    let of_name = |wrong| Error::invalid(&Path::new("metadata.name"), name.as_str(), wrong);
    wrong.into_iter().map(of_name).collect()
}

/// Which fields all versions say alike, so that the kube-apiserver tells of them as of the spec's.
struct Shared {
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable_fields: bool,
}

impl Shared {
    fn of(versions: &[DefinitionVersion]) -> Self {
        let Some(first) = versions.first() else {
            return Self {
                schema: false,
                subresources: false,
                columns: false,
                selectable_fields: false,
            };
        };
        let alike = |is_alike: fn(&DefinitionVersion, &DefinitionVersion) -> bool| {
            versions.iter().all(|version| is_alike(version, first))
        };
        Self {
            schema: alike(|version, first| version.schema == first.schema),
            subresources: alike(|version, first| version.subresources == first.subresources),
            columns: alike(|version, first| {
                version.additional_printer_columns == first.additional_printer_columns
            }),
            selectable_fields: alike(|version, first| version.selectable_fields == first.selectable_fields),
        }
    }
}

fn of_spec(spec: &DefinitionSpec, errors: &mut Vec<Error>) {
    errors.extend(names::group(&spec.group));
    errors.extend(one_of("spec.scope", &spec.scope, &["Cluster", "Namespaced"]));
    for (index, version) in spec.versions.iter().enumerate() {
        if version.document().is_none() {
            let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(Error::required(&Path::new(&path), ""));
        }
    }
    let shared = Shared::of(&spec.versions);
    if spec.preserve_unknown_fields && spec.versions.iter().any(schema::has_defaults) {
        errors.push(Error::invalid(
            &Path::new("spec.preserveUnknownFields"),
            true,
            "must be false in order to use defaults in the schema",
        ));
    }
    for (index, version) in spec.versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        errors.extend(names::label(&format!("{path}.name"), &version.name));
        errors.extend(versions::deprecation(&path, version));
        if !shared.schema {
            errors.extend(schema::validate(&format!("{path}.schema"), version));
        }
        if !shared.subresources {
            errors.extend(versions::subresources(&path, version));
        }
        if !shared.columns {
            errors.extend(versions::columns(&path, version));
        }
        if !shared.selectable_fields {
            errors.extend(selectable::validate(
                &path,
                version,
                version.document().filter(|_| !shared.schema),
            ));
        }
    }
    let mut names_of_versions: Vec<&str> = spec.versions.iter().map(|version| &*version.name).collect();
    names_of_versions.sort_unstable();
    if names_of_versions.windows(2).any(|pair| pair[0] == pair[1]) {
        let detail = "must contain unique version names";
        errors.push(Error::invalid(
            &Path::new("spec.versions"),
            shown(spec, &shared),
            detail,
        ));
    }
    if spec.versions.iter().filter(|version| version.storage).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(Error::invalid(
            &Path::new("spec.versions"),
            shown(spec, &shared),
            detail,
        ));
    }
    // The internal type has the first version's name beside the versions.
    if let Some(first) = spec.versions.first().filter(|first| !first.name.is_empty()) {
        errors.extend(names::label("spec.version", &first.name));
    }
    errors.extend(names::validate(&spec.names));
    if let Some(first) = spec.versions.first() {
        if shared.schema {
            let any_status = spec.versions.iter().any(DefinitionVersion::has_status);
            errors.extend(schema::validate_as("spec.validation", first, any_status));
        }
        if shared.subresources {
            errors.extend(versions::subresources("spec", first));
        }
        if shared.columns {
            errors.extend(versions::columns("spec", first));
        }
        if shared.selectable_fields {
            errors.extend(selectable::validate_shared(first, shared.schema));
        }
    }
    errors.extend(of_conversion(spec));
}

fn of_conversion(spec: &DefinitionSpec) -> Vec<Error> {
    let path = "spec.conversion";
    let Some(conversion) = &spec.conversion else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    if conversion.strategy != NO_CONVERSION && spec.preserve_unknown_fields {
        errors.push(Error::invalid(
            &Path::new(&format!("{path}.strategy")),
            conversion.strategy.as_str(),
            "must be None if spec.preserveUnknownFields is true",
        ));
    }
    errors.extend(one_of(
        &format!("{path}.strategy"),
        &conversion.strategy,
        &[NO_CONVERSION, WEBHOOK],
    ));
    if conversion.strategy != WEBHOOK && conversion.webhook.is_some() {
        errors.push(Error::forbidden(
            &Path::new(&format!("{path}.webhookClientConfig")),
            "should not be set when strategy is not set to Webhook",
        ));
    }
    errors
}

/// `validateEnumStrings` of what is required.
fn one_of(path: &str, value: &str, accepted: &[&str]) -> Option<Error> {
    if value.is_empty() {
        return Some(Error::required(&Path::new(path), ""));
    }
    (!accepted.contains(&value)).then(|| Error::not_supported(&Path::new(path), value, accepted))
}

/// The versions as an error shows them: those of Go's internal type, whose fields have no JSON names. Of schemas and subresources that
/// are not shared nothing is shown.
fn shown(spec: &DefinitionSpec, shared: &Shared) -> Value {
    let column = |column: &super::spec::PrinterColumn| {
        json!({
            "Name": column.name, "Type": column.type_, "Format": column.format, "Description": column.description,
            "Priority": column.priority, "JSONPath": column.json_path,
        })
    };
    let of_version = |version: &DefinitionVersion| {
        let columns: Vec<Value> = version.additional_printer_columns.iter().map(column).collect();
        json!({
            "Name": version.name, "Served": version.served, "Storage": version.storage,
            "Deprecated": version.deprecated, "DeprecationWarning": version.deprecation_warning,
            "Schema": null, "Subresources": null,
            "AdditionalPrinterColumns": if shared.columns || columns.is_empty() { Value::Null } else { columns.into() },
            "SelectableFields": null,
        })
    };
    spec.versions.iter().map(of_version).collect()
}

#[cfg(test)]
mod tests;
