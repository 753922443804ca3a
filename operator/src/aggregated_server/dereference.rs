//! Reads everything that a reconcile needs to know about a server's surroundings. No writes.
//!
//! Reads go to the API server, not to a cache: the steps of a rotation follow from what is there now, and a stale copy
//! could narrow a bundle too early. What is watched only wakes the reconciler.

use std::collections::BTreeMap;

use annex_crds::v1alpha1::{AggregatedServer, ApiClaim};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service},
        discovery::v1::EndpointSlice,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, ListParams, ObjectList},
    core::Selector,
};

use super::{
    claimant::Claimant,
    live::{LiveWorkload, is_embedded},
    names::{self, Names},
};
use crate::{
    applier::Ownership,
    decode::{Guarded, ObjectMetadata, Undecodable},
};

/// What became of the namespace that the server should run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// It can be used.
    Active,
    /// It is being deleted.
    Terminating,
    /// It does not exist.
    Missing,
}

/// What was read. Not to be formatted: there are keys in it.
#[derive(Clone)]
pub struct Surroundings {
    /// The namespace that the server should run in.
    pub namespace: NamespaceState,
    /// The ConfigMap of the published bundle, as it was before the authority's Secret was read.
    pub config_map: Option<ConfigMap>,
    /// The authority's Secret.
    pub authority_secret: Option<Secret>,
    /// The serving Secret.
    pub serving_secret: Option<Secret>,
    /// The workload, where Annex runs it.
    pub workload: Option<LiveWorkload>,
    /// The claim of its embedded storage.
    pub claim: Option<PersistentVolumeClaim>,
    /// The Secret of its etcd storage.
    pub storage_secret: Option<Secret>,
    /// The Service in front of the server.
    pub service: Option<Service>,
    /// Its EndpointSlices.
    pub endpoint_slices: Vec<EndpointSlice>,
    /// The pods that it selects.
    pub pods: Vec<Pod>,
    /// APIServices by name, of the claimed groups and versions, as they were before the authority's Secret was read.
    pub api_services: BTreeMap<String, APIService>,
    /// Group-versions of the claimed ones that a CustomResourceDefinition serves, with its name.
    pub crds: BTreeMap<String, String>,
    /// Every other AggregatedServer that claims one of the same group-versions.
    pub rivals: Vec<Claimant>,
}

/// The label by which kube-aggregator tells the APIServices that it keeps itself.
pub const AUTOMANAGED_LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// A read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The API server did not answer, or not well.
    #[error("failed to read {what}")]
    Request {
        /// What was to be read.
        what: &'static str,
        /// The cause.
        #[source]
        source: kube::Error,
    },
    /// What it answered does not decode.
    #[error("failed to decode {what} {name}")]
    Decode {
        /// What was read.
        what: &'static str,
        /// Its name.
        name: String,
        /// The field, and the cause.
        #[source]
        source: Box<Undecodable>,
    },
}

impl Surroundings {
    /// Whether the kube-apiserver serves `group` itself: an APIService that it keeps since its start, and not for a
    /// CustomResourceDefinition.
    #[must_use]
    pub fn served_by_kubernetes(&self, group: &str) -> bool {
        self.api_services.values().any(|service| {
            let of_group = service.spec.as_ref().and_then(|spec| spec.group.as_deref()) == Some(group);
            of_group
                && service
                    .labels()
                    .get(AUTOMANAGED_LABEL)
                    .is_some_and(|how| how == "onstart")
        })
    }

    /// The AggregatedServer that `claim` belongs to, if that is not `server`: the one that has registered it, else the
    /// one that asked first.
    #[must_use]
    pub fn earlier_claimant(&self, server: &AggregatedServer, claim: &ApiClaim) -> Option<String> {
        let rivals = || self.rivals.iter().filter(|rival| rival.claims(claim));
        let registered = self.api_services.get(&claim.api_service_name());
        let owners = registered
            .map(|service| service.owner_references())
            .unwrap_or_default();
        let has_registered = |name: &str, uid: Option<&str>| {
            let owner = names::owner_reference(name, uid.unwrap_or_default());
            Ownership::of(owners, &owner) != Ownership::Foreign
        };
        if has_registered(&server.name_any(), server.uid().as_deref()) {
            return None;
        }
        if let Some(holder) = rivals().find(|rival| has_registered(&rival.name, rival.uid.as_deref())) {
            return Some(holder.name.clone());
        }
        let own = (server.creation_timestamp().map(|time| time.0), server.name_any());
        let age = |rival: &Claimant| (rival.created, rival.name.clone());
        rivals()
            .filter(|rival| !rival.deleting && age(rival) < own)
            .min_by_key(|rival| age(rival))
            .map(|rival| rival.name.clone())
    }
}

/// Reads what there is.
///
/// # Errors
/// The API server did not answer one of the reads; what does not exist is no error.
pub async fn read(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
    rivals: Vec<Claimant>,
) -> Result<Surroundings, ReadError> {
    let namespace = &names.namespace;
    let (config_map, ca_secret) = (names.config_map(), names.ca_secret());
    // What is published derives from the authority's Secret, and is written only over the versions that are read here. Since
    // they are read first, one who has read a newer Secret and published it, such as the other operator in a hand-over, has
    // changed them, and what this pass made of the older Secret is refused, however late it comes.
    let (service, api_services, config_map) = tokio::try_join!(
        get::<Service>(
            Api::namespaced(client.clone(), namespace),
            &names.service,
            "the Service"
        ),
        api_services(client, server, names),
        get(
            Api::namespaced(client.clone(), namespace),
            &config_map,
            "the ConfigMap of the bundle"
        ),
    )?;
    let (
        state,
        authority_secret,
        serving_secret,
        workload,
        claim,
        storage_secret,
        (endpoint_slices, pods),
        crds,
    ) = tokio::try_join!(
        namespace_state(client, namespace),
        get(
            Api::namespaced(client.clone(), &names.operator_namespace),
            &ca_secret,
            "the authority's Secret"
        ),
        get(
            Api::namespaced(client.clone(), namespace),
            &names.serving_secret,
            "the serving Secret"
        ),
        workload(client, server, names),
        claim(client, server, names),
        storage_secret(client, server),
        endpoints_and_pods(client, server, names, service.as_ref()),
        crds(client, server),
    )?;
    Ok(Surroundings {
        namespace: state,
        config_map,
        authority_secret,
        serving_secret,
        workload,
        claim,
        storage_secret,
        service,
        endpoint_slices,
        pods,
        api_services,
        crds,
        rivals,
    })
}

async fn get<K>(api: Api<Guarded<K>>, name: &str, what: &'static str) -> Result<Option<K>, ReadError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let read = api.get_opt(name).await;
    let read = read.map_err(|source| ReadError::Request { what, source })?;
    read.map(|Guarded(object)| object)
        .transpose()
        .map_err(|source| ReadError::Decode {
            what,
            name: name.to_owned(),
            source,
        })
}

/// The objects of a list that decode. One that does not is left out, where its absence makes nothing unsafe.
fn decoded<K: kube::Resource<DynamicType = ()> + Clone>(list: ObjectList<Guarded<K>>) -> Vec<K> {
    let each = list.items.into_iter().filter_map(|Guarded(object)| match object {
        Ok(object) => Some(object),
        Err(undecodable) => {
            let (kind, name) = (K::kind(&()), undecodable.metadata.name.clone());
            tracing::warn!(%kind, name, error = %undecodable, "an object does not decode and is left out");
            None
        }
    });
    each.collect()
}

async fn namespace_state(client: &Client, name: &str) -> Result<NamespaceState, ReadError> {
    let namespace: Option<Namespace> = get(Api::all(client.clone()), name, "the namespace").await?;
    Ok(match namespace {
        None => NamespaceState::Missing,
        Some(namespace) if namespace.metadata.deletion_timestamp.is_some() => NamespaceState::Terminating,
        Some(_) => NamespaceState::Active,
    })
}

async fn workload(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
) -> Result<Option<LiveWorkload>, ReadError> {
    let (client, namespace, name) = (client.clone(), &names.namespace, &names.server);
    if server.spec.workload.is_none() {
        return Ok(None);
    }
    if is_embedded(server) {
        let live: Option<StatefulSet> =
            get(Api::namespaced(client, namespace), name, "the StatefulSet").await?;
        return Ok(live.map(Box::new).map(LiveWorkload::StatefulSet));
    }
    let live: Option<Deployment> = get(Api::namespaced(client, namespace), name, "the Deployment").await?;
    Ok(live.map(Box::new).map(LiveWorkload::Deployment))
}

async fn claim(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
) -> Result<Option<PersistentVolumeClaim>, ReadError> {
    if !is_embedded(server) {
        return Ok(None);
    }
    let claims = Api::namespaced(client.clone(), &names.namespace);
    get(claims, &names::claim(&names.server), "the volume's claim").await
}

async fn storage_secret(client: &Client, server: &AggregatedServer) -> Result<Option<Secret>, ReadError> {
    let etcd = server
        .spec
        .storage
        .as_ref()
        .and_then(|storage| storage.etcd.as_ref());
    let Some(name) = etcd.and_then(|etcd| etcd.secret_name.as_ref()) else {
        return Ok(None);
    };
    let secrets = Api::namespaced(client.clone(), &server.spec.namespace);
    get(secrets, name, "the Secret of storage.etcd").await
}

/// One after the other: pods that were read later have every address that a slice got from them.
async fn endpoints_and_pods(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
    service: Option<&Service>,
) -> Result<(Vec<EndpointSlice>, Vec<Pod>), ReadError> {
    let slices = endpoint_slices(client, names).await?;
    Ok((slices, pods(client, server, names, service).await?))
}

async fn endpoint_slices(client: &Client, names: &Names) -> Result<Vec<EndpointSlice>, ReadError> {
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={}", names.service));
    let what = "EndpointSlice";
    let slices: Api<Guarded<EndpointSlice>> = Api::namespaced(client.clone(), &names.namespace);
    let list = slices.list(&of_service).await;
    let list = list.map_err(|source| ReadError::Request { what, source })?;
    // None may be left out: an endpoint that nobody asked could still serve what is about to be dropped.
    let each = list.items.into_iter().map(|Guarded(slice)| {
        slice.map_err(|source| ReadError::Decode {
            what,
            name: source.metadata.name.clone().unwrap_or_default(),
            source,
        })
    });
    each.collect()
}

/// Those of the workload, or, where Annex runs none, those that the Service selects.
async fn pods(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
    service: Option<&Service>,
) -> Result<Vec<Pod>, ReadError> {
    let selected = || service.and_then(|service| service.spec.as_ref()?.selector.clone());
    let selector = match &server.spec.workload {
        Some(_) => names.selector(),
        None => selected().unwrap_or_default(),
    };
    if selector.is_empty() {
        return Ok(Vec::new());
    }
    let selected = ListParams::default().labels_from(&Selector::from_iter(selector));
    let pods: Api<Guarded<Pod>> = Api::namespaced(client.clone(), &names.namespace);
    let list = pods.list(&selected).await;
    list.map(decoded)
        .map_err(|source| ReadError::Request { what: "pods", source })
}

/// Every APIService of a claimed group: the claimed versions, and what else the group has.
async fn api_services(
    client: &Client,
    server: &AggregatedServer,
    names: &Names,
) -> Result<BTreeMap<String, APIService>, ReadError> {
    let list = Api::<Guarded<APIService>>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let list = list.map_err(|source| ReadError::Request {
        what: "APIServices",
        source,
    })?;
    // An APIService is named VERSION.GROUP.
    let concerns = |service: &Guarded<APIService>| {
        let name = service.name_any();
        let group = name.split_once('.').map_or("", |(_, group)| group);
        names.ownership(service) != Ownership::Foreign
            || server.spec.apis.iter().any(|claim| claim.group == group)
    };
    let each = list.items.into_iter().filter(concerns).map(|service| {
        let name = service.name_any();
        match service.0 {
            Ok(service) => Ok((name, service)),
            Err(source) => Err(ReadError::Decode {
                what: "APIService",
                name,
                source,
            }),
        }
    });
    each.collect()
}

/// The CustomResourceDefinitions that serve a claimed group-version. A CRD's name ends in its group, so that their
/// metadata is enough to tell which few are to be read.
async fn crds(client: &Client, server: &AggregatedServer) -> Result<BTreeMap<String, String>, ReadError> {
    let failed = |source| ReadError::Request {
        what: "CustomResourceDefinitions",
        source,
    };
    let resource = ApiResource::erase::<CustomResourceDefinition>(&());
    let metadata = Api::<ObjectMetadata>::all_with(client.clone(), &resource);
    let all = metadata.list(&ListParams::default()).await.map_err(failed)?;
    let of_claimed_group = |crd: &ObjectMetadata| {
        let name = crd.name_any();
        let group = name.split_once('.').map_or("", |(_, group)| group).to_owned();
        server.spec.apis.iter().any(|claim| claim.group == group)
    };
    let mut served = BTreeMap::new();
    for metadata in all.items.iter().filter(|crd| of_claimed_group(crd)) {
        let crds = Api::<Guarded<CustomResourceDefinition>>::all(client.clone());
        let read = get(crds, &metadata.name_any(), "CustomResourceDefinition").await?;
        let Some(crd) = read else { continue };
        for version in crd.spec.versions.iter().filter(|version| version.served) {
            served.insert(format!("{}/{}", crd.spec.group, version.name), crd.name_any());
        }
    }
    Ok(served)
}

/// When a trial began, where an APIService is on trial.
#[must_use]
pub fn trial_since(service: &APIService) -> Option<Timestamp> {
    let began = service.annotations().get(annex_crds::TRIAL_ANNOTATION)?;
    // An annotation that somebody spoilt is a trial that began long ago.
    Some(began.parse().unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use serde_json::json;

    use super::*;
    use crate::{
        aggregated_server::{
            build::api_service,
            testing::{names, server, surroundings},
            validate::plan_apis,
        },
        fake_client::{Answer, fake_client},
    };

    const API_SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
    const CONFIG_MAP: &str = "/api/v1/namespaces/wardle/configmaps/wardle-ca";
    const AUTHORITY: &str = "/api/v1/namespaces/annex-system/secrets/wardle-ca";

    /// What has been asked for when nothing more comes, in a cluster that answers all but `silent`.
    async fn asked(silent: &'static str) -> Vec<String> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let client = fake_client(move |request| {
            seen.lock().unwrap().push(request.path.clone());
            match request.path.as_str() {
                path if path == silent => Answer::Never,
                path if path.ends_with('s') => {
                    Answer::ok(json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": [] }))
                }
                _ => Answer::status(404, "NotFound"),
            }
        });
        let (server, names) = (server(), names());
        let read = read(&client, &server, &names, Vec::new());
        let read = tokio::time::timeout(Duration::from_secs(3600), read).await;
        assert!(read.is_err() || read.unwrap().is_ok());
        let asked = asked.lock().unwrap();
        asked.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_published_is_read_before_what_it_derives_from() {
        let has = |asked: &[String], path: &str| asked.iter().any(|asked| asked == path);
        let all = asked("nothing").await;
        for path in [API_SERVICES, CONFIG_MAP, AUTHORITY] {
            assert!(has(&all, path), "{path} in {all:?}");
        }
        for published in [API_SERVICES, CONFIG_MAP] {
            let asked = asked(published).await;
            assert!(has(&asked, published) && !has(&asked, AUTHORITY), "{asked:?}");
        }
    }

    #[tokio::test]
    async fn api_services_of_a_former_server_are_read_with_the_claimed_ones() {
        let (server, names) = (server(), names());
        let of = |group: &str, owner: &str, uid: &str| {
            let mut service = APIService::default();
            service.metadata.name = Some(format!("v1.{group}"));
            service.metadata.owner_references = Some(vec![names::owner_reference(owner, uid)]);
            service
        };
        let items = json!([
            of("a.example.com", "wardle", "dead"),
            of("b.example.com", "other", "dead"),
            of("c.example.com", "wardle", "0b9c"),
            of("wardle.example.com", "other", "dead"),
        ]);
        let client = fake_client(move |request| {
            assert_eq!(request.path, API_SERVICES);
            Answer::ok(json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items }))
        });
        let read = api_services(&client, &server, &names).await.unwrap();
        let read: Vec<_> = read.keys().collect();
        assert_eq!(
            read,
            ["v1.a.example.com", "v1.c.example.com", "v1.wardle.example.com"]
        );
    }

    /// Who has the claim that `owner` (name, uid) registered, where the server and these `rivals` make it.
    fn claimant(owner: (&str, &str), rivals: &[Claimant]) -> Option<String> {
        let server = server();
        let plan = plan_apis(&server).remove(0);
        let mut service = api_service::api_service(&names(), &plan, 443, "", None);
        service.metadata.owner_references = Some(vec![names::owner_reference(owner.0, owner.1)]);
        let surroundings = Surroundings {
            api_services: BTreeMap::from([(plan.claim.api_service_name(), service)]),
            rivals: rivals.to_vec(),
            ..surroundings()
        };
        surroundings.earlier_claimant(&server, &plan.claim)
    }

    #[test]
    fn what_a_former_server_registered_is_its_successors() {
        let rival = Claimant {
            name: "rival".into(),
            uid: Some("r1".into()),
            // Older than the server, which has no time at all.
            created: None,
            deleting: false,
            claims: vec![("wardle.example.com".into(), "v1alpha1".into())],
        };
        let rivals = std::slice::from_ref(&rival);
        assert_eq!(claimant(("wardle", "0b9c"), rivals), None);
        assert_eq!(claimant(("wardle", "dead"), rivals), None);
        assert_eq!(claimant(("rival", "r1"), rivals).as_deref(), Some("rival"));
        assert_eq!(claimant(("rival", "dead"), rivals).as_deref(), Some("rival"));
        let younger = Claimant {
            name: "z".into(),
            ..rival
        };
        assert_eq!(claimant(("z", "dead"), &[younger]).as_deref(), Some("z"));
    }
}
