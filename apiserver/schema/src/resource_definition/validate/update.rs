//! What a definition may not change: `ValidateCustomResourceDefinitionUpdate`.

use super::validate;
use crate::field::{Error, Path};
use crate::resource_definition::document::Definition;

/// What is wrong with `new` in the place of `old`.
pub(in crate::resource_definition) fn validate_update(
    new: &Definition,
    old: &Definition,
    established: bool,
    stored_versions: &[String],
) -> Vec<Error> {
    let mut errors = validate(new);
    let (spec, before) = (&new.spec, &old.spec);
    let of_objects = [
        ("spec.scope", &spec.scope, &before.scope),
        ("spec.names.kind", &spec.names.kind, &before.names.kind),
    ];
    let of_name = [
        ("spec.group", &spec.group, &before.group),
        ("spec.names.plural", &spec.names.plural, &before.names.plural),
    ];
    let of_objects = of_objects.into_iter().filter(|_| established);
    let changed = of_objects.chain(of_name).filter(|(_, new, before)| new != before);
    errors.extend(
        changed.map(|(path, new, _)| Error::invalid(&Path::new(path), new.as_str(), "field is immutable")),
    );
    for (index, stored) in stored_versions.iter().enumerate() {
        if !spec.versions.iter().any(|version| version.name == *stored) {
            let detail = format!(
                "missing from spec.versions; {stored} was previously a storage version, and must remain in spec.versions until a \
                 storage migration ensures no data remains persisted in {stored} and removes {stored} from status.storedVersions"
            );
            let path = format!("status.storedVersions[{index}]");
            errors.push(Error::invalid(&Path::new(&path), stored.as_str(), detail));
        }
    }
    errors
}
