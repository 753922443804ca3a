//! What has to be done for a volume to grow. Pure.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::PersistentVolumeClaim},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt as _;

use super::size::Bytes;
use crate::aggregated_server::{
    finding::Finding,
    names::{DATA_VOLUME, Names},
};

/// The next step of a volume's growth.
#[derive(Clone, Debug, PartialEq)]
pub enum Growth {
    /// None: what follows is the StorageClass's driver's, and the kubelet's.
    None,
    /// The claim is to ask for more.
    Raise,
    /// The StatefulSet is to be made again, so that it asks for what the claim asks for already.
    MakeAgain,
    /// Something else has to come first.
    Blocked(Finding),
}

/// What has to be done so that the volume is as large as `wanted`, for the StatefulSet and the claim that are there.
#[must_use]
pub fn decide(
    names: &Names,
    wanted: &Quantity,
    set: Option<&StatefulSet>,
    claim: Option<&PersistentVolumeClaim>,
) -> Growth {
    let Some(size) = Bytes::of(wanted) else {
        let message = format!("storage.embedded.size {} is no number of bytes", wanted.0);
        return Growth::Blocked(Finding::new(Reason::VolumeNotResized, message));
    };
    // A claim that asks for nothing does not pass the API.
    let small = claim.filter(|claim| requested(claim).is_some_and(|requested| requested < size));
    if let Some(claim) = small {
        return raise(names, wanted, claim);
    }
    let set = set.filter(|set| set.metadata.deletion_timestamp.is_none());
    match set.and_then(template_request).and_then(Bytes::of) {
        Some(made_with) if made_with < size => Growth::MakeAgain,
        _ => Growth::None,
    }
}

/// What the claim in the StatefulSet asks for: `wanted`, but as long as there is a StatefulSet that was made with another
/// size, that one, which cannot be changed in it.
#[must_use]
pub fn template_size(wanted: &Quantity, set: Option<&StatefulSet>) -> Quantity {
    let made_with = set.and_then(template_request);
    made_with
        .filter(|made_with| Bytes::of(made_with) != Bytes::of(wanted))
        .unwrap_or(wanted)
        .clone()
}

fn raise(names: &Names, wanted: &Quantity, claim: &PersistentVolumeClaim) -> Growth {
    let called = format!("claim {}/{}", names.namespace, claim.name_any());
    if !is_ours(names, claim) {
        let message = format!(
            "{called} is smaller than {}, and was not made by this server's StatefulSet: Annex leaves it as it is",
            wanted.0
        );
        return Growth::Blocked(Finding::new(Reason::VolumeNotResized, message));
    }
    if phase(claim) != Some("Bound") {
        let message = format!("{called} will ask for {} once it has a volume", wanted.0);
        return Growth::Blocked(Finding::new(Reason::ResizingVolume, message));
    }
    Growth::Raise
}

/// By the labels that a StatefulSet's controller copies from our template.
fn is_ours(names: &Names, claim: &PersistentVolumeClaim) -> bool {
    let labels = claim.labels();
    names
        .labels()
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn template_request(set: &StatefulSet) -> Option<&Quantity> {
    let templates = set.spec.volume_claim_templates.as_ref()?;
    let ours = templates
        .iter()
        .find(|claim| claim.metadata.name.as_deref() == Some(DATA_VOLUME))?;
    request(ours)
}

fn request(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    resources.requests.as_ref()?.get("storage")
}

/// What a claim asks for.
#[must_use]
pub fn requested(claim: &PersistentVolumeClaim) -> Option<Bytes> {
    request(claim).and_then(Bytes::of)
}

/// A claim's phase.
#[must_use]
pub fn phase(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.status.as_ref()?.phase.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregated_server::{
        build::{
            defaults::{Chosen, Images},
            stateful_set::stateful_set,
            storage::claim_template,
        },
        testing::{embedded_server, names},
    };

    fn quantity(text: &str) -> Quantity {
        Quantity(text.to_owned())
    }

    fn set(size: &str) -> StatefulSet {
        let server = embedded_server();
        let embedded = server.spec.storage.as_ref().unwrap().embedded.as_ref().unwrap();
        let chosen = Chosen::of(
            server.spec.workload.as_ref().unwrap(),
            Images::default(),
            None,
            &[],
        );
        stateful_set(&names(), embedded, &quantity(size), &chosen, Default::default())
    }

    fn claim(size: &str, phase: &str) -> PersistentVolumeClaim {
        let mut claim = claim_template(&names(), &quantity(size), None);
        claim.metadata.name = Some("annex-data-wardle-0".into());
        claim.status.get_or_insert_default().phase = Some(phase.into());
        claim
    }

    fn step(growth: &Growth) -> &str {
        match growth {
            Growth::None => "none",
            Growth::Raise => "raise",
            Growth::MakeAgain => "make again",
            Growth::Blocked(finding) => finding.reason.as_str(),
        }
    }

    #[test]
    fn each_step_follows_from_what_is_there() {
        let bound = |size: &str| Some(claim(size, "Bound"));
        for (what, template, claim, expected) in [
            ("nothing is there yet", None, None, "none"),
            ("all is as wanted", Some("2Gi"), bound("2Gi"), "none"),
            (
                "the same size in other words",
                Some("2048Mi"),
                bound("2147483648"),
                "none",
            ),
            ("the claim comes first", Some("1Gi"), bound("1Gi"), "raise"),
            (
                "an operator ended after the claim",
                Some("1Gi"),
                bound("2Gi"),
                "make again",
            ),
            (
                "an operator ended between deletion and creation",
                None,
                bound("2Gi"),
                "none",
            ),
            (
                "the claim of an earlier server is smaller",
                None,
                bound("1Gi"),
                "raise",
            ),
            ("the same, later", Some("2Gi"), bound("1Gi"), "raise"),
            (
                "the claim of an earlier server is larger",
                Some("2Gi"),
                bound("5Gi"),
                "none",
            ),
            ("no pod has asked for a claim", Some("1Gi"), None, "make again"),
            (
                "the claim has no volume",
                Some("1Gi"),
                Some(claim("1Gi", "Pending")),
                "ResizingVolume",
            ),
            ("the StatefulSet is larger", Some("3Gi"), bound("3Gi"), "none"),
        ] {
            let set = template.map(set);
            let growth = decide(&names(), &quantity("2Gi"), set.as_ref(), claim.as_ref());
            assert_eq!(step(&growth), expected, "{what}");
        }
    }

    #[test]
    fn a_claim_that_somebody_else_made_is_left_alone() {
        let mut foreign = claim("1Gi", "Bound");
        foreign.metadata.labels = None;
        let growth = decide(&names(), &quantity("2Gi"), Some(&set("2Gi")), Some(&foreign));
        assert_eq!(step(&growth), "VolumeNotResized");
        assert_eq!(
            step(&decide(&names(), &quantity("1Gi"), None, Some(&foreign))),
            "none"
        );
    }

    #[test]
    fn a_statefulset_on_its_way_out_is_not_deleted_again() {
        let mut leaving = set("1Gi");
        leaving.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::UNIX_EPOCH,
        ));
        let claim = claim("2Gi", "Bound");
        let growth = decide(&names(), &quantity("2Gi"), Some(&leaving), Some(&claim));
        assert_eq!(growth, Growth::None);
    }

    #[test]
    fn a_statefulset_keeps_the_size_that_it_was_made_with() {
        assert_eq!(template_size(&quantity("2Gi"), None), quantity("2Gi"));
        assert_eq!(
            template_size(&quantity("2Gi"), Some(&set("1Gi"))),
            quantity("1Gi")
        );
        assert_eq!(
            template_size(&quantity("2048Mi"), Some(&set("2Gi"))),
            quantity("2048Mi")
        );
    }
}
