//! What Annex adds to a workload by itself, in revisions: the pods of a server are those of the revision that their workload was made
//! with, whichever Annex runs. A newer revision comes with the next change of the pods in `spec.workload`, and never by an upgrade
//! of Annex, which restarts nothing.
//!
//! Which revision that is, and for which `spec.workload`, is recorded in annotations of the Deployment or StatefulSet.

use std::collections::BTreeMap;

use annex_crds::{
    DEFAULTS_REVISION_ANNOTATION as REVISION_ANNOTATION, SERVER_IMAGE_ANNOTATION as IMAGE_ANNOTATION,
    WORKLOAD_PODS_ANNOTATION as PODS_ANNOTATION, v1alpha1::Workload,
};
use k8s_openapi::api::core::v1::Pod;
use kube::core::ObjectMeta;

use crate::{aggregated_server::live::LiveWorkload, applier};

/// Fields of `spec.workload` that are not about pods: a change of them restarts none.
const NOT_OF_PODS: [&str; 2] = ["replicas", "strategy"];

/// The defaults of one revision.
#[derive(Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Its number, from 1.
    pub revision: u32,
    /// How many seconds a pod serves on while its end becomes known, where the server does not see to that itself: about what an
    /// EndpointSlice takes to every node.
    pub sleep_seconds: Option<i64>,
    /// How many seconds a new pod of a Deployment is ready before an old one goes.
    pub min_ready_seconds: Option<i32>,
    /// Whether pods of a Deployment are kept apart, by node and by zone.
    pub spread: bool,
    /// Where the last words of a container are from.
    pub termination_message_policy: Option<&'static str>,
}

/// Every revision that there was. One that was released is never changed: the pods of somebody's server are made of it.
const REVISIONS: [Defaults; 2] = [
    Defaults {
        revision: 1,
        sleep_seconds: None,
        min_ready_seconds: None,
        spread: false,
        termination_message_policy: None,
    },
    Defaults {
        revision: 2,
        sleep_seconds: Some(5),
        min_ready_seconds: Some(5),
        spread: true,
        termination_message_policy: Some("FallbackToLogsOnError"),
    },
];

const OLDEST: &Defaults = &REVISIONS[0];
const NEWEST: &Defaults = &REVISIONS[REVISIONS.len() - 1];

/// The images for a workload that names none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Images<'a> {
    /// The one that came with this Annex.
    pub newest: &'a str,
    /// What the AggregatedServer's annotation says that asks for it, see [`annex_crds::UPDATE_IMAGE_ANNOTATION`].
    pub update: Option<&'a str>,
}

/// The defaults of a workload, and what is recorded of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The defaults.
    pub defaults: &'static Defaults,
    /// The image, where `spec.workload` names none.
    pub image: Option<String>,
    /// Of what `spec.workload` says of the pods.
    digest: String,
}

impl Defaults {
    /// What the pods' own annotations tell of it: those of the first revision told nothing.
    #[must_use]
    pub fn annotation(&self) -> Option<(String, String)> {
        (self.revision > OLDEST.revision).then(|| (REVISION_ANNOTATION.to_owned(), self.revision.to_string()))
    }
}

impl Chosen {
    /// The defaults for `workload`, which is `live` now: those that are recorded, while `workload` says of the pods what it said
    /// then, else the newest. A workload of before there were revisions has the first; one that is recorded by a newer Annex gets
    /// the newest that is known here. Where there is none, such as a StatefulSet that is made again around its pod, the `pods` that
    /// run keep theirs. So it is with the image where `workload` names none: the one that `images` has is taken at the next change,
    /// or when somebody asks for it. What is recorded at the workload is recorded in its pods' template too: whoever takes the one away does
    /// not take the pods back.
    #[must_use]
    pub fn of(workload: &Workload, images: Images<'_>, live: Option<&LiveWorkload>, pods: &[Pod]) -> Self {
        let update = images.update.filter(|_| workload.image.is_none());
        let digest = digest(workload, update);
        let staying = || pods.iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
        let metadata = live
            .map(LiveWorkload::metadata)
            .or_else(|| staying().map(|pod| &pod.metadata));
        let metadata = metadata.filter(|metadata| is_recorded_for(metadata, &digest));
        let of_template = |name| live.and_then(|live| live.pods_annotation(name));
        let defaults = metadata.and_then(|metadata| {
            let recorded = [
                annotation(metadata, REVISION_ANNOTATION),
                of_template(REVISION_ANNOTATION),
            ]
            .map(recorded);
            recorded.into_iter().max_by_key(|defaults| defaults.revision)
        });
        let image = metadata.and_then(|metadata| {
            let recorded = annotation(metadata, IMAGE_ANNOTATION).or_else(|| of_template(IMAGE_ANNOTATION));
            recorded.map(str::to_owned)
        });
        let newest = || images.newest.to_owned();
        Self {
            defaults: defaults.unwrap_or(NEWEST),
            image: workload.image.is_none().then(|| image.unwrap_or_else(newest)),
            digest,
        }
    }

    /// The image that came with Annex since, where these have an older one.
    #[must_use]
    pub fn newer_image<'a>(&self, images: Images<'a>) -> Option<&'a str> {
        let image = self.image.as_deref()?;
        (image != images.newest).then_some(images.newest)
    }

    /// What is recorded of them at the workload.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let revision = self.defaults.revision.to_string();
        let recorded = [
            (REVISION_ANNOTATION.to_owned(), revision),
            (PODS_ANNOTATION.to_owned(), self.digest.clone()),
        ];
        recorded.into_iter().chain(self.of_image()).collect()
    }

    /// What the pods' own annotations tell of the image: where the workload is gone, they alone do.
    #[must_use]
    pub fn of_image(&self) -> Option<(String, String)> {
        let image = self.image.clone()?;
        Some((IMAGE_ANNOTATION.to_owned(), image))
    }
}

fn annotation<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The revision that is recorded so; the first was not recorded at all.
fn recorded(revision: Option<&str>) -> &'static Defaults {
    let Some(revision) = revision else {
        return OLDEST;
    };
    let is_recorded = |defaults: &&Defaults| defaults.revision.to_string() == revision;
    REVISIONS.iter().find(is_recorded).unwrap_or(NEWEST)
}

/// Whether it was recorded for the same words, as far as that is known.
fn is_recorded_for(metadata: &ObjectMeta, digest: &str) -> bool {
    annotation(metadata, PODS_ANNOTATION).is_none_or(|recorded| recorded == digest)
}

/// What `workload` says of the pods. The digest is the same for the same words in every version of Annex: a field of `Workload` that
/// comes later must not be serialized where it is not given.
fn digest(workload: &Workload, update_image: Option<&str>) -> String {
    // A Workload was made of JSON, and always serializes.
    let mut words = serde_json::to_value(workload).unwrap_or_default();
    if let Some(fields) = words.as_object_mut() {
        fields.retain(|field, _| !NOT_OF_PODS.contains(&field.as_str()));
        if let Some(update) = update_image {
            fields.insert("updateImage".to_owned(), update.into());
        }
    }
    applier::digest(&words)
}

#[cfg(test)]
mod tests;
