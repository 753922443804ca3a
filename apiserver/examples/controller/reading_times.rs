//! The controller: for each Essay that changes it writes how long it takes to read it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annex_apiserver::prelude::*;
use annex_apiserver::prometheus_client::metrics::counter::Counter;
use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client};
use serde_json::json;

use crate::essays::{Essay, EssayStatus};

const MANAGER: &str = "reading-times";
const MEASURED: &str = "Measured";
/// When to try again what failed.
const AGAIN: Duration = Duration::from_secs(5);

/// What the controller knows, and tells. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct ReadingTimes {
    words_per_minute: i64,
    pub(crate) written: Counter,
    failure: Arc<Mutex<Option<String>>>,
}

/// Forgets what went wrong when it is dropped.
struct Forgotten(ReadingTimes);

impl Drop for Forgotten {
    fn drop(&mut self) {
        self.0.found(None);
    }
}

struct Context {
    client: Client,
    times: ReadingTimes,
}

#[derive(Debug, thiserror::Error)]
enum ReconcileError {
    #[error("failed to write the status of an essay: {0}")]
    Write(#[from] kube::Error),
}

impl ReadingTimes {
    pub(crate) fn new(words_per_minute: u32) -> Self {
        Self {
            words_per_minute: words_per_minute.max(1).into(),
            written: Counter::default(),
            failure: Arc::default(),
        }
    }

    /// What went wrong last, for the readiness check.
    pub(crate) fn check(&self) -> Result<(), String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().map_or(Ok(()), Err)
    }

    /// Follows the essays until the server ends, or this replica does not lead any more: what failed then is the next leader's.
    pub(crate) async fn run(self, task: TaskContext) -> Result<(), BoxError> {
        let _forgotten = Forgotten(self.clone());
        let client = task.client();
        let context = Context {
            client: client.clone(),
            times: self,
        };
        Controller::new(Api::<Essay>::all(client), watcher::Config::default())
            .graceful_shutdown_on(task.stopped())
            .run(reconcile, again, Arc::new(context))
            .for_each(|_| async {})
            .await;
        Ok(())
    }

    fn found(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// What is to be said of an essay.
    fn status(&self, essay: &Essay) -> EssayStatus {
        let words = i64::try_from(essay.spec.text.split_whitespace().count()).unwrap_or(i64::MAX);
        let generation = essay.metadata.generation.unwrap_or_default();
        let mut known = essay.status.conditions.iter();
        let measured = known.find(|condition| condition.type_ == MEASURED && condition.status == "True");
        // It changes when the condition's status does, and that of an essay that was measured is True for good.
        let since = measured.map(|condition| condition.last_transition_time.clone());
        EssayStatus {
            observed_generation: generation,
            words,
            reading_seconds: words.saturating_mul(60) / self.words_per_minute,
            conditions: vec![Condition {
                type_: MEASURED.to_owned(),
                status: "True".to_owned(),
                reason: "WordsCounted".to_owned(),
                message: format!("at {} words a minute", self.words_per_minute),
                observed_generation: Some(generation),
                last_transition_time: since.unwrap_or_else(|| Time(Timestamp::now())),
            }],
        }
    }
}

async fn reconcile(essay: Arc<Essay>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let status = context.times.status(&essay);
    if essay.status != status {
        let (name, namespace) = (&essay.metadata.name, &essay.metadata.namespace);
        let essays: Api<Essay> =
            Api::namespaced(context.client.clone(), namespace.as_deref().unwrap_or_default());
        let applied = Patch::Apply(json!({
            "apiVersion": "controller.example.com/v1",
            "kind": "Essay",
            "status": status,
        }));
        let parameters = PatchParams::apply(MANAGER).force();
        let name = name.as_deref().unwrap_or_default();
        let written = essays.patch_status(name, &parameters, &applied);
        match written.await {
            Ok(_) => drop(context.times.written.inc()),
            // It is gone; nothing is left to be done.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error.into()),
        }
    }
    context.times.found(None);
    Ok(Action::await_change())
}

fn again(_: Arc<Essay>, error: &ReconcileError, context: Arc<Context>) -> Action {
    context.times.found(Some(error.to_string()));
    Action::requeue(AGAIN)
}
