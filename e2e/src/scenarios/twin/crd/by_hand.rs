//! `cargo e2e play --group twin.example.com`: some sequences, or sides that run already.

use std::path::PathBuf;

use super::side::{GROUP, Side};
use super::{
    OTHER_GROUP, all, declared, documents, faults, judge, lanes, record, refused, requests, servers,
};
use crate::scenarios::{Failure, ensure};
use crate::{client, progress};

/// Whom to ask, and what.
pub(crate) struct Options<'a> {
    /// The kubeconfig of a kube-apiserver that takes CustomResourceDefinitions; none: it and ours are started here.
    pub(crate) definition: Option<&'a PathBuf>,
    /// The kubeconfig of a server that serves `definitions/` already; none: a second group at the kube-apiserver.
    pub(crate) ours: Option<&'a PathBuf>,
    /// Only sequences whose title contains this.
    pub(crate) only: &'a str,
    /// Where to write what the definition says.
    pub(crate) record: Option<&'a PathBuf>,
}

/// Asks both, and tells what is not as declared. At a kube-apiserver that runs already the definition stays: the next time begins faster.
///
/// # Errors
/// That, and a server that cannot be asked.
pub(crate) async fn play(options: &Options<'_>) -> Result<(), Failure> {
    let Some(definition) = options.definition else {
        let servers = servers::start().await?;
        let definition = Side::new(servers.kubernetes.clone(), GROUP);
        let ours = Side::new(servers.ours.clone(), GROUP);
        return compare(options, [definition, ours], true).await;
    };
    let cluster = client::connect_without_retries(definition).await?;
    let definition = Side::new(cluster.clone(), GROUP);
    let other = match options.ours {
        Some(kubeconfig) => Side::new(client::connect_without_retries(kubeconfig).await?, GROUP),
        None => Side::new(cluster, OTHER_GROUP),
    };
    if options.ours.is_none() {
        other.define().await?;
    }
    compare(options, [definition, other], options.ours.is_some()).await
}

async fn compare(options: &Options<'_>, sides: [Side; 2], is_ours: bool) -> Result<(), Failure> {
    let [definition, other] = &sides;
    definition.define().await?;
    let mut sequences = all();
    sequences.retain(|sequence| sequence.title.contains(options.only));
    ensure(!sequences.is_empty(), || "no sequence is called so".to_owned())?;
    let played = lanes::play(&sides, &sequences).await?;
    if let Some(directory) = options.record {
        record::write(directory, &played)?;
    }
    let compared = judge(&played, 1, if is_ours { declared::DECLARED } else { &[] });
    if options.only.is_empty() && compared.is_ok() {
        if is_ours {
            documents::compare(definition, other).await?;
        } else {
            faults::find(&sides, &sequences).await?;
        }
    }
    compared?;
    progress::say(format!(
        "{} sequences, {} answers are as declared, {} of them refusals",
        sequences.len(),
        requests(&played),
        refused(&played)
    ));
    Ok(())
}
