//! What is wrong with a claim, or under way. Pure.

use std::time::Duration;

use annex_crds::{MANAGER, v1alpha1::Reason};
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt as _;

use super::{
    growth::{phase, requested},
    size::Bytes,
};
use crate::aggregated_server::finding::Finding;

/// A claim without a volume that is younger is being given one.
const BINDING: Duration = Duration::from_secs(15);
/// A resize that takes longer does not happen: drivers take seconds, and the kubelet a minute or two.
const RESIZING: Duration = Duration::from_secs(300);

/// What keeps the claim's volume from being used.
#[must_use]
pub fn unusable(claim: &PersistentVolumeClaim, now: Timestamp) -> Option<Finding> {
    let called = called(claim);
    let unavailable = |why: String| {
        Some(Finding::new(
            Reason::StorageUnavailable,
            format!("{called} {why}"),
        ))
    };
    if claim.metadata.deletion_timestamp.is_some() {
        return unavailable(
            "is being deleted: it goes, with all that is stored, once its pod ends".to_owned(),
        );
    }
    match phase(claim) {
        Some("Lost") => unavailable("has lost its volume".to_owned()),
        Some("Bound") => None,
        _ if since(claim.metadata.creation_timestamp.as_ref(), now).is_some_and(|age| age < BINDING) => None,
        _ => {
            let class = claim
                .spec
                .as_ref()
                .and_then(|spec| spec.storage_class_name.as_deref());
            let class = match class {
                Some(class) => format!("StorageClass {class}"),
                None => "the cluster has no default StorageClass, and storage.embedded names none".to_owned(),
            };
            unavailable(format!(
                "has no volume yet ({class}); its Events say why: kubectl -n {} describe pvc {}",
                claim.namespace().unwrap_or_default(),
                claim.name_any()
            ))
        }
    }
}

/// Where a resize stands that the claim has asked for.
#[must_use]
pub fn resizing(claim: &PersistentVolumeClaim, now: Timestamp) -> Option<Finding> {
    let status = claim.status.as_ref()?;
    let capacity = status.capacity.as_ref()?.get("storage")?;
    if phase(claim) != Some("Bound") || Bytes::of(capacity)? >= requested(claim)? {
        return None;
    }
    let called = called(claim);
    let has = format!("{called} has {} and asks for more", capacity.0);
    if let Some(why) = failure(status) {
        return Some(Finding::new(Reason::VolumeNotResized, format!("{has}: {why}")));
    }
    let asked = since(asked_at(claim), now);
    if asked.is_some_and(|asked| asked >= RESIZING) {
        let minutes = RESIZING.as_secs() / 60;
        let message = format!(
            "{has} for {minutes} minutes and longer{}; does the driver of its StorageClass resize volumes?",
            pending(status)
        );
        return Some(Finding::new(Reason::VolumeNotResized, message));
    }
    Some(Finding::new(
        Reason::ResizingVolume,
        format!("{has}{}", pending(status)),
    ))
}

fn called(claim: &PersistentVolumeClaim) -> String {
    format!(
        "claim {}/{}",
        claim.namespace().unwrap_or_default(),
        claim.name_any()
    )
}

fn since(time: Option<&Time>, now: Timestamp) -> Option<Duration> {
    // A clock that is behind the API server's sees the future: that is now.
    time.map(|time| Duration::try_from(now.duration_since(time.0)).unwrap_or_default())
}

/// What resizers write (core/v1, PersistentVolumeClaimConditionType, ClaimResourceStatus).
fn failure(status: &PersistentVolumeClaimStatus) -> Option<String> {
    let failed = status.conditions.iter().flatten().find(|condition| {
        condition.status == "True"
            && matches!(
                condition.type_.as_str(),
                "ControllerResizeError" | "NodeResizeError"
            )
    });
    if let Some(failed) = failed {
        let message = failed.message.as_deref().unwrap_or_default();
        return Some(format!("{}: {message}", failed.type_));
    }
    let resize = status.allocated_resource_statuses.as_ref()?.get("storage")?;
    resize.ends_with("Infeasible").then(|| resize.clone())
}

fn pending(status: &PersistentVolumeClaimStatus) -> &'static str {
    let pending = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "FileSystemResizePending" && condition.status == "True");
    if pending {
        "; the volume has grown, its file system follows on the node, with some drivers at the pod's next start"
    } else {
        ""
    }
}

/// When the claim was last written by us: only to ask for more.
fn asked_at(claim: &PersistentVolumeClaim) -> Option<&Time> {
    let ours = claim
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(|entry| entry.manager.as_deref() == Some(MANAGER));
    ours.filter_map(|entry| entry.time.as_ref())
        .max_by_key(|time| time.0)
        .or(claim.metadata.creation_timestamp.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T18:10:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn claim(created: &str, rest: &str) -> PersistentVolumeClaim {
        let yaml = format!(
            "
metadata:
  name: annex-data-wardle-0
  namespace: wardle
  creationTimestamp: {created}
{rest}"
        );
        serde_saphyr::from_str(&yaml).unwrap()
    }

    fn reason(finding: Option<&Finding>) -> &str {
        finding.map_or("", |finding| finding.reason.as_str())
    }

    #[test]
    fn a_claim_without_a_volume_is_named_after_a_moment() {
        let pending = "spec: { storageClassName: standard }\nstatus: { phase: Pending }";
        assert_eq!(unusable(&claim("2026-11-22T18:09:50Z", pending), now()), None);
        // The API server's clock may be ahead.
        assert_eq!(unusable(&claim("2026-11-22T18:10:50Z", pending), now()), None);
        let found = unusable(&claim("2026-11-22T18:09:40Z", pending), now()).unwrap();
        assert_eq!(found.reason, Reason::StorageUnavailable);
        assert_eq!(
            found.message,
            "claim wardle/annex-data-wardle-0 has no volume yet (StorageClass standard); its Events say why: kubectl -n wardle \
             describe pvc annex-data-wardle-0"
        );
        let classless = claim("2026-11-22T18:00:00Z", "spec: {}\nstatus: { phase: Pending }");
        let found = unusable(&classless, now()).unwrap();
        assert!(found.message.contains("no default StorageClass"), "{found:?}");
    }

    #[test]
    fn a_volume_that_is_lost_or_leaves_is_named() {
        let created = "2026-11-22T18:09:59Z";
        for (rest, expected) in [
            ("status: { phase: Bound }", ""),
            ("status: { phase: Lost }", "StorageUnavailable"),
            (
                "  deletionTimestamp: 2026-11-22T18:09:59Z\nstatus: { phase: Bound }",
                "StorageUnavailable",
            ),
        ] {
            assert_eq!(
                reason(unusable(&claim(created, rest), now()).as_ref()),
                expected,
                "{rest}"
            );
        }
    }

    #[test]
    fn a_resize_is_told_from_one_that_does_not_happen() {
        let resized = |asked: &str, more: &str| {
            let rest = format!(
                "
  managedFields:
  - {{ manager: kube-controller-manager, operation: Update, time: '{NOW}' }}
  - {{ manager: annex-operator, operation: Update, time: '{asked}' }}
spec: {{ resources: {{ requests: {{ storage: 2Gi }} }} }}
status: {{ phase: Bound, capacity: {{ storage: 1Gi }} {more} }}"
            );
            resizing(&claim("2026-11-22T10:00:00Z", &rest), now())
        };
        let (soon, late) = ("2026-11-22T18:09:00Z", "2026-11-22T18:05:00Z");
        for (asked, more, expected) in [
            (soon, "", "ResizingVolume"),
            (late, "", "VolumeNotResized"),
            (
                soon,
                ", conditions: [{ type: FileSystemResizePending, status: 'True' }]",
                "ResizingVolume",
            ),
            (
                soon,
                ", conditions: [{ type: ControllerResizeError, status: 'True', message: no space }]",
                "VolumeNotResized",
            ),
            (
                soon,
                ", allocatedResourceStatuses: { storage: NodeResizeInfeasible }",
                "VolumeNotResized",
            ),
            (
                soon,
                ", allocatedResourceStatuses: { storage: NodeResizePending }",
                "ResizingVolume",
            ),
        ] {
            let found = resized(asked, more);
            assert_eq!(reason(found.as_ref()), expected, "{asked} {more}");
        }
        let done = "spec: { resources: { requests: { storage: 1Gi } } }\nstatus: { phase: Bound, capacity: { storage: 1Gi } }";
        assert_eq!(resizing(&claim(late, done), now()), None);
    }
}
