//! What a scenario made, so that a failure is told and cleaned away by what is its own, beside others that go on.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// Kinds of objects that outlive a namespace, and are in the way of a later scenario.
const KINDS: [&str; 5] = [
    "aggregatedresourcedefinition",
    "aggregatedserver",
    "apiservice",
    "customresourcedefinition",
    "namespace",
];

/// Cluster-scoped objects by kind, in small letters, and name; also those that are gone by now.
#[derive(Debug, Default)]
pub(super) struct Made(Mutex<BTreeSet<(&'static str, String)>>);

impl Made {
    /// Remembers an object of one of [`KINDS`].
    pub(super) fn note(&self, kind: &str, name: &str) {
        let kind = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind));
        if let Some(kind) = kind {
            self.lock().insert((kind, name.to_owned()));
        }
    }

    /// Remembers those of a manifest. One that cannot be read is the API server's to refuse.
    pub(super) fn manifest(&self, yaml: &str) {
        let objects: Vec<Object> = serde_saphyr::from_multiple(yaml).unwrap_or_default();
        for object in objects {
            self.note(&object.kind, &object.metadata.name);
        }
    }

    /// The names of a kind.
    pub(super) fn of(&self, kind: &str) -> Vec<String> {
        let made = self.lock();
        let named = made.iter().filter(|(own, _)| *own == kind);
        named.map(|(_, name)| name.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[cfg(test)]
mod tests {
    use super::Made;
    use crate::scenarios::world::sample_server;

    #[test]
    fn a_manifest_tells_what_outlives_a_namespace() {
        let made = Made::default();
        made.manifest(&format!(
            "{}---\napiVersion: v1\nkind: Service\nmetadata: {{ name: adapter, namespace: one }}\n",
            sample_server("one", "one", "")
        ));
        made.note("namespace", "one");
        assert_eq!(made.of("aggregatedserver"), ["one"]);
        assert_eq!(made.of("namespace"), ["one"]);
        assert!(made.of("service").is_empty());
    }

    #[test]
    fn what_is_no_manifest_is_nothing() {
        let made = Made::default();
        made.manifest("kind: [");
        assert!(made.of("aggregatedserver").is_empty());
    }
}
