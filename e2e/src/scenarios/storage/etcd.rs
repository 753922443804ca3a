//! Two pods on one etcd, which asks for certificates.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, api::PostParams, core::ObjectMeta};

use super::super::stage;
use crate::{
    certs::{Authority, Identity},
    scenarios::{Failure, World, ensure},
};

const NAME: &str = "storage-etcd";

/// A server whose Secret comes late, and is named until it is there.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let authority = Authority::new("etcd's authority")?;
    let host = format!("etcd.{NAME}.svc");
    let serving = authority.server("etcd", &[&host], &[])?;
    let client = authority.client("wardle", None)?;
    stage::cleared_first(world, NAME).await?;
    secret(world, "etcd-serving", &authority, &serving).await?;
    world.apply(&etcd()).await?;
    world.apply(&server()).await?;
    stage::mark(world, NAME).await?;
    world
        .condition(NAME, "Degraded", "True", Some("StorageUnavailable"))
        .await?;
    let made = world
        .kubectl(&format!(
            "-n {NAME} get deployment {NAME} --ignore-not-found -o name"
        ))
        .await?;
    ensure(made.is_empty(), || {
        "the workload was made without its Secret".to_owned()
    })?;
    secret(world, "etcd-client", &authority, &client).await?;
    world.ready(NAME).await?;
    let uid = super::store(world, NAME).await?;
    for _ in 0..10 {
        let found = super::stored(world, NAME).await?;
        ensure(found == uid, || {
            format!("one pod stored flunder {uid}, another has {found}")
        })?;
    }
    stage::cleared(world, NAME).await
}

async fn secret(
    world: &World,
    name: &str,
    authority: &Authority,
    identity: &Identity,
) -> Result<(), Failure> {
    let entry = |key: &str, text: &str| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(
            [
                entry("ca.crt", &authority.certificate()),
                entry("tls.crt", &identity.certificate),
                entry("tls.key", &identity.key),
            ]
            .into(),
        ),
        ..Secret::default()
    };
    let secrets = Api::<Secret>::namespaced(world.client.clone(), NAME);
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// The gateway would call etcd with the serving certificate, which is none of a client's.
fn etcd() -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: etcd, namespace: {NAME} }}
spec:
  selector: {{ app: etcd }}
  ports: [{{ port: 2379 }}]
---
apiVersion: v1
kind: Pod
metadata: {{ name: etcd, namespace: {NAME}, labels: {{ app: etcd }} }}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: etcd
    image: localhost/etcd:v3.6.16
    args:
    - --data-dir=/data
    - --listen-client-urls=https://0.0.0.0:2379
    - --advertise-client-urls=https://etcd.{NAME}.svc:2379
    - --cert-file=/tls/tls.crt
    - --key-file=/tls/tls.key
    - --trusted-ca-file=/tls/ca.crt
    - --client-cert-auth
    - --enable-grpc-gateway=false
    volumeMounts:
    - {{ name: data, mountPath: /data }}
    - {{ name: tls, mountPath: /tls }}
  volumes:
  - {{ name: data, emptyDir: {{}} }}
  - {{ name: tls, secret: {{ secretName: etcd-serving }} }}
"
    )
}

fn server() -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {NAME} }}
spec:
  namespace: {NAME}
  apis:
  - {{ group: wardle.example.com, version: v1alpha1 }}
  - {{ group: wardle.example.com, version: v1beta1 }}
  workload:
    image: localhost/wardle:0.1.0
    replicas: 2
    template: {{ spec: {{ terminationGracePeriodSeconds: 5 }} }}
  storage:
    etcd:
      endpoints: ['https://etcd.{NAME}.svc:2379']
      prefix: /storage-etcd
      secretName: etcd-client
"
    )
}
