//! Whether every kube-apiserver has seen a write. Each one has its own watch cache and its own proxy: a bundle that one
//! of them does not know yet makes it refuse the new leaf.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, Client, ResourceExt as _, api::GetParams, client::Body};
use tokio::time::Instant;

use super::{
    Seen, Widening,
    published::publishes,
    widening::{self, PROXY_DELAY},
};
use crate::aggregated_server::{
    context::Memory,
    control_planes::{self, Clients, MAX_CONTROL_PLANES},
};
use crate::clock::{self, Clock};
use crate::pki::Certificate;

/// How long one control plane may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

const NOT_SEEN: &str = "has not seen the new authority yet";

/// Why a bundle is not known everywhere yet; `None` once it is, and its proxies had their time. `api_services` are the
/// registered ones, as read a moment ago.
pub async fn widening(
    client: &Client,
    clients: &Clients,
    memory: &mut Memory,
    wanted: &[Certificate],
    api_services: &[&APIService],
) -> Option<String> {
    let newest = match widening::decide(api_services, wanted, memory.widened.as_ref(), Instant::now()) {
        Widening::Known => return None,
        Widening::Proxies => return Some(proxies()),
        Widening::Unpublished(behind) => {
            memory.widened = None;
            return Some(format!(
                "APIService {} does not publish the new authority yet",
                behind.name_any()
            ));
        }
        Widening::Ask(newest) => newest,
    };
    memory.widened = None;
    if let Some(why) = every_control_plane(client, clients, wanted, newest).await {
        return Some(why);
    }
    memory.widened = Some(Seen::new(wanted, Instant::now()));
    Some(proxies())
}

/// The same at each look: what counts down would be written again and again.
fn proxies() -> String {
    format!(
        "{} s for the control planes' proxies, which have just been told",
        PROXY_DELAY.as_secs()
    )
}

/// The first control plane that has not seen `newest`, the newest of the writes.
async fn every_control_plane(
    client: &Client,
    clients: &Clients,
    wanted: &[Certificate],
    newest: &APIService,
) -> Option<String> {
    let addresses = match control_planes::addresses(client).await {
        Ok(addresses) if addresses.is_empty() => return Some("no control plane is known".to_owned()),
        Ok(addresses) => addresses,
        Err(error) => return Some(format!("the control planes cannot be listed: {error}")),
    };
    for address in addresses {
        let seen = match clients(&address) {
            Ok(client) => has_seen(client, newest, wanted).await,
            Err(why) => Err(why),
        };
        if let Err(why) = seen {
            return Some(format!("control plane {address} {why}"));
        }
    }
    None
}

/// Clocks that are further apart than this make certificates that one control plane takes and another refuses: longer than the
/// hour by which a certificate's validity begins in the past.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);

/// Times within so many seconds are the same, for the words: which of two is named must not change from look to look.
const ALIKE: i64 = 600;

/// Which two control planes tell times that are more than an hour apart, or which one is so far from `clock`, if any is. One that
/// does not answer tells none.
///
/// # Errors
/// The control planes cannot be listed: then nobody was asked.
pub async fn clocks_differ(
    client: &Client,
    clients: &Clients,
    clock: &Clock,
) -> Result<Option<String>, kube::Error> {
    let mut addresses = control_planes::addresses(client).await?;
    addresses.sort_unstable();
    let times = addresses
        .into_iter()
        .take(MAX_CONTROL_PLANES)
        .map(|address| async move {
            let time = tokio::time::timeout(READ_TIMEOUT, time_of(clients, &address)).await;
            Some((address, time.ok().flatten()?))
        });
    let asked = Instant::now();
    let mut times: Vec<(String, Timestamp)> = join_all(times).await.into_iter().flatten().collect();
    times.push(("that has answered the operator so far".to_owned(), clock.now()));
    Ok(apart(&times, asked.elapsed()))
}

/// The two of `times` that are furthest apart, where that is further than the `slack` that it took to ask for them explains.
fn apart(times: &[(String, Timestamp)], slack: Duration) -> Option<String> {
    let (first, earliest) = times.iter().min_by_key(|(_, time)| time.as_second() / ALIKE)?;
    let (last, latest) = times.iter().max_by_key(|(_, time)| time.as_second() / ALIKE)?;
    let difference = latest.duration_since(*earliest);
    (difference > CLOCKS_APART + SignedDuration::try_from(slack).ok()?).then(|| {
        format!(
            "the clock of control plane {last} is {} ahead of that of {first}",
            clock::about(difference)
        )
    })
}

/// The `Date` of an answer, whatever it is.
async fn time_of(clients: &Clients, address: &str) -> Option<Timestamp> {
    let client = clients(address).ok()?;
    let request = http::Request::get("/readyz").body(Body::empty()).ok()?;
    clock::date(client.send(request).await.ok()?.headers())
}

/// A read "not older than" the write is answered from the watch cache, once it got there
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
async fn has_seen(client: Client, newest: &APIService, wanted: &[Certificate]) -> Result<(), String> {
    let not_older = GetParams {
        resource_version: newest.resource_version(),
    };
    let name = newest.name_any();
    let api = Api::<APIService>::all(client);
    let read = api.get_with(&name, &not_older);
    let seen = tokio::time::timeout(READ_TIMEOUT, read)
        .await
        .map_err(|_| "has not answered in time".to_owned())?;
    match seen {
        Ok(seen) if publishes(&seen, wanted) => Ok(()),
        Ok(_) => Err(NOT_SEEN.to_owned()),
        // Its watch cache did not get there within three seconds. It says how far it is, which is another version at each look.
        Err(kube::Error::Api(status)) if status.code == 504 => Err(NOT_SEEN.to_owned()),
        Err(error) => Err(format!("has not answered: {error}")),
    }
}

#[cfg(test)]
mod effects;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_client::{Answer, fake_client};

    /// What it says of itself is another version at each look, and status is not to be written at each look.
    #[tokio::test]
    async fn a_control_plane_that_is_behind_is_told_of_in_the_same_words_at_each_look() {
        let newest: APIService =
            serde_saphyr::from_str("metadata: { name: a, resourceVersion: '7' }").unwrap();
        let behind = fake_client(|_| Answer::status(504, "Timeout"));
        let why = has_seen(behind, &newest, &[]).await;
        assert_eq!(why, Err(NOT_SEEN.to_owned()));
        let refused = fake_client(|_| Answer::status(403, "Forbidden"));
        let why = has_seen(refused, &newest, &[]).await.unwrap_err();
        assert!(why.contains("the fake says Forbidden"), "{why}");
    }

    #[test]
    fn times_that_are_more_than_an_hour_apart_are_told() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (a, b) = ("10.0.0.1:6443".to_owned(), "10.0.0.2:6443".to_owned());
        let noon = time("2027-01-01T12:00:00Z");
        let both = |other: &str| [(a.clone(), noon), (b.clone(), time(other))];
        let none = Duration::ZERO;
        assert_eq!(apart(&[], none), None);
        assert_eq!(apart(&[(a.clone(), noon)], none), None);
        assert_eq!(apart(&both("2027-01-01T13:00:00Z"), none), None);
        assert_eq!(
            apart(&both("2027-01-01T15:00:01Z"), none).as_deref(),
            Some("the clock of control plane 10.0.0.2:6443 is 3 h ahead of that of 10.0.0.1:6443")
        );
        assert_eq!(
            apart(&both("2027-01-01T13:00:01Z"), Duration::from_secs(10)),
            None
        );
        assert!(apart(&both("2026-12-31T12:00:00Z"), none).is_some());
    }
}
