//! `cargo e2e play --group twin.example.com`: sides that run already.

use std::path::PathBuf;

use super::side::{GROUP, Side};
use super::{OTHER_GROUP, all, faults, judge, lanes, record, refused};
use crate::scenarios::{Failure, ensure};
use crate::{client, progress};

/// Whom to ask, and what.
pub(crate) struct Options<'a> {
    /// The kubeconfig of a kube-apiserver that takes CustomResourceDefinitions.
    pub(crate) definition: &'a PathBuf,
    /// The kubeconfig of a server that serves `definitions/` already; none: a second group at the kube-apiserver.
    pub(crate) ours: Option<&'a PathBuf>,
    /// Only sequences whose title contains this.
    pub(crate) only: &'a str,
    /// Where to write what the definition says.
    pub(crate) record: Option<&'a PathBuf>,
}

/// Asks both, and tells what is not as declared. The definition stays at the kube-apiserver: the next time begins faster.
///
/// # Errors
/// That, and a server that cannot be asked.
pub(crate) async fn play(options: &Options<'_>) -> Result<(), Failure> {
    let cluster = client::connect_without_retries(options.definition).await?;
    let definition = Side::new(cluster.clone(), GROUP);
    definition.define().await?;
    let other = match options.ours {
        Some(kubeconfig) => Side::new(client::connect_without_retries(kubeconfig).await?, GROUP),
        None => Side::new(cluster, OTHER_GROUP),
    };
    if options.ours.is_none() {
        other.define().await?;
    }
    let sides = [definition, other];
    let mut sequences = all();
    sequences.retain(|sequence| sequence.title.contains(options.only));
    ensure(!sequences.is_empty(), || "no sequence is called so".to_owned())?;
    let played = lanes::play(&sides, &sequences).await?;
    if let Some(directory) = options.record {
        record::write(directory, &played)?;
    }
    let compared = judge(&played);
    if options.ours.is_none() && options.only.is_empty() {
        faults::find(&sides, &sequences).await?;
    }
    let compared = compared?;
    progress::say(format!(
        "{} sequences, {compared} answers are as declared, {} of them refusals",
        sequences.len(),
        refused(&played)
    ));
    Ok(())
}
