//! A server that somebody else runs: what is wrong with its Service, or with what it serves.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api,
    api::{ListParams, ObjectMeta, PostParams},
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use super::{
    super::{Failure, World, ensure, failure},
    clean,
    named::{at_once, named, runs},
    servers::IMAGE,
};
use crate::install;

const NAMESPACE: &str = "fault-backend";
const NAME: &str = "fault-backend";
/// The Secret that Annex keeps.
const SERVING: &str = "fault-backend-serving-cert";
/// A Secret that it does not.
const ELSEWHERE: &str = "elsewhere";

/// One server, one fault after the other; the first ones before it is ever registered.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    let deed = world.apply(SERVER);
    let message = named(world, NAME, Reason::ServiceUnusable, deed, at_once()).await?;
    ensure(message.contains("adapter"), || {
        format!("the message does not name the Service: {message}")
    })?;

    let deed = async {
        world.apply(&service(8444)).await?;
        world.apply(&deployment("serve", SERVING)).await
    };
    let message = named(
        world,
        NAME,
        Reason::ConnectionRefused,
        deed,
        running(world, "serve"),
    )
    .await?;
    ensure(message.contains(":8444"), || {
        format!("the message does not name the port: {message}")
    })?;
    world.apply(&service(8443)).await?;
    world.ready(NAME).await?;

    let wrong_san = deployment("wrong-san", SERVING);
    let symptom = running(world, "wrong-san");
    named(
        world,
        NAME,
        Reason::CaNotTrusted,
        world.apply(&wrong_san),
        symptom,
    )
    .await?;
    for_another_name(world).await?;
    let elsewhere = deployment("serve", ELSEWHERE);
    let symptom = running(world, "serve");
    let message = named(world, NAME, Reason::SanMismatch, world.apply(&elsewhere), symptom).await?;
    ensure(message.contains("name"), || {
        format!("the message does not speak of names: {message}")
    })?;
    world.apply(&deployment("serve", SERVING)).await?;
    world.ready(NAME).await?;
    clean(world, &[NAME], NAMESPACE).await
}

/// A certificate of the server's own authority for another name; who makes one has the authority's key.
async fn for_another_name(world: &World) -> Result<(), Failure> {
    let keys: Api<Secret> = Api::namespaced(world.client.clone(), install::NAMESPACE);
    let authority = keys.get(&format!("{NAME}-ca")).await?.data.unwrap_or_default();
    let text = |key: &str| {
        let entry = authority.get(key).map(|entry| String::from_utf8(entry.0.clone()));
        entry.ok_or_else(|| failure(format!("the authority's Secret has no {key}")))
    };
    let issuer = Issuer::from_ca_cert_pem(&text("tls.crt")??, KeyPair::from_pem(&text("tls.key")??)?)?;
    let mut params = CertificateParams::new(vec!["elsewhere.example.com".to_owned()])?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(ELSEWHERE.to_owned()),
            ..ObjectMeta::default()
        },
        string_data: Some(
            [("tls.crt", certificate), ("tls.key", key.serialize_pem())]
                .map(|(entry, pem)| (entry.to_owned(), pem))
                .into(),
        ),
        ..Secret::default()
    };
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// A pod of this mode runs.
async fn running(world: &World, mode: &str) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    let of_mode = ListParams::default().labels(&format!("mode={mode}"));
    world
        .eventually(&format!("a running pod in mode {mode}"), async || {
            let list = pods.list(&of_mode).await.map_err(|error| error.to_string())?;
            let running = list.items.iter().any(runs);
            running
                .then_some(())
                .ok_or_else(|| format!("{} pod(s), none runs", list.items.len()))
        })
        .await
}

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: fault-backend }
spec:
  namespace: fault-backend
  apis: [{ group: fault-backend.example.com, version: v1 }]
  service: { name: adapter, port: 443 }
";

fn service(target_port: u16) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: adapter, namespace: {NAMESPACE} }}
spec: {{ selector: {{ app: adapter }}, ports: [{{ name: https, port: 443, targetPort: {target_port} }}] }}
"
    )
}

/// As a chart writes it that knows nothing of Annex but the name of its Secret.
fn deployment(mode: &str, secret: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: adapter, namespace: {NAMESPACE} }}
spec:
  selector: {{ matchLabels: {{ app: adapter }} }}
  template:
    metadata: {{ labels: {{ app: adapter, mode: {mode} }} }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: adapter
        image: {IMAGE}
        args: [--mode={mode}, --group=fault-backend.example.com, --version=v1, --tls-cert-file=/tls/tls.crt, --tls-private-key-file=/tls/tls.key]
        volumeMounts: [{{ name: tls, mountPath: /tls }}]
      volumes:
      - {{ name: tls, secret: {{ secretName: {secret} }} }}
"
    )
}
