//! What scenarios share: the tools, a client, and the verbs of a test.

use std::path::Path;
use std::time::Duration;

use annex_crds::v1alpha1::AggregatedServer;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, Client};

use super::{Failure, Lane, failure, follow::Followed, made::Made};
use crate::{client, layout::Layout, tools::Tools};

/// How long anything may take that is waited for. A condition ends the wait, not the clock.
pub const LIMIT: Duration = Duration::from_secs(180);

/// A cluster with Annex on it, as one scenario has it.
pub struct World {
    /// kubectl and helm.
    pub tools: Tools,
    /// A client with all rights.
    pub client: Client,
    /// The cluster that the harness made; `None` with somebody else's.
    pub layout: Option<Layout>,
    /// What may run beside the scenario.
    pub lane: Lane,
    /// What the scenario made.
    pub(super) made: Made,
}

impl World {
    /// For a scenario that nothing runs beside.
    #[must_use]
    pub fn new(tools: Tools, client: Client, layout: Option<Layout>) -> Self {
        Self {
            tools,
            client,
            layout,
            lane: Lane::Alone,
            made: Made::default(),
        }
    }

    /// The same cluster for another scenario, whose kubectl keeps what it has learnt of the API in a place of its own.
    pub(super) fn beside_others(&self, lane: Lane, kubectl_cache: &Path) -> Self {
        Self {
            tools: self.tools.clone().with_cache(kubectl_cache),
            client: self.client.clone(),
            layout: self.layout.clone(),
            lane,
            made: Made::default(),
        }
    }

    /// Runs kubectl, words separated by single spaces, and returns what it wrote.
    ///
    /// # Errors
    /// It failed.
    pub async fn kubectl(&self, line: &str) -> Result<String, Failure> {
        Ok(self.tools.kubectl(&line.split(' ').collect::<Vec<_>>()).await?)
    }

    /// Runs kubectl, which must fail, and returns what it wrote to standard error.
    ///
    /// # Errors
    /// It succeeded.
    pub async fn kubectl_fails(&self, line: &str) -> Result<String, Failure> {
        let output = self
            .tools
            .try_kubectl(&line.split(' ').collect::<Vec<_>>(), "")
            .await?;
        if output.success {
            return Err(failure(format!(
                "`kubectl {line}` should have failed, and wrote: {}",
                output.stdout
            )));
        }
        Ok(output.stderr)
    }

    /// `kubectl apply` of YAML text.
    ///
    /// # Errors
    /// It was refused.
    pub async fn apply(&self, yaml: &str) -> Result<String, Failure> {
        self.made.manifest(yaml);
        Ok(self.tools.kubectl_with(&["apply", "-f", "-"], yaml).await?)
    }

    /// The AggregatedServers.
    #[must_use]
    pub fn servers(&self) -> Api<AggregatedServer> {
        Api::all(self.client.clone())
    }

    /// Waits until `look` finds what is wanted; it answers with what it found, or with what is there instead.
    ///
    /// # Errors
    /// [`LIMIT`] passed.
    pub async fn eventually<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Result<T, String>,
    ) -> Result<T, Failure> {
        Ok(client::eventually(what, LIMIT, look).await?)
    }

    /// Waits until the AggregatedServer's condition `type_` has this status, and, where one is given, this reason.
    ///
    /// # Errors
    /// [`LIMIT`] passed: with the conditions that it had.
    pub async fn condition(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: Option<&str>,
    ) -> Result<(), Failure> {
        let api = self.servers();
        let what = format!(
            "AggregatedServer {name}: {type_}={status} {}",
            reason.unwrap_or_default()
        );
        self.eventually(&what, async || {
            let server = api.get(name).await.map_err(|error| error.to_string())?;
            let conditions = server.status.unwrap_or_default().conditions;
            let matches = conditions.iter().any(|condition| {
                condition.type_ == type_
                    && condition.status == status
                    && reason.is_none_or(|reason| reason == condition.reason)
            });
            if matches {
                Ok(())
            } else {
                Err(describe(&conditions))
            }
        })
        .await
    }

    /// Follows an AggregatedServer, there or not yet, from now on; what is waited for may pass faster than anybody polls.
    ///
    /// # Errors
    /// The kube-apiserver does not let it be watched.
    pub async fn follow(&self, name: &str) -> Result<Followed, Failure> {
        Followed::start(self.servers(), name).await
    }

    /// Waits until the AggregatedServer is Ready.
    ///
    /// # Errors
    /// [`LIMIT`] passed.
    pub async fn ready(&self, name: &str) -> Result<(), Failure> {
        self.condition(name, "Ready", "True", None).await
    }

    /// Waits until a pass of the operator has come to its end that had the spec as it is now.
    ///
    /// # Errors
    /// [`LIMIT`] passed.
    pub async fn observed(&self, name: &str) -> Result<(), Failure> {
        let api = self.servers();
        self.eventually(&format!("a status of {name} as it is now"), async || {
            let server = api.get(name).await.map_err(|error| error.to_string())?;
            let generation = server.metadata.generation;
            let observed = server.status.unwrap_or_default().observed_generation;
            if observed == generation {
                Ok(())
            } else {
                Err(format!("it is of generation {observed:?}, of {generation:?}"))
            }
        })
        .await
    }

    /// Makes a namespace.
    ///
    /// # Errors
    /// It exists, or was refused.
    pub async fn namespace(&self, name: &str) -> Result<(), Failure> {
        self.made.note("namespace", name);
        self.kubectl(&format!("create namespace {name}"))
            .await
            .map(|_| ())
    }

    /// Deletes objects and waits until they are gone; what is not there is no failure.
    ///
    /// # Errors
    /// They stayed.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<(), Failure> {
        let line = format!("delete {kind} {name} --ignore-not-found --wait --timeout=180s");
        self.kubectl(&line).await.map(|_| ())
    }

    /// The cluster that the harness made.
    ///
    /// # Errors
    /// It is somebody else's.
    pub fn node(&self) -> Result<&Layout, Failure> {
        self.layout
            .as_ref()
            .ok_or_else(|| failure("this scenario needs a cluster made by `cargo e2e up`"))
    }
}

/// Conditions, a line each.
pub(crate) fn describe(conditions: &[Condition]) -> String {
    let one = |condition: &Condition| {
        format!(
            "{}={} {}: {}",
            condition.type_, condition.status, condition.reason, condition.message
        )
    };
    conditions.iter().map(one).collect::<Vec<_>>().join("\n    ")
}

/// An AggregatedServer of Annex's wardle, which keeps its objects as long as its pod lives; `more` are further lines of
/// `spec`, indented by two.
#[must_use]
pub fn sample_server(name: &str, namespace: &str, more: &str) -> String {
    let workload = "
    image: localhost/wardle:0.1.0
    args: [--data-dir=/data]
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: server
          volumeMounts: [{ name: data, mountPath: /data }]
        volumes:
        - { name: data, emptyDir: {} }";
    aggregated_server(name, namespace, more, workload)
}

/// The same with a volume of its own, which goes with it.
#[must_use]
pub fn embedded_server(name: &str, namespace: &str, more: &str) -> String {
    let workload = "
    image: localhost/wardle:0.1.0
    template:
      spec:
        terminationGracePeriodSeconds: 5
        securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 }
  storage: { embedded: { size: 64Mi, onDelete: Delete } }";
    aggregated_server(name, namespace, more, workload)
}

/// The same of the Go sample-apiserver, with an etcd beside it.
#[must_use]
pub fn go_sample_server(name: &str, namespace: &str, more: &str) -> String {
    let workload = "
    image: localhost/sample-apiserver:v0.36.3
    args: [--etcd-servers=http://127.0.0.1:2379]
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: etcd
          image: localhost/etcd:v3.6.16
          args: [--data-dir=/data, --listen-client-urls=http://127.0.0.1:2379, --advertise-client-urls=http://127.0.0.1:2379]
          volumeMounts: [{ name: data, mountPath: /data }]
        volumes:
        - { name: data, emptyDir: {} }";
    aggregated_server(name, namespace, more, workload)
}

/// An AggregatedServer of the sample API; `more` are further lines of `spec`, indented by two, `workload` what follows that word.
pub(super) fn aggregated_server(name: &str, namespace: &str, more: &str, workload: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {namespace}
  apis:
  - {{ group: wardle.example.com, version: v1alpha1 }}
  - {{ group: wardle.example.com, version: v1beta1 }}
{more}
  workload:{workload}
"
    )
}
