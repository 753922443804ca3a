//! A CustomResourceDefinition on the kube-apiserver beside the same definition on another side: the same requests, the same answers.
//!
//! What is asked stands in `requests/crd/`, a file for each subsection of what Kubernetes' API servers do with requests: common rules, reads,
//! watches, creations, updates, patches, deletions and the rest. A [`Side`] is a client and the name of a group, so that nothing depends on how
//! it came to serve the definition. That the comparison sees what it should is shown by faults that are sown into one side's answers
//! (`faults`).

mod by_hand;
mod declared;
mod faults;
mod invalid;
mod lanes;
mod normal;
mod play;
mod record;
mod sequence;
mod side;
mod watch;

use super::super::{Failure, World, ensure};
use super::differences;
use crate::{client, progress};
pub(super) use by_hand::{Options as ByHand, play as play_by_hand};
use lanes::Played;
use sequence::Sequence;
pub(super) use side::GROUP;
use side::Side;

/// The second group at the same kube-apiserver.
const OTHER_GROUP: &str = "twin.example.org";

/// The subsections and their sequences.
const SECTIONS: [(&str, &str); 8] = [
    ("3.4", include_str!("../requests/crd/3.4-common.http")),
    ("3.5", include_str!("../requests/crd/3.5-read.http")),
    ("3.6", include_str!("../requests/crd/3.6-watch.http")),
    ("3.7", include_str!("../requests/crd/3.7-create.http")),
    ("3.8", include_str!("../requests/crd/3.8-update.http")),
    ("3.9", include_str!("../requests/crd/3.9-patch.http")),
    ("3.10", include_str!("../requests/crd/3.10-delete.http")),
    ("3.11", include_str!("../requests/crd/3.11-others.http")),
];

/// All sequences, each with the number of its subsection before its title.
fn all() -> Vec<Sequence> {
    SECTIONS
        .into_iter()
        .flat_map(|(_, file)| sequence::sequences(file))
        .collect()
}

/// The definition under two groups of the kube-apiserver: no answer differs but where it is declared, and every fault that is sown into the second's
/// answers is found.
pub(super) async fn beside_itself(world: &World) -> Result<(), Failure> {
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let sides = [GROUP, OTHER_GROUP].map(|group| Side::new(client.clone(), group));
    for name in sides.iter().flat_map(Side::names) {
        world.made.note("customresourcedefinition", &name);
    }
    for name in lanes::namespaces() {
        world.made.note("namespace", &name);
    }
    for side in &sides {
        side.define().await?;
    }
    let compared = compare(&sides, &all()).await;
    let found = faults::find(&sides, &all()).await;
    for side in &sides {
        side.undefine().await?;
    }
    for name in lanes::namespaces() {
        world
            .kubectl(&format!("delete namespace {name} --wait=false"))
            .await?;
    }
    compared?;
    found
}

/// Plays sequences to both sides.
///
/// # Errors
/// What differs and is not declared, or does not and is.
async fn compare(sides: &[Side; 2], sequences: &[Sequence]) -> Result<(), Failure> {
    let played = lanes::play(sides, sequences).await?;
    let compared = judge(&played)?;
    let refused = refused(&played);
    progress::say(format!(
        "    {} sequences, {compared} requests, {refused} of them refused",
        sequences.len()
    ));
    ensure(refused * 5 >= compared * 2, || {
        format!("of {compared} requests only {refused} are refused")
    })
}

/// How many requests the definition refuses.
fn refused(played: &[Played]) -> usize {
    let said = played.iter().flat_map(|played| &played.said[0]);
    said.filter(|said| said.code >= 400).count()
}

fn judge(played: &[Played]) -> Result<usize, Failure> {
    let requests: Vec<_> = played.iter().flat_map(|played| played.requests.clone()).collect();
    let [one, other] = [0, 1].map(|side| -> Vec<_> {
        let answers = played.iter().map(|played| normal::answers(&played.said[side]));
        answers.flatten().collect()
    });
    differences::compare(declared::DECLARED, &requests, &one, &other)
}
