//! Faults of what the server answers.

use annex_crds::v1alpha1::Reason;

use super::{
    super::{Failure, World, ensure, failure, test_server::TestServer},
    clean,
    named::{named, pod, runs},
};

const NAMESPACE: &str = "fault-answers";
const VERSION: &str = "fault-version";
const SLOW: &str = "fault-slow";
const STORAGE_NAMESPACE: &str = "fault-storage";
const STORAGE: &str = "fault-storage";

/// Before the first registration: what does not answer as it should is not registered at all.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    tokio::try_join!(
        before_registration(
            world,
            VERSION,
            "--mode=other-version",
            Reason::GroupVersionNotServed
        ),
        before_registration(world, SLOW, "--mode=slow-discovery", Reason::DiscoveryTooSlow),
    )?;
    clean(world, &[VERSION, SLOW], NAMESPACE).await
}

async fn before_registration(
    world: &World,
    name: &'static str,
    mode: &'static str,
    reason: Reason,
) -> Result<(), Failure> {
    let cured = TestServer::new(name, NAMESPACE);
    let broken = cured.clone().args(&[mode]);
    let yaml = broken.yaml();
    let symptom = pod(world, &broken, runs);
    let message = named(world, name, reason, world.apply(&yaml), symptom).await?;
    ensure(message.contains(&broken.group), || {
        format!("the message does not name the group-version: {message}")
    })?;
    let registered = world
        .kubectl(&format!(
            "get apiservice {} --ignore-not-found -o name",
            broken.api_service()
        ))
        .await?;
    ensure(registered.is_empty(), || {
        format!("{name} was registered although it does not answer")
    })?;
    world.apply(&cured.yaml()).await?;
    world.ready(name).await
}

/// etcd stops under a server that is Ready, and comes back with what it held.
pub(super) async fn storage(world: &World) -> Result<(), Failure> {
    world.namespace(STORAGE_NAMESPACE).await?;
    world.apply(ETCD).await?;
    world.apply(SERVER).await?;
    world.ready(STORAGE).await?;
    world.apply(FLUNDER).await?;
    let before = stored(world).await?;
    let stop = world.kubectl("-n fault-storage scale deployment etcd --replicas=0");
    let message = named(world, STORAGE, Reason::StorageUnavailable, stop, unready(world)).await?;
    ensure(message.contains("etcd"), || {
        format!("the message does not name the check: {message}")
    })?;
    world
        .kubectl("-n fault-storage scale deployment etcd --replicas=1")
        .await?;
    world.ready(STORAGE).await?;
    let after = stored(world).await?;
    ensure(after == before, || {
        format!("flunder {before} was stored before the outage, and after it there is {after:?}")
    })?;
    world
        .kubectl("-n fault-storage delete flunder through-the-outage")
        .await?;
    clean(world, &[STORAGE], STORAGE_NAMESPACE).await
}

/// The uid of the flunder that outlives the outage.
async fn stored(world: &World) -> Result<String, Failure> {
    let line = "-n fault-storage get flunder through-the-outage -o jsonpath={.metadata.uid}";
    let uid = world.kubectl(line).await?;
    ensure(!uid.is_empty(), || "the flunder has no uid".to_owned())?;
    Ok(uid)
}

/// `/readyz?verbose` of the server, asked through the kube-apiserver, says that etcd fails.
async fn unready(world: &World) -> Result<(), Failure> {
    let pods = world
        .kubectl("-n fault-storage get pods -l annex.dev/server=fault-storage -o name")
        .await?;
    let pod = pods
        .trim()
        .strip_prefix("pod/")
        .ok_or_else(|| failure(format!("one pod was expected: {pods}")))?;
    let path = format!("/api/v1/namespaces/fault-storage/pods/https:{pod}:8443/proxy/readyz?verbose");
    world
        .eventually("/readyz?verbose naming etcd", async || {
            let arguments = ["get", "--raw", &path];
            let output = world
                .tools
                .try_kubectl(&arguments, "")
                .await
                .map_err(|error| error.to_string())?;
            let text = format!("{}{}", output.stdout, output.stderr);
            let names_etcd = !output.success && text.contains("[-]etcd");
            names_etcd.then_some(()).ok_or(text)
        })
        .await
}

const ETCD: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: etcd, namespace: fault-storage }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 64Mi } } }
---
apiVersion: v1
kind: Service
metadata: { name: etcd, namespace: fault-storage }
spec: { selector: { app: etcd }, ports: [{ port: 2379 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: etcd, namespace: fault-storage }
spec:
  replicas: 1
  strategy: { type: Recreate }
  selector: { matchLabels: { app: etcd } }
  template:
    metadata: { labels: { app: etcd } }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: etcd
        image: localhost/etcd:v3.6.16
        args: [--data-dir=/data/etcd, '--listen-client-urls=http://0.0.0.0:2379', '--advertise-client-urls=http://etcd:2379']
        volumeMounts: [{ name: data, mountPath: /data }]
      volumes:
      - { name: data, persistentVolumeClaim: { claimName: etcd } }
";

const FLUNDER: &str = "
apiVersion: wardle.example.com/v1alpha1
kind: Flunder
metadata: { name: through-the-outage, namespace: fault-storage }
";

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: fault-storage }
spec:
  namespace: fault-storage
  apis:
  - { group: wardle.example.com, version: v1alpha1 }
  - { group: wardle.example.com, version: v1beta1 }
  workload:
    image: localhost/wardle:0.1.0
    args: ['--etcd-servers=http://etcd.fault-storage.svc:2379']
    template: { spec: { terminationGracePeriodSeconds: 2 } }
";
