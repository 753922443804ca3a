//! Fields that nobody manages (Go: `managedfields/internal/stripmeta.go`).

use std::sync::LazyLock;

use annex_structured_merge_diff::fieldpath::{ManagedFields, Path, Set};

/// What identifies an object, and what the server sets.
static STRIPPED: LazyLock<Set> = LazyLock::new(|| {
    let top = ["apiVersion", "kind", "metadata"].map(|name| Path::new([name]));
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let metadata = metadata.map(|name| Path::new(["metadata", name]));
    Set::from_paths(top.iter().chain(&metadata)).unwrap_or_default()
});

/// Takes from a manager what nobody manages, and the manager where nothing is left.
pub(super) fn strip_meta(fields: &mut ManagedFields, manager: &str) {
    let Some(owned) = fields.get_mut(manager) else {
        return;
    };
    owned.set = std::mem::take(&mut owned.set).difference(&STRIPPED);
    if owned.set.is_empty() {
        fields.remove(manager);
    }
}
