//! The server whose certificates are rotated: wardle with an etcd of its own, and what is published and
//! served of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use annex_crds::v1alpha1::RotationStep;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use rustls::pki_types::ServerName;
use tokio::sync::watch;

use super::steps::{Rotation, Steps};
use crate::scenarios::load::handshake::{Bundle, fingerprint, handshake};
use crate::scenarios::load::{Target, watches};
use crate::scenarios::{Failure, World, ensure};
use crate::{client, install};

/// How long a rotation may take: a kubelet brings a changed Secret to its pods within about two minutes.
pub(super) const ROTATION_LIMIT: Duration = Duration::from_secs(300);
/// What clients ask for.
pub(super) const PATH: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
/// The claimed versions.
const VERSIONS: [&str; 2] = ["v1alpha1", "v1beta1"];

/// The servers of these scenarios. They claim the same API: what a scenario that failed has left for people to look at is
/// in the way of the next one.
const NAMES: [&str; 7] = [
    "rotation",
    "rotation-restart",
    "rotation-order",
    "rotation-roll",
    "rotation-killed",
    "rotation-planes",
    "rotation-clock",
];

/// Annex's wardle.
pub(super) const WARDLE: &str = "localhost/wardle:0.1.0";
/// Kubernetes' own sample-apiserver, which takes the same flags.
pub(super) const GO: &str = "localhost/sample-apiserver:v0.36.3";

/// The server, which is called as its namespace.
pub(super) struct Server {
    name: &'static str,
}

impl Server {
    /// Makes it of this image and waits until it is Ready; `certificates` is its field of that name, in one line. What an earlier
    /// scenario left is removed first.
    ///
    /// # Errors
    /// It does not become Ready.
    pub(super) async fn make(
        world: &World,
        name: &'static str,
        image: &str,
        replicas: u8,
        certificates: &str,
    ) -> Result<Self, Failure> {
        let server = Self { name };
        server.remove_all(world, &NAMES.join(" ")).await?;
        world.namespace(name).await?;
        world
            .apply(&manifest(name, image, replicas, certificates))
            .await?;
        world.ready(name).await?;
        // Ready is a server with one of its pods, too; what is looked at is what each of them serves, from the first moment.
        world
            .kubectl(&format!(
                "-n {name} rollout status deployment {name} --timeout=180s"
            ))
            .await?;
        Ok(server)
    }

    /// Removes it, and all that was made of it.
    ///
    /// # Errors
    /// Something stayed.
    pub(super) async fn remove(&self, world: &World) -> Result<(), Failure> {
        self.remove_all(world, self.name).await
    }

    /// The same for several names, separated by spaces.
    async fn remove_all(&self, world: &World, names: &str) -> Result<(), Failure> {
        world.delete("aggregatedserver", names).await?;
        let api: Api<APIService> = Api::all(world.client.clone());
        world
            .eventually("the APIServices to go", async || {
                for name in self.api_services() {
                    let found = api.get_opt(&name).await.map_err(|error| error.to_string())?;
                    if found.is_some() {
                        return Err(format!("{name} is there"));
                    }
                }
                Ok(())
            })
            .await?;
        world.delete("namespace", names).await
    }

    pub(super) fn name(&self) -> &str {
        self.name
    }

    pub(super) fn namespace(&self) -> &str {
        self.name
    }

    /// The name that the aggregator verifies.
    pub(super) fn server_name(&self) -> String {
        format!("{}.{}.svc", self.name, self.name)
    }

    /// What clients ask it for, and where.
    pub(super) fn target(&self) -> Target {
        Target {
            path: PATH.to_owned(),
            api_service: self.api_service(),
            namespace: self.name.to_owned(),
            service: self.name.to_owned(),
        }
    }

    pub(super) fn api_service(&self) -> String {
        format!("{}.wardle.example.com", VERSIONS[0])
    }

    pub(super) fn api_services(&self) -> [String; 2] {
        VERSIONS.map(|version| format!("{version}.wardle.example.com"))
    }

    /// Sets an annotation.
    ///
    /// # Errors
    /// It was refused.
    pub(super) async fn annotate(&self, world: &World, annotation: &str) -> Result<(), Failure> {
        let line = format!("annotate --overwrite aggregatedserver {} {annotation}", self.name);
        world.kubectl(&line).await.map(|_| ())
    }

    /// Changes `spec.certificates`; JSON.
    ///
    /// # Errors
    /// It was refused.
    pub(super) async fn patch_certificates(&self, world: &World, json: &str) -> Result<(), Failure> {
        let patch = format!(r#"{{"spec":{{"certificates":{json}}}}}"#);
        let arguments = [
            "patch",
            "aggregatedserver",
            self.name,
            "--type=merge",
            "-p",
            &patch,
        ];
        world.tools.kubectl(&arguments).await?;
        Ok(())
    }

    /// Waits for the end of the rotation that was asked for, which must have gone through these steps.
    ///
    /// # Errors
    /// It does not end, or took other steps.
    pub(super) async fn rotated(
        &self,
        steps: &Steps,
        expected: &[RotationStep],
    ) -> Result<Rotation, Failure> {
        let rotation = self.ended(steps).await?;
        ensure(rotation.names() == expected, || {
            format!("the rotation should take the steps {expected:?}; it took {rotation}")
        })?;
        Ok(rotation)
    }

    /// Waits for the end of the rotation that was asked for.
    ///
    /// # Errors
    /// It does not end.
    pub(super) async fn ended(&self, steps: &Steps) -> Result<Rotation, Failure> {
        Ok(client::eventually("the rotation to end", ROTATION_LIMIT, async || steps.ended()).await?)
    }

    /// The leaf in the serving Secret, DER.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn leaf(&self, world: &World) -> Result<Vec<u8>, Failure> {
        let certificates = certificates(&self.serving_entry(world, "tls.crt").await?)?;
        Ok(certificates.into_iter().next().unwrap_or_default())
    }

    async fn serving_entry(&self, world: &World, key: &str) -> Result<Vec<u8>, Failure> {
        let name = format!("{}-serving-cert", self.name);
        secret_entry(world, self.name, &name, key).await
    }

    /// The authority that signs, DER.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn authority(&self, world: &World) -> Result<Vec<u8>, Failure> {
        let name = format!("{}-ca", self.name);
        let pem = secret_entry(world, install::NAMESPACE, &name, "tls.crt").await?;
        Ok(certificates(&pem)?.into_iter().next().unwrap_or_default())
    }

    /// Everything that is published, by where: in the end, each place must hold the same.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn published(&self, world: &World) -> Result<Vec<(String, Vec<Vec<u8>>)>, Failure> {
        let mut published = Vec::new();
        let services: Api<APIService> = Api::all(world.client.clone());
        for name in self.api_services() {
            let bundle = services.get(&name).await?.spec.and_then(|spec| spec.ca_bundle);
            published.push((
                format!("APIService {name}"),
                certificates(&bundle.unwrap_or_default().0)?,
            ));
        }
        let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), self.name);
        let map = maps.get(&format!("{}-ca", self.name)).await?;
        let text = map.data.unwrap_or_default().remove("ca.crt").unwrap_or_default();
        published.push(("the ConfigMap".to_owned(), certificates(text.as_bytes())?));
        let in_secret = self.serving_entry(world, "ca.crt").await?;
        published.push(("the serving Secret".to_owned(), certificates(&in_secret)?));
        Ok(published)
    }

    /// What each endpoint serves now, DER, verified with what is published now.
    ///
    /// # Errors
    /// One serves nothing that is trusted.
    pub(super) async fn served(&self, world: &World) -> Result<BTreeMap<SocketAddr, Vec<u8>>, Failure> {
        let services: Api<APIService> = Api::all(world.client.clone());
        let spec = services.get(&self.api_service()).await?.spec;
        let bundle = spec.and_then(|spec| spec.ca_bundle).unwrap_or_default();
        let (_sender, published) = watch::channel(Some(Arc::new(Bundle::new(bundle.0))));
        let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), self.name);
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={}", self.name));
        let name = ServerName::try_from(self.server_name())?;
        let mut served = BTreeMap::new();
        for address in slices.list(&of_service).await?.iter().flat_map(watches::ready) {
            let leaf = handshake(address, &name, &published)
                .await
                .map_err(|error| format!("{address}: {error}"))?;
            served.insert(address, leaf);
        }
        Ok(served)
    }

    /// Fails unless every endpoint, of which there are this many, serves the Secret's leaf; returns the leaf.
    ///
    /// # Errors
    /// Another one is served.
    pub(super) async fn serves_its_secret(
        &self,
        world: &World,
        endpoints: usize,
    ) -> Result<Vec<u8>, Failure> {
        let leaf = self.leaf(world).await?;
        let served = self.served(world).await?;
        ensure(
            served.len() == endpoints && served.values().all(|served| *served == leaf),
            || {
                let told = served
                    .iter()
                    .map(|(address, leaf)| format!(" {address} serves {}", fingerprint(leaf)));
                format!(
                    "{endpoints} endpoint(s) should serve {}, but:{}",
                    fingerprint(&leaf),
                    told.collect::<String>()
                )
            },
        )?;
        Ok(leaf)
    }

    /// The names of its pods.
    ///
    /// # Errors
    /// They cannot be listed.
    pub(super) async fn pods(&self, world: &World) -> Result<Vec<String>, Failure> {
        let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(world.client.clone(), self.name);
        let ours = ListParams::default().labels(&format!("annex.dev/server={}", self.name));
        let pods = api.list(&ours).await?;
        Ok(pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .map(ResourceExt::name_any)
            .collect())
    }
}

async fn secret_entry(world: &World, namespace: &str, name: &str, key: &str) -> Result<Vec<u8>, Failure> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), namespace);
    let secret = api.get(name).await?;
    Ok(secret.data.unwrap_or_default().remove(key).unwrap_or_default().0)
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let blocks = pem::parse_many(pem)?;
    Ok(blocks.into_iter().map(pem::Pem::into_contents).collect())
}

fn manifest(name: &str, image: &str, replicas: u8, certificates: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: etcd, namespace: {name} }}
spec:
  selector: {{ matchLabels: {{ app: etcd }} }}
  template:
    metadata: {{ labels: {{ app: etcd }} }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: etcd
        image: localhost/etcd:v3.6.16
        args: [--data-dir=/data, --listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://etcd.{name}.svc:2379]
        volumeMounts: [{{ name: data, mountPath: /data }}]
      volumes:
      - {{ name: data, emptyDir: {{}} }}
---
apiVersion: v1
kind: Service
metadata: {{ name: etcd, namespace: {name} }}
spec:
  selector: {{ app: etcd }}
  ports: [{{ port: 2379 }}]
---
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  apis:
  - {{ group: wardle.example.com, version: v1alpha1 }}
  - {{ group: wardle.example.com, version: v1beta1 }}
  certificates: {certificates}
  workload:
    image: {image}
    args: [--etcd-servers=http://etcd.{name}.svc:2379]
    replicas: {replicas}
    template:
      spec:
        terminationGracePeriodSeconds: 5
"
    )
}
