//! The same objects without Annex: what it made of each server, with certificates that are made here, as manifests that are finished.

use std::collections::{BTreeMap, BTreeSet};

use annex_crds::v1alpha1::AggregatedServer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Api, DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use super::fleet::{CLIENTS, FIELD_MANAGER, limit};
use super::objects::{Kind, children, of_servers};
use super::{Error, watched};
use crate::certs::{Authority, Identity};

/// Fields of a Service that its cluster chooses.
const CHOSEN: [&str; 2] = ["clusterIP", "clusterIPs"];
/// What a Deployment's controller notes.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The manifests of servers, by server, each in the order in which they are applied.
pub(super) struct Manifests {
    kinds: Vec<Kind>,
    servers: BTreeMap<String, Vec<Manifest>>,
}

/// An object, and which of the kinds it is of.
struct Manifest {
    kind: usize,
    object: DynamicObject,
}

impl Manifests {
    /// What Annex has made of `servers`, all of which are Ready: each child that a status names, and nothing else.
    ///
    /// # Errors
    /// Something cannot be read, or is not what the statuses say.
    pub(super) async fn of(client: &Client, servers: &[AggregatedServer]) -> Result<Self, Error> {
        let authority = Authority::new("the authority of the bench")?;
        let kinds = children();
        let mut identities = BTreeMap::new();
        for server in servers {
            let name = format!("{}.{}.svc", server.name_any(), server.spec.namespace);
            identities.insert(server.name_any(), authority.server(&name, &[&name], &[])?);
        }
        let mut found: BTreeMap<String, Vec<Manifest>> = BTreeMap::new();
        for (kind, of) in kinds.iter().enumerate() {
            for mut object in of.everywhere(client).list(&of_servers()).await?.items {
                let Some(server) = object.labels().get(annex_crds::SERVER_LABEL).cloned() else {
                    continue;
                };
                let Some(identity) = identities.get(&server) else {
                    continue;
                };
                object.types = Some(kube::api::TypeMeta {
                    api_version: of.resource.api_version.clone(),
                    kind: of.resource.kind.clone(),
                });
                finish(&mut object, identity, &authority.certificate());
                found.entry(server).or_default().push(Manifest { kind, object });
            }
        }
        for server in servers {
            same_as_status(server, found.get(&server.name_any()))?;
        }
        Ok(Self {
            kinds,
            servers: found,
        })
    }

    /// Applies all of them, with as many clients as AggregatedServers are applied with, and returns when all are applied.
    pub(super) async fn apply(&self, client: &Client) -> Result<(), Error> {
        stream::iter(self.servers.values().map(|server| self.apply_one(client, server)))
            .buffer_unordered(CLIENTS)
            .try_collect::<()>()
            .await
    }

    async fn apply_one(&self, client: &Client, server: &[Manifest]) -> Result<(), Error> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        for Manifest { kind, object } in server {
            let Some(kind) = self.kinds.get(*kind) else {
                continue;
            };
            kind.within(client, object.namespace().as_deref())
                .patch(&object.name_any(), &params, &Patch::Apply(object))
                .await?;
        }
        Ok(())
    }

    /// All of them as one document for `kubectl apply`.
    pub(super) fn document(&self) -> String {
        let items: Vec<&DynamicObject> = self
            .servers
            .values()
            .flatten()
            .map(|manifest| &manifest.object)
            .collect();
        json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
    }
}

/// Waits until the APIServices of so many servers are available.
pub(super) async fn available(client: &Client, count: usize) -> Result<(), Error> {
    let api = Api::<APIService>::all(client.clone());
    let what = "APIServices that are available";
    let labels = Some(annex_crds::SERVER_LABEL);
    watched::all(api, what, labels, count, limit(count), unavailable).await
}

fn unavailable(service: &APIService) -> Option<String> {
    let conditions = service
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let available = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Available");
    match available {
        Some(condition) if condition.status == "True" => None,
        Some(condition) => Some(format!("{:?}", condition.message)),
        None => Some("nobody has looked at it".to_owned()),
    }
}

/// Takes off what the cluster wrote, and puts other certificates in.
fn finish(object: &mut DynamicObject, identity: &Identity, authority: &str) {
    let mut annotations = object.metadata.annotations.take();
    if let Some(annotations) = &mut annotations {
        annotations.remove(REVISION);
    }
    object.metadata = ObjectMeta {
        name: object.metadata.name.take(),
        namespace: object.metadata.namespace.take(),
        labels: object.metadata.labels.take(),
        annotations,
        ..ObjectMeta::default()
    };
    let kind = object.types.as_ref().map(|types| types.kind.clone());
    let Some(data) = object.data.as_object_mut() else {
        return;
    };
    data.remove("status");
    match kind.as_deref() {
        Some("Service") => {
            if let Some(spec) = data.get_mut("spec").and_then(Value::as_object_mut) {
                spec.retain(|field, _| !CHOSEN.contains(&field.as_str()));
            }
        }
        Some("Secret") => {
            let entries = [
                ("tls.crt", identity.certificate.as_str()),
                ("tls.key", identity.key.as_str()),
                ("ca.crt", authority),
            ];
            let entries = entries.map(|(key, text)| (key.to_owned(), json!(BASE64.encode(text))));
            data.insert("data".to_owned(), Value::Object(entries.into_iter().collect()));
        }
        Some("ConfigMap") => {
            data.insert("data".to_owned(), json!({ "ca.crt": authority }));
        }
        Some("APIService") => {
            if let Some(spec) = data.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("caBundle".to_owned(), json!(BASE64.encode(authority)));
            }
        }
        _ => {}
    }
}

/// Both sides have the same objects, or the comparison would be of different things.
fn same_as_status(server: &AggregatedServer, found: Option<&Vec<Manifest>>) -> Result<(), Error> {
    let told: BTreeSet<(String, String)> = server
        .status
        .iter()
        .flat_map(|status| &status.children)
        .map(|child| (child.kind.clone(), child.name.clone()))
        .collect();
    let found: BTreeSet<(String, String)> = found
        .into_iter()
        .flatten()
        .map(|manifest| {
            let kind = manifest.object.types.as_ref().map(|types| types.kind.clone());
            (kind.unwrap_or_default(), manifest.object.name_any())
        })
        .collect();
    if told == found && !told.is_empty() {
        return Ok(());
    }
    let differ: Vec<_> = told.symmetric_difference(&found).collect();
    Err(Error::Wrong(format!(
        "the children of {} are not those that its status names: {differ:?} of {told:?}",
        server.name_any()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(object: Value) -> Value {
        let authority = Authority::new("test").unwrap();
        let identity = authority.server("a", &["a.b.svc"], &[]).unwrap();
        let mut object: DynamicObject = serde_json::from_value(object).unwrap();
        finish(&mut object, &identity, "the authority");
        serde_json::to_value(object).unwrap()
    }

    #[test]
    fn a_manifest_has_nothing_that_a_cluster_wrote() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "a", "namespace": "b", "uid": "1", "resourceVersion": "2", "labels": { "annex.dev/server": "a" },
                          "ownerReferences": [{ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "name": "a", "uid": "3" }] },
            "spec": { "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP" },
            "status": { "loadBalancer": {} },
        });
        let wanted = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "a", "namespace": "b", "labels": { "annex.dev/server": "a" } },
            "spec": { "type": "ClusterIP" },
        });
        assert_eq!(finished(service), wanted);
    }

    #[test]
    fn no_key_of_annex_is_taken_over() {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": "a-ca", "namespace": "b" },
            "data": { "tls.crt": "b2xk", "tls.key": "b2xk", "previous.crt": "b2xk" },
        });
        let data = finished(secret)["data"].clone();
        let keys: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
        assert_eq!(data["ca.crt"], BASE64.encode("the authority"));
        assert_ne!(data["tls.key"], "b2xk");
    }
}
