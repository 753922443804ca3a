//! How fast a fault is named.

use std::time::{Duration, Instant};

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{Api, api::ListParams};

use super::super::{Failure, World, ensure, test_server::TestServer};
use crate::progress;

/// The longest time from a fault's first symptom to its name in status.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// Does the deed, and waits for its symptom, and for `reason` on its condition and on `Ready`, followed by a watch from before the deed;
/// says how long the one came after the other, and returns the condition's message.
pub(super) async fn named<T>(
    world: &World,
    server: &str,
    reason: Reason,
    deed: impl Future<Output = Result<T, Failure>>,
    symptom: impl Future<Output = Result<(), Failure>>,
) -> Result<String, Failure> {
    let mut followed = world.follow(server).await?;
    deed.await?;
    let seen = async {
        symptom.await?;
        Ok::<_, Failure>(Instant::now())
    };
    let (seen, (told, message)) = tokio::try_join!(seen, followed.told(reason))?;
    let took = told.saturating_duration_since(seen);
    progress::say(format!(
        "    {server}: {reason} after {:.1} s",
        took.as_secs_f64()
    ));
    ensure(took <= LIMIT, || {
        format!(
            "{server}: {reason} was named {:.1} s after its first symptom",
            took.as_secs_f64()
        )
    })?;
    Ok(message)
}

/// The symptom of what is wrong from the moment at which it was written.
pub(super) async fn at_once() -> Result<(), Failure> {
    Ok(())
}

/// Waits until a pod of `server` looks as `symptom` says.
pub(super) async fn pod(
    world: &World,
    server: &TestServer,
    symptom: impl Fn(&Pod) -> bool,
) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), server.namespace);
    let of_server = ListParams::default().labels(&format!("annex.dev/server={}", server.name));
    world
        .eventually(&format!("symptom in a pod of {}", server.name), async || {
            let list = pods.list(&of_server).await.map_err(|error| error.to_string())?;
            let shows = list.items.iter().any(&symptom);
            shows
                .then_some(())
                .ok_or_else(|| format!("{} pod(s)", list.items.len()))
        })
        .await
}

/// Whether a container of the pod waits for one of these reasons.
pub(super) fn waits(pod: &Pod, reasons: &[&str]) -> bool {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    containers.into_iter().flatten().any(|container| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        reason.is_some_and(|reason| reasons.contains(&reason))
    })
}

/// Whether the pod runs.
pub(super) fn runs(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let running = |container: &k8s_openapi::api::core::v1::ContainerStatus| {
        container
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    };
    containers.is_some_and(|containers| containers.iter().all(running))
}

/// Waits for an Event about `server` whose reason is this and whose note has `words`; not about one of the same name that is gone.
pub(super) async fn event(world: &World, server: &str, reason: &str, words: &str) -> Result<String, Failure> {
    let events: Api<Event> = Api::all(world.client.clone());
    let uid = world.servers().get(server).await?.metadata.uid;
    let what = format!("Event {reason} about {server}: {words}");
    let of_reason = ListParams::default().fields(&format!("reason={reason}"));
    world
        .eventually(&what, async || {
            let list = events.list(&of_reason).await.map_err(|error| error.to_string())?;
            let of_server = list
                .items
                .into_iter()
                .filter(|event| event.regarding.as_ref().is_some_and(|about| about.uid == uid));
            let notes: Vec<String> = of_server.filter_map(|event| event.note).collect();
            let found = notes.iter().find(|note| note.contains(words)).cloned();
            found.ok_or_else(|| notes.join("\n    "))
        })
        .await
}
