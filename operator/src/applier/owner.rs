//! Who an object belongs to, read from the marks that owners leave.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;

/// The annotations by which helm marks what a release made: the release's namespace, and its name.
pub const HELM_ANNOTATIONS: [&str; 2] = ["meta.helm.sh/release-namespace", "meta.helm.sh/release-name"];

/// What an object is to an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// One of its ownerReferences has the owner's uid.
    Ours,
    /// It names an owner of the same kind and name with another uid: the owner was deleted and made again, and the object
    /// came back from a backup, or the garbage collector is about to delete it. It is to be taken up again before.
    Former,
    /// It is somebody else's, or nobody's.
    Foreign,
}

impl Ownership {
    /// What an object with these `references` is to `owner`, which must be cluster-scoped: by its name there is one owner at
    /// a time, and another uid is that of one that is gone. What another controller has is that one's all the same.
    ///
    /// A caller that acts on [`Ownership::Former`] makes sure that `owner` is there after it has read the object: else it may
    /// be the caller that is late, and the other uid the successor's.
    #[must_use]
    pub fn of(references: &[OwnerReference], owner: &OwnerReference) -> Self {
        if !owner.uid.is_empty() && references.iter().any(|reference| reference.uid == owner.uid) {
            return Self::Ours;
        }
        let (former, others): (Vec<_>, Vec<_>) = references
            .iter()
            .partition(|reference| is_former(reference, owner));
        if former.is_empty() || others.iter().any(|other| other.controller == Some(true)) {
            Self::Foreign
        } else {
            Self::Former
        }
    }
}

/// The `references` of an object with `owner` in the place of the former ones.
#[must_use]
pub fn adopted(references: &[OwnerReference], owner: &OwnerReference) -> Vec<OwnerReference> {
    let others = references.iter().filter(|reference| !is_former(reference, owner));
    others.chain([owner]).cloned().collect()
}

/// Whether `reference` names `owner`'s kind and name with another uid.
pub(super) fn is_former(reference: &OwnerReference, owner: &OwnerReference) -> bool {
    let group = |reference: &OwnerReference| {
        let group = reference.api_version.split_once('/');
        group.map_or_else(String::new, |(group, _)| group.to_owned())
    };
    reference.uid != owner.uid
        && reference.kind == owner.kind
        && reference.name == owner.name
        && group(reference) == group(owner)
}

/// The ownerReferences of `object`.
pub(super) fn references(object: &Value) -> Vec<OwnerReference> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| serde_json::from_value(reference.clone()).ok())
        .collect()
}

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
        let [namespace, name] = HELM_ANNOTATIONS;
        Some(Self::HelmRelease {
            namespace: text(&annotations[namespace])?,
            name: text(&annotations[name])?,
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
    fn what_names_the_owner_is_its_own_or_its_formers() {
        let reference =
            |api_version: &str, kind: &str, name: &str, uid: &str, controller: bool| OwnerReference {
                api_version: api_version.into(),
                kind: kind.into(),
                name: name.into(),
                uid: uid.into(),
                controller: Some(controller),
                ..OwnerReference::default()
            };
        let server =
            |name: &str, uid: &str| reference("annex.dev/v1alpha1", "AggregatedServer", name, uid, true);
        let owner = server("wardle", "1");
        let older = reference("annex.dev/v1alpha0", "AggregatedServer", "wardle", "0", true);
        let elsewhere = reference("example.com/v1alpha1", "AggregatedServer", "wardle", "0", true);
        let replica_set = reference("apps/v1", "ReplicaSet", "wardle", "7", true);
        let plain = reference("v1", "ConfigMap", "x", "8", false);
        for (references, expected) in [
            (vec![owner.clone()], Ownership::Ours),
            (vec![plain.clone(), owner.clone()], Ownership::Ours),
            (vec![server("wardle", "0"), owner.clone()], Ownership::Ours),
            (vec![server("wardle", "0")], Ownership::Former),
            (vec![older], Ownership::Former),
            (vec![plain.clone(), server("wardle", "0")], Ownership::Former),
            (
                vec![server("wardle", "0"), server("wardle", "")],
                Ownership::Former,
            ),
            (vec![server("wardle", "0"), replica_set], Ownership::Foreign),
            (vec![server("other", "0")], Ownership::Foreign),
            (vec![elsewhere], Ownership::Foreign),
            (vec![plain], Ownership::Foreign),
            (vec![], Ownership::Foreign),
        ] {
            assert_eq!(Ownership::of(&references, &owner), expected, "{references:?}");
        }
        let nameless = server("wardle", "");
        assert_eq!(
            Ownership::of(std::slice::from_ref(&nameless), &nameless),
            Ownership::Foreign
        );
    }
}
