//! A CustomResourceDefinition on a kube-apiserver beside the same definition on a server of Annex: the same requests, the same answers.
//!
//! What is asked stands in `requests/crd/`, a file for each subsection of what Kubernetes' API servers do with requests: common rules, reads,
//! watches, creations, updates, patches, deletions and the rest. A [`Side`] is a client and the name of a group, so that nothing depends on how
//! it came to serve the definition: the third side is the kube-apiserver again, under another group, by which is seen what Kubernetes itself does
//! not always say alike, and that the comparison sees what it should, by faults that are sown into its answers (`faults`).

mod by_hand;
mod declared;
mod documents;
mod faults;
mod invalid;
mod lanes;
mod normal;
mod play;
mod record;
mod sequence;
mod servers;
mod side;
mod watch;

use super::super::{Failure, ensure};
use super::differences::{self, Difference};
use crate::progress;
pub(super) use by_hand::{Options as ByHand, play as play_by_hand};
use lanes::Played;
use sequence::Sequence;
use servers::Servers;
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

/// The definition at servers of its own: no answer differs but where it is declared, and every fault that is sown is found.
pub(super) async fn beside_annex() -> Result<(), Failure> {
    let servers = progress::step("starting a kube-apiserver and annex-apiserver", servers::start()).await?;
    let Servers { kubernetes, ours, .. } = &servers;
    let sides = [(kubernetes, GROUP), (kubernetes, OTHER_GROUP), (ours, GROUP)];
    let sides = sides.map(|(client, group)| Side::new(client.clone(), group));
    let [definition, itself, ours] = &sides;
    definition.define().await?;
    itself.define().await?;
    let sequences = all();
    let played = lanes::play(&sides, &sequences).await?;
    let outcomes = [
        judge(&played, 1, &[]).map_err(|error| format!("beside itself: {error}")),
        judge(&played, 2, declared::DECLARED).map_err(|error| format!("beside Annex: {error}")),
    ];
    let found = faults::find(&[definition.clone(), itself.clone()], &sequences).await;
    let documents = documents::compare(definition, ours).await;
    let mut failed: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    failed.extend(found.err().map(|error| error.to_string()));
    failed.extend(documents.err().map(|error| format!("documents: {error}")));
    let (compared, refused) = (requests(&played), refused(&played));
    progress::say(format!(
        "    {} sequences, {compared} requests, {refused} of them refused, {} declared to differ",
        sequences.len(),
        declared::DECLARED.len()
    ));
    if refused * 5 < compared * 2 {
        failed.push(format!("of {compared} requests only {refused} are refused"));
    }
    ensure(failed.is_empty(), || failed.join("\n"))
}

/// How many requests were played.
fn requests(played: &[Played]) -> usize {
    played.iter().map(|played| played.requests.len()).sum()
}

/// How many requests the definition refuses.
fn refused(played: &[Played]) -> usize {
    let said = played
        .iter()
        .flat_map(|played| played.said.first().into_iter().flatten());
    said.filter(|said| said.code >= 400).count()
}

/// What the first side said beside what another one did.
///
/// # Errors
/// What differs and is not declared, or does not and is.
fn judge(played: &[Played], other: usize, declared: &[Difference]) -> Result<usize, Failure> {
    let requests: Vec<_> = played.iter().flat_map(|played| played.requests.clone()).collect();
    let [one, other] = [0, other].map(|side| -> Vec<_> {
        let said = played.iter().filter_map(|played| played.said.get(side));
        said.flat_map(|said| normal::answers(said)).collect()
    });
    differences::compare(declared, &requests, &one, &other)
}
