//! `cargo e2e play`: a pair of servers that run somewhere already, such as on this machine's loopback, without a cluster of the
//! harness. A seed that failed, or a change of the library, is looked at in seconds so.

use std::path::PathBuf;

use super::{PAIRS, crd, definition, differences, openapi, play, random, together};
use crate::scenarios::{Failure, failure};
use crate::{client, progress};

/// Whom to ask, and what.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kubeconfig of the Go server.
    pub go: Option<PathBuf>,
    /// The kubeconfig of ours.
    pub ours: Option<PathBuf>,
    /// The kubeconfig of a kube-apiserver that takes a CustomResourceDefinition, where that is to be asked.
    pub definition: Option<PathBuf>,
    /// The API group of the pair.
    pub group: String,
    /// How many random requests are sent; none: those that are written down.
    pub random: Option<usize>,
    /// What the first random sequence is made of.
    pub seed: u64,
    /// Of what a definition is asked beside a served one, only the sequences whose titles contain this.
    pub only: String,
    /// Where to write what that definition says.
    pub record: Option<PathBuf>,
}

/// Asks both, and tells what is not as declared.
///
/// # Errors
/// That, and a server that cannot be asked.
pub async fn play(options: &Options) -> Result<(), Failure> {
    if options.group == crd::GROUP {
        return crd::play_by_hand(&crd::ByHand {
            definition: options.definition.as_ref(),
            ours: options.ours.as_ref(),
            only: &options.only,
            record: options.record.as_ref(),
        })
        .await;
    }
    let pair = PAIRS
        .into_iter()
        .find(|pair| pair.group == options.group)
        .ok_or_else(|| failure(format!("no pair has the group {}", options.group)))?;
    let ours = wanted(options.ours.as_ref(), "--ours")?;
    let ours_client = client::connect_without_retries(ours).await?;
    if let Some(definition) = &options.definition {
        let cluster = client::connect_without_retries(definition).await?;
        return definition::beside(&cluster, &ours_client, pair).await;
    }
    let go = wanted(options.go.as_ref(), "--go")?;
    let go_client = client::connect_without_retries(go).await?;
    if let Some(requests) = options.random {
        let sides = random::Sides::new(&go_client, &ours_client);
        return sides.play(pair, options.seed, requests).await;
    }
    let requests = pair.requests();
    let (go, ours) = futures::join!(
        play::play(&go_client, &requests),
        play::play(&ours_client, &requests)
    );
    let compared = differences::compare(pair.declared, &requests, &go?, &ours?)?;
    if pair.definition {
        together::patches(&ours_client, pair).await?;
        openapi::of_connecters(&go_client, &ours_client, pair).await?;
    }
    progress::say(format!("{compared} answers are as declared"));
    Ok(())
}

fn wanted<'a>(kubeconfig: Option<&'a PathBuf>, option: &str) -> Result<&'a PathBuf, Failure> {
    kubeconfig.ok_or_else(|| failure(format!("{option} is missing")))
}
