//! Names: `ValidateCustomResourceDefinitionNames`, and those of groups and versions.

use crate::field::{Error, Path};
use crate::names;
use crate::resource_definition::spec::DefinitionNames;

/// What is wrong with a group.
pub(super) fn group(group: &str) -> Option<Error> {
    let path = "spec.group";
    if group.is_empty() {
        return Some(Error::required(&Path::new(path), ""));
    }
    let wrong = names::dns_subdomain_name(group);
    if !wrong.is_empty() {
        return Some(Error::invalid(&Path::new(path), group, wrong.join(",")));
    }
    let detail = "should be a domain with at least one dot";
    (!group.contains('.')).then(|| Error::invalid(&Path::new(path), group, detail))
}

/// What is wrong with a label of RFC 1035.
pub(super) fn label(path: &str, text: &str) -> Option<Error> {
    let wrong = names::dns_1035_label(text);
    (!wrong.is_empty()).then(|| Error::invalid(&Path::new(path), text, wrong.join(",")))
}

/// What is wrong with the names of a resource and its kind.
pub(super) fn validate(names: &DefinitionNames) -> Vec<Error> {
    let path = |name: &str| format!("spec.names.{name}");
    let mut errors = Vec::new();
    let named = [
        ("plural", &names.plural),
        ("singular", &names.singular),
        ("kind", &names.kind),
        ("listKind", &names.list_kind),
    ];
    let missing = named.iter().filter(|(_, name)| name.is_empty());
    errors.extend(missing.map(|(field, _)| Error::required(&Path::new(&path(field)), "")));
    for (field, name) in named.iter().filter(|(_, name)| !name.is_empty()) {
        if matches!(*field, "plural" | "singular") {
            errors.extend(label(&path(field), name));
            continue;
        }
        let wrong = names::dns_1035_label(&name.to_lowercase());
        if !wrong.is_empty() {
            let detail = format!(
                "may have mixed case, but should otherwise match: {}",
                wrong.join(",")
            );
            errors.push(Error::invalid(&Path::new(&path(field)), name.as_str(), detail));
        }
    }
    for (index, name) in names.short_names.iter().enumerate() {
        errors.extend(label(&path(&format!("shortNames[{index}]")), name));
    }
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(Error::invalid(
            &Path::new(&path("listKind")),
            names.list_kind.as_str(),
            detail,
        ));
    }
    for (index, name) in names.categories.iter().enumerate() {
        errors.extend(label(&path(&format!("categories[{index}]")), name));
    }
    errors
}
