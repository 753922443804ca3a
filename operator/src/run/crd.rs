//! Waits until the cluster serves AggregatedServers: the operator may be installed before its CRDs.

use std::time::Duration;

use kube::Client;
use tokio::time::{sleep, timeout};

use crate::{admin::Health, error_chain::error_chain};

const API_VERSION: &str = "annex.dev/v1alpha1";
const PLURAL: &str = "aggregatedservers";
/// Between two questions.
const PERIOD: Duration = Duration::from_secs(2);
/// For one answer.
const LIMIT: Duration = Duration::from_secs(10);

/// What one question showed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Served,
    NotServed,
    Unreachable(String),
}

/// Returns once AggregatedServers are served, having told `health` of each step.
pub(super) async fn wait(client: &Client, health: &Health) {
    let mut told = None;
    loop {
        let seen = ask(client).await;
        if told.as_ref() != Some(&seen) {
            tell(&seen);
        }
        match seen {
            Seen::Unreachable(_) => {}
            Seen::NotServed => health.set_reached(),
            Seen::Served => {
                health.set_reached();
                health.set_installed();
                return;
            }
        }
        told = Some(seen);
        sleep(PERIOD).await;
    }
}

/// Discovery, which every authenticated client may read.
async fn ask(client: &Client) -> Seen {
    match timeout(LIMIT, client.list_api_group_resources(API_VERSION)).await {
        Ok(Ok(list)) if list.resources.iter().any(|resource| resource.name == PLURAL) => Seen::Served,
        Ok(Ok(_)) => Seen::NotServed,
        // By its code: the answer for a group that does not exist is plain text and no Status.
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Seen::NotServed,
        Ok(Err(error)) => Seen::Unreachable(error_chain(&error)),
        Err(_) => Seen::Unreachable(format!("no answer within {LIMIT:?}")),
    }
}

fn tell(seen: &Seen) {
    match seen {
        Seen::Served => tracing::debug!("AggregatedServers are served"),
        Seen::NotServed => {
            tracing::warn!("waits for the CRD of AggregatedServer: is the chart annex-crds installed?")
        }
        Seen::Unreachable(error) => tracing::warn!(%error, "waits for the API server"),
    }
}
