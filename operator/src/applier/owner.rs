//! Who an object belongs to, read from the marks that owners leave.

use std::fmt;

use serde_json::Value;

/// The owner of an object that is not ours, as far as the object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An ownerReference, the controller's where there is one.
    Object {
        /// The owner's kind.
        kind: String,
        /// The owner's name.
        name: String,
        /// The owner's uid: an owner that was deleted and made again has another one.
        uid: String,
    },
    /// A release of helm.
    HelmRelease {
        /// The release's namespace.
        namespace: String,
        /// The release's name.
        name: String,
    },
    /// The label `app.kubernetes.io/managed-by`.
    ManagedBy(String),
    /// Nobody but those who wrote its fields.
    FieldManagers(Vec<String>),
    /// The object carries no mark at all.
    Unknown,
}

impl Owner {
    /// Reads the marks, the most binding one first.
    #[must_use]
    pub fn of(live: &Value) -> Self {
        Self::by_reference(live)
            .or_else(|| Self::by_helm(live))
            .or_else(|| Self::by_label(live))
            .or_else(|| Self::by_fields(live))
            .unwrap_or(Self::Unknown)
    }

    fn by_reference(live: &Value) -> Option<Self> {
        let references = live["metadata"]["ownerReferences"].as_array()?;
        let controller = references
            .iter()
            .find(|reference| reference["controller"] == true);
        let reference = controller.or_else(|| references.first())?;
        Some(Self::Object {
            kind: text(&reference["kind"])?,
            name: text(&reference["name"])?,
            uid: text(&reference["uid"])?,
        })
    }

    fn by_helm(live: &Value) -> Option<Self> {
        let annotations = &live["metadata"]["annotations"];
        Some(Self::HelmRelease {
            namespace: text(&annotations["meta.helm.sh/release-namespace"])?,
            name: text(&annotations["meta.helm.sh/release-name"])?,
        })
    }

    fn by_label(live: &Value) -> Option<Self> {
        text(&live["metadata"]["labels"]["app.kubernetes.io/managed-by"]).map(Self::ManagedBy)
    }

    fn by_fields(live: &Value) -> Option<Self> {
        let entries = live["metadata"]["managedFields"].as_array()?;
        // Writers of status and other subresources serve the object, they do not own it.
        let main = entries
            .iter()
            .filter(|entry| text(&entry["subresource"]).is_none());
        let mut managers: Vec<_> = main.filter_map(|entry| text(&entry["manager"])).collect();
        managers.sort();
        managers.dedup();
        (!managers.is_empty()).then_some(Self::FieldManagers(managers))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { kind, name, uid } => write!(f, "{kind} {name} (uid {uid})"),
            Self::HelmRelease { namespace, name } => write!(f, "helm release {namespace}/{name}"),
            Self::ManagedBy(manager) => write!(f, "{manager} (app.kubernetes.io/managed-by)"),
            Self::FieldManagers(managers) => write!(f, "field manager {}", managers.join(", ")),
            Self::Unknown => f.write_str("an unknown owner"),
        }
    }
}

/// Whether one of the object's ownerReferences has this uid.
pub(super) fn is_owned_by(object: &Value, uid: &str) -> bool {
    !uid.is_empty()
        && object["metadata"]["ownerReferences"]
            .as_array()
            .is_some_and(|references| references.iter().any(|reference| reference["uid"] == uid))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_binding_mark_names_the_owner() {
        let plain = json!({ "kind": "A", "name": "plain", "uid": "1" });
        let controller = json!({ "kind": "B", "name": "controlling", "uid": "2", "controller": true });
        let helm = json!({ "meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n" });
        let label = json!({ "app.kubernetes.io/managed-by": "Kustomize" });
        let fields = json!([
            { "manager": "kubectl-create", "operation": "Update" },
            { "manager": "argocd", "operation": "Apply" },
            { "manager": "argocd", "operation": "Update" },
            { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status" },
        ]);
        for (metadata, expected) in [
            (
                json!({ "ownerReferences": [plain, controller], "annotations": helm }),
                "B controlling (uid 2)",
            ),
            (
                json!({ "ownerReferences": [plain], "labels": label }),
                "A plain (uid 1)",
            ),
            (
                json!({ "annotations": helm, "labels": label }),
                "helm release n/r",
            ),
            (
                json!({ "labels": label, "managedFields": fields }),
                "Kustomize (app.kubernetes.io/managed-by)",
            ),
            (
                json!({ "managedFields": fields }),
                "field manager argocd, kubectl-create",
            ),
            (json!({ "ownerReferences": [] }), "an unknown owner"),
        ] {
            assert_eq!(Owner::of(&json!({ "metadata": metadata })).to_string(), expected);
        }
    }

    #[test]
    fn ownership_is_by_uid() {
        let object = json!({ "metadata": { "ownerReferences": [{ "uid": "1" }, { "uid": "2" }] } });
        for (uid, expected) in [("1", true), ("2", true), ("3", false), ("", false)] {
            assert_eq!(is_owned_by(&object, uid), expected, "{uid:?}");
        }
        assert!(!is_owned_by(&json!({ "metadata": {} }), "1"));
    }
}
