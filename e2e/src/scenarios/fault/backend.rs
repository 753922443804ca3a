//! A server that somebody else runs: what is wrong with its Service, or with what it serves.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api,
    api::{ListParams, ObjectMeta, PostParams},
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use super::{
    super::{Failure, World, ensure, failure, test_server::IMAGE},
    clean,
    named::{at_once, named, runs},
};
use crate::install;

const NAMESPACE: &str = "fault-backend";
/// The server whose Service is wrong, before it is ever registered.
const SERVICE: &str = "fault-service";
/// The server that serves the wrong certificates, after that.
const SERVED: &str = "fault-served";
/// A Secret that Annex does not keep.
const ELSEWHERE: &str = "elsewhere";

/// Two servers, each with one fault after the other.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    tokio::try_join!(wrong_service(world), wrong_certificates(world))?;
    clean(world, &[SERVICE, SERVED], NAMESPACE).await
}

/// The Secret that Annex keeps for a server.
fn serving(name: &str) -> String {
    format!("{name}-serving-cert")
}

async fn wrong_service(world: &World) -> Result<(), Failure> {
    let aggregated = aggregated_server(SERVICE);
    let deed = world.apply(&aggregated);
    let message = named(world, SERVICE, Reason::ServiceUnusable, deed, at_once()).await?;
    ensure(message.contains(&adapter(SERVICE)), || {
        format!("the message does not name the Service: {message}")
    })?;
    let deed = async {
        world.apply(&service(SERVICE, 8444)).await?;
        world
            .apply(&deployment(SERVICE, "serve", &serving(SERVICE)))
            .await
    };
    let symptom = running(world, SERVICE, "serve");
    let message = named(world, SERVICE, Reason::ConnectionRefused, deed, symptom).await?;
    ensure(message.contains(":8444"), || {
        format!("the message does not name the port: {message}")
    })?;
    world.apply(&service(SERVICE, 8443)).await?;
    world.ready(SERVICE).await
}

async fn wrong_certificates(world: &World) -> Result<(), Failure> {
    let healthy = deployment(SERVED, "serve", &serving(SERVED));
    world.apply(&service(SERVED, 8443)).await?;
    world.apply(&healthy).await?;
    world.apply(&aggregated_server(SERVED)).await?;
    world.ready(SERVED).await?;

    let wrong_san = deployment(SERVED, "wrong-san", &serving(SERVED));
    let symptom = running(world, SERVED, "wrong-san");
    named(
        world,
        SERVED,
        Reason::CaNotTrusted,
        world.apply(&wrong_san),
        symptom,
    )
    .await?;
    for_another_name(world).await?;
    let elsewhere = deployment(SERVED, "serve", ELSEWHERE);
    let symptom = running(world, SERVED, "serve");
    let message = named(
        world,
        SERVED,
        Reason::SanMismatch,
        world.apply(&elsewhere),
        symptom,
    )
    .await?;
    ensure(message.contains("name"), || {
        format!("the message does not speak of names: {message}")
    })?;
    world.apply(&healthy).await?;
    world.ready(SERVED).await
}

/// A certificate of the server's own authority for another name; who makes one has the authority's key.
async fn for_another_name(world: &World) -> Result<(), Failure> {
    let keys: Api<Secret> = Api::namespaced(world.client.clone(), install::NAMESPACE);
    let authority = keys.get(&format!("{SERVED}-ca")).await?.data.unwrap_or_default();
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

/// A pod of the server in this mode runs.
async fn running(world: &World, name: &str, mode: &str) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    let of_mode = ListParams::default().labels(&format!("app={},mode={mode}", adapter(name)));
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

/// What somebody else's chart calls its Service and its Deployment.
fn adapter(name: &str) -> String {
    format!("{name}-adapter")
}

fn aggregated_server(name: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {NAMESPACE}
  apis: [{{ group: {name}.example.com, version: v1 }}]
  service: {{ name: {adapter}, port: 443 }}
",
        adapter = adapter(name)
    )
}

fn service(name: &str, target_port: u16) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: {adapter}, namespace: {NAMESPACE} }}
spec: {{ selector: {{ app: {adapter} }}, ports: [{{ name: https, port: 443, targetPort: {target_port} }}] }}
",
        adapter = adapter(name)
    )
}

/// As a chart writes it that knows nothing of Annex but the name of its Secret.
fn deployment(name: &str, mode: &str, secret: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {adapter}, namespace: {NAMESPACE} }}
spec:
  selector: {{ matchLabels: {{ app: {adapter} }} }}
  template:
    metadata: {{ labels: {{ app: {adapter}, mode: {mode} }} }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: adapter
        image: {IMAGE}
        args: [--mode={mode}, --group={name}.example.com, --version=v1, --tls-cert-file=/tls/tls.crt, --tls-private-key-file=/tls/tls.key]
        volumeMounts: [{{ name: tls, mountPath: /tls }}]
      volumes:
      - {{ name: tls, secret: {{ secretName: {secret} }} }}
",
        adapter = adapter(name)
    )
}
