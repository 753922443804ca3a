//! Following an object by a watch, for as long as somebody holds it: every state that the kube-apiserver had it in is seen, however
//! short, from before the deed that brings it about.

use std::future::Future;
use std::time::{Duration, Instant};

use annex_crds::v1alpha1::{AggregatedServer, Reason, RotationStep};
use futures::{Stream, StreamExt as _};
use kube::Api;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::world::{LIMIT, describe};
use super::{Failure, failure};

/// The pause before a watch that broke is begun again. A kube-apiserver that was restarted must not leave a test with
/// old news.
const PAUSE: Duration = Duration::from_millis(100);

/// A task that ends with its owner.
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The same pause each time.
pub(super) struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}

/// An object by its name, as it changes; `None` while there is none. A watch that broke goes on.
pub(super) fn object<K>(api: Api<K>, name: &str) -> impl Stream<Item = Option<K>> + Send + use<K>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Clone,
{
    watcher::watch_object(api, name)
        .backoff(Steady)
        .filter_map(async |event| event.ok())
}

/// One AggregatedServer's states since the watch began, each looked at once, in their order.
pub struct Followed {
    name: String,
    states: mpsc::UnboundedReceiver<(Instant, AggregatedServer)>,
    last: String,
    _watch: Task,
}

impl Followed {
    /// Begins, and returns once it sees all that comes. The state before is no part of it: what is waited for must come after.
    ///
    /// # Errors
    /// The server cannot be watched.
    pub(super) async fn start(api: Api<AggregatedServer>, name: &str) -> Result<Self, Failure> {
        let mut stream = Box::pin(object(api, name));
        let before = tokio::time::timeout(LIMIT, stream.next()).await;
        if !matches!(before, Ok(Some(_))) {
            return Err(failure(format!("AggregatedServer {name} cannot be watched")));
        }
        // As many as a test makes changes: some tens.
        let (sender, states) = mpsc::unbounded_channel();
        let watch = Task::spawn(async move {
            while let Some(state) = stream.next().await {
                if let Some(server) = state
                    && sender.send((Instant::now(), server)).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self {
            name: name.to_owned(),
            states,
            last: "nothing has changed".to_owned(),
            _watch: watch,
        })
    }

    /// The first state, of those not looked at yet, in which `look` finds what is wanted, and when it was seen; `look` answers
    /// with what it found, or with what is there instead.
    ///
    /// # Errors
    /// [`LIMIT`] passed: with what was there last.
    pub async fn find<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&AggregatedServer) -> Result<T, String>,
    ) -> Result<(Instant, T), Failure> {
        let deadline = tokio::time::Instant::now() + LIMIT;
        while let Ok(Some((at, server))) = tokio::time::timeout_at(deadline, self.states.recv()).await {
            match look(&server) {
                Ok(found) => return Ok((at, found)),
                Err(instead) => self.last = instead,
            }
        }
        Err(failure(format!(
            "followed AggregatedServer {} for {} s in vain for {what}; at last: {}",
            self.name,
            LIMIT.as_secs(),
            self.last
        )))
    }

    /// Waits until its rotation stands at this step.
    ///
    /// # Errors
    /// [`LIMIT`] passed.
    pub(super) async fn at_step(&mut self, step: RotationStep) -> Result<(), Failure> {
        let what = format!("step {step:?} of the rotation");
        let found = self.find(&what, |server| {
            let status = server.status.as_ref();
            let rotation = status.and_then(|status| status.certificates.rotation.as_ref());
            match rotation.map(|rotation| rotation.step) {
                Some(now) if now == step => Ok(()),
                now => Err(format!("{now:?}")),
            }
        });
        found.await.map(|_| ())
    }

    /// The first state that tells `reason`, on its condition and, as what keeps it from being so, on `Ready`; when it was seen, and
    /// the condition's message.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn told(&mut self, reason: Reason) -> Result<(Instant, String), Failure> {
        self.find(reason.as_str(), |server| tells(server, reason)).await
    }
}

fn tells(server: &AggregatedServer, reason: Reason) -> Result<String, String> {
    let status = server.status.as_ref();
    let conditions = status
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let of = |type_: &str| {
        conditions
            .iter()
            .find(|condition| condition.type_ == type_ && condition.reason == reason.as_str())
    };
    let ready = of("Ready").is_some_and(|ready| ready.status == "False");
    match of(reason.condition().as_str()) {
        Some(condition) if ready => Ok(condition.message.clone()),
        _ => Err(describe(conditions)),
    }
}
