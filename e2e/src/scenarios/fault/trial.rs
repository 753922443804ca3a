//! A server that only the aggregator can find fault with: it is registered on trial, taken back, and holds up nobody.

use std::time::{Duration, Instant};

use annex_crds::{TRIAL_ANNOTATION, v1alpha1::Reason};
use k8s_openapi::{api::core::v1::Namespace, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use kube::{Api, ResourceExt as _};

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::{event, named},
};
use crate::progress;

const NAMESPACE: &str = "fault-trial";
const NAME: &str = "fault-trial";
const GO: &str = "fault-trial-go";
const BYSTANDER: &str = "fault-bystander";
/// A trial takes 30 s; the next look may be some seconds later.
const TRIAL_LIMIT: Duration = Duration::from_secs(40);
/// How long the deletion of a namespace may take that has nothing to do with the server.
const DELETION_LIMIT: Duration = Duration::from_secs(120);

/// The server refuses whoever shows a front-proxy certificate.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    world.namespace(BYSTANDER).await?;
    let cured = TestServer::new(NAME, NAMESPACE);
    let broken = cured.clone().args(&["--mode=untrusting-front-proxy"]);
    let yaml = broken.yaml();
    let refused = refused(world, broken.api_service());
    let (message, (), ()) = tokio::try_join!(
        named(
            world,
            NAME,
            Reason::FrontProxyUntrusted,
            world.apply(&yaml),
            refused
        ),
        taken_back(world, &broken),
        bystander(world, &broken),
    )?;
    ensure(message.contains("401"), || {
        format!("the message does not say what the aggregator saw: {message}")
    })?;
    event(world, NAME, Reason::TrialFailed.as_str(), "tried again at ").await?;
    world.apply(&cured.yaml()).await?;
    world.ready(NAME).await?;
    let service = api_services(world).get(&broken.api_service()).await?;
    ensure(!service.annotations().contains_key(TRIAL_ANNOTATION), || {
        "an APIService that is available is still on trial".to_owned()
    })?;
    clean(world, &[NAME], NAMESPACE).await
}

fn api_services(world: &World) -> Api<APIService> {
    Api::all(world.client.clone())
}

/// The aggregator says that it was refused.
async fn refused(world: &World, api_service: String) -> Result<(), Failure> {
    let api = api_services(world);
    world
        .eventually("the aggregator being refused", async || {
            let service = api.get(&api_service).await.map_err(|error| error.to_string())?;
            let conditions = service
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let words: Vec<String> = conditions
                .into_iter()
                .filter_map(|condition| condition.message)
                .collect();
            let refused = words.iter().any(|words| words.contains("bad status"));
            refused.then_some(()).ok_or_else(|| words.join("; "))
        })
        .await
}

/// Kubernetes' own server library, told to trust the front proxies of another authority.
pub(super) async fn other_authority(world: &World) -> Result<(), Failure> {
    world.namespace(GO).await?;
    let refused = refused(world, "v1alpha1.wardle.example.com".to_owned());
    let yaml = go_server(", --requestheader-client-ca-file=/other/ca.crt");
    named(
        world,
        GO,
        Reason::FrontProxyUntrusted,
        world.apply(&yaml),
        refused,
    )
    .await?;
    world.apply(&go_server("")).await?;
    world.ready(GO).await?;
    clean(world, &[GO], GO).await
}

/// The other authority is that of the server's own certificate.
fn go_server(more: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {GO} }}
spec:
  namespace: {GO}
  apis:
  - {{ group: wardle.example.com, version: v1alpha1 }}
  - {{ group: wardle.example.com, version: v1beta1 }}
  workload:
    image: localhost/sample-apiserver:v0.36.3
    args: ['--etcd-servers=http://127.0.0.1:2379'{more}]
    template:
      spec:
        terminationGracePeriodSeconds: 2
        containers:
        - name: server
          volumeMounts: [{{ name: other, mountPath: /other }}]
        - name: etcd
          image: localhost/etcd:v3.6.16
          args: [--data-dir=/data, '--listen-client-urls=http://127.0.0.1:2379', '--advertise-client-urls=http://127.0.0.1:2379']
          volumeMounts: [{{ name: data, mountPath: /data }}]
        volumes:
        - {{ name: data, emptyDir: {{}} }}
        - {{ name: other, configMap: {{ name: {GO}-ca }} }}
"
    )
}

async fn on_trial(world: &World, server: &TestServer) -> Result<(), Failure> {
    let api = api_services(world);
    world
        .eventually("a registration on trial", async || {
            let service = api
                .get(&server.api_service())
                .await
                .map_err(|error| error.to_string())?;
            let annotated = service.annotations().contains_key(TRIAL_ANNOTATION);
            annotated
                .then_some(())
                .ok_or_else(|| "registered for good".to_owned())
        })
        .await
}

/// The registration is taken back in time, and is not tried again at once.
async fn taken_back(world: &World, server: &TestServer) -> Result<(), Failure> {
    on_trial(world, server).await?;
    let began = Instant::now();
    let api = api_services(world);
    world
        .eventually("the trial's end", async || {
            let left = api
                .get_opt(&server.api_service())
                .await
                .map_err(|error| error.to_string())?;
            left.is_none()
                .then_some(())
                .ok_or_else(|| "it goes on".to_owned())
        })
        .await?;
    let took = began.elapsed();
    progress::say(format!(
        "    {NAME}: taken back after {:.1} s",
        took.as_secs_f64()
    ));
    ensure(took <= TRIAL_LIMIT, || {
        format!("the trial took {:.1} s", took.as_secs_f64())
    })?;
    world
        .condition(NAME, "Registered", "False", Some(Reason::TrialFailed.as_str()))
        .await
}

/// A namespace that is deleted as the trial begins goes in time.
async fn bystander(world: &World, server: &TestServer) -> Result<(), Failure> {
    on_trial(world, server).await?;
    let began = Instant::now();
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces
        .delete(BYSTANDER, &kube::api::DeleteParams::default())
        .await?;
    world
        .eventually("the end of a namespace", async || {
            let left = namespaces
                .get_opt(BYSTANDER)
                .await
                .map_err(|error| error.to_string())?;
            let Some(left) = left else { return Ok(()) };
            let conditions = left
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            Err(conditions
                .into_iter()
                .map(|condition| condition.message.unwrap_or_default())
                .collect::<Vec<_>>()
                .join("; "))
        })
        .await?;
    let took = began.elapsed();
    progress::say(format!(
        "    an unrelated namespace was gone {:.1} s after its deletion in a trial",
        took.as_secs_f64()
    ));
    ensure(took <= DELETION_LIMIT, || {
        format!("an unrelated namespace took {:.1} s to go", took.as_secs_f64())
    })
}
