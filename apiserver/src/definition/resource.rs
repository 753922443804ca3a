//! The resource that a definition describes. Go: `getOrCreateServingInfoFor` of apiextensions' `customresource_handler.go`.

use std::cmp::Reverse;
use std::sync::Arc;

use annex_schema::resource_definition::{
    Definition, DefinitionSpec, DefinitionSubresources, DefinitionVersion, PrinterColumn, ScaleSubresource,
};
use kube::core::Version as Priority;

use super::strategy::Declared;
use crate::resource::{Column, Hub, Names, Policy, Resource, ScalePaths, Scope, Subresources, Version};
use crate::rest::Rest;
use crate::schema::Schema;
use crate::status::FieldError;

/// The resource that a definition describes. It behaves as a CustomResourceDefinition's.
///
/// # Errors
/// What is wrong with the definition ([`Definition::validate`]), or what it asks for that is not built ([`Definition::unbuilt`]).
pub fn resource(definition: &Definition) -> Result<Resource, Vec<FieldError>> {
    let errors = [definition.validate(), definition.unbuilt()];
    if let Some(errors) = errors.into_iter().find(|errors| !errors.is_empty()) {
        return Err(errors.into_iter().map(FieldError::from).collect());
    }
    let spec = &definition.spec;
    let mut versions: Vec<&DefinitionVersion> = spec.versions.iter().collect();
    versions.sort_by_key(|version| Reverse(Priority::parse(&version.name).priority()));
    let (served, unserved): (Vec<_>, Vec<_>) = versions.into_iter().partition(|version| version.served);
    let describe = |versions: Vec<&DefinitionVersion>| -> Vec<Version> {
        versions
            .into_iter()
            .map(|version| describe(spec, version))
            .collect()
    };
    let storage_version = spec.versions.iter().find(|version| version.storage);
    Ok(Resource {
        group: spec.group.clone(),
        names: names(spec),
        scope: if spec.scope == "Cluster" {
            Scope::Cluster
        } else {
            Scope::Namespaced
        },
        versions: describe(served),
        unserved: describe(unserved),
        storage_version: storage_version
            .map(|version| version.name.clone())
            .unwrap_or_default(),
        hub: Hub::OfRequest,
        strategy: Arc::new(Declared::new(spec)?),
        policy: Policy {
            unstructured: true,
            ..Policy::default()
        },
        rest: Rest::Stored,
        subresources: Vec::new(),
    })
}

fn names(spec: &DefinitionSpec) -> Names {
    let names = spec.names.clone();
    Names {
        plural: names.plural,
        singular: names.singular,
        kind: names.kind,
        list_kind: names.list_kind,
        short_names: names.short_names,
        categories: names.categories,
    }
}

fn describe(spec: &DefinitionSpec, version: &DefinitionVersion) -> Version {
    let document = version.document().cloned();
    let fields = version.selectable_fields.iter();
    Version {
        name: version.name.clone(),
        schema: Arc::new(Schema::of_custom_resource(document.unwrap_or_default())),
        columns: version.additional_printer_columns.iter().map(column).collect(),
        selectable_fields: fields.map(|field| field.json_path.clone()).collect(),
        subresources: version
            .subresources
            .as_ref()
            .map(subresources)
            .unwrap_or_default(),
        deprecation_warning: version.deprecated.then(|| deprecation_warning(spec, version)),
    }
}

fn column(column: &PrinterColumn) -> Column {
    Column {
        name: column.name.clone(),
        type_: column.type_.clone(),
        format: column.format.clone(),
        description: column.description.clone(),
        priority: column.priority,
        json_path: column.json_path.clone(),
    }
}

fn subresources(subresources: &DefinitionSubresources) -> Subresources {
    Subresources {
        status: subresources.status.is_some(),
        scale: subresources.scale.as_ref().map(scale_paths),
    }
}

fn scale_paths(scale: &ScaleSubresource) -> ScalePaths {
    ScalePaths {
        spec_replicas: scale.spec_replicas_path.clone(),
        status_replicas: scale.status_replicas_path.clone(),
        label_selector: scale.label_selector_path.clone().filter(|path| !path.is_empty()),
    }
}

/// What clients of a deprecated version are warned of: Go's `defaultDeprecationWarning`, unless the definition says it.
fn deprecation_warning(spec: &DefinitionSpec, version: &DefinitionVersion) -> String {
    if let Some(warning) = &version.deprecation_warning {
        return warning.clone();
    }
    let (group, kind) = (&spec.group, &spec.names.kind);
    let priority = |version: &DefinitionVersion| Priority::parse(&version.name).priority();
    let better = spec
        .versions
        .iter()
        .filter(|other| other.served && !other.deprecated && priority(other) > priority(version))
        .max_by_key(|other| priority(other));
    let message = format!("{group}/{} {kind} is deprecated", version.name);
    match better {
        Some(better) => format!("{message}; use {group}/{} {kind}", better.name),
        None => message,
    }
}
