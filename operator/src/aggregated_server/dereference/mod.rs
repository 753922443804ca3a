//! Everything that a reconcile needs to know about a server's surroundings. No writes.
//!
//! | file | where it is from |
//! |---|---|
//! | `stored` | what watches have brought ([`Source::Stored`]), and live what they do not bring, or have not |
//! | `new` | the same of a server that has nothing yet ([`Source::New`]), what it publishes aside not asked for |
//! | `requests` | the API server, now ([`Source::Live`]) |
//!
//! A copy may be late. The steps of a rotation follow from what is there now, and with a copy a bundle could be narrowed too
//! early: a pass that comes to one over copies begins again with live reads.

mod new;
mod requests;
mod stored;

use std::{collections::BTreeMap, sync::Arc};

use annex_crds::v1alpha1::{AggregatedServer, ApiClaim};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::{PersistentVolumeClaim, Pod, Secret, Service},
        discovery::v1::EndpointSlice,
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Client, ResourceExt as _};

use self::requests::Requests;
use super::{
    certificates::{Authority, Remembered, ServingRecord},
    claimant::Claimant,
    informers::Informers,
    live::LiveWorkload,
    names::{self, Names},
};
use crate::{
    applier::{Known, Ownership},
    decode::Undecodable,
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

/// Where what is known comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What watches have brought, which may be late.
    Stored,
    /// The same of a server that has nothing yet, as far as they know: what is missing was not asked for. It can be made, since
    /// each request that makes something is refused where it is there.
    New,
    /// The API server, asked in this pass.
    Live,
}

/// What a pass begins with of the serving Secret.
#[derive(Clone, Debug)]
pub enum ServingSecret {
    /// Nothing: it is read.
    Unknown,
    /// What it held when it was read last.
    Remembered(Arc<Remembered>),
    /// Nothing yet in this process: what is recorded of it may do.
    Recorded,
}

/// What was read. Not to be formatted: there are keys in it.
#[derive(Clone)]
pub struct Surroundings {
    /// Where it is from.
    pub source: Source,
    /// The namespace that the server should run in.
    pub namespace: NamespaceState,
    /// The ConfigMap of the published bundle, as it was before the authority's Secret was read.
    pub config_map: Option<Arc<Known>>,
    /// The authority without its key, as a watch has brought its Secret, in place of that.
    pub authority: Option<Arc<Authority>>,
    /// What the serving Secret held when it was read last, in place of that.
    pub serving: Option<Arc<Remembered>>,
    /// What is recorded of the serving Secret, which was not read for that.
    pub record: Option<ServingRecord>,
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
    /// What else is known of these.
    pub known_api_services: BTreeMap<String, Arc<Known>>,
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
    /// Nothing but the namespace, as `source` has it.
    #[must_use]
    pub const fn of(source: Source, namespace: NamespaceState) -> Self {
        Self {
            source,
            namespace,
            config_map: None,
            authority: None,
            serving: None,
            record: None,
            authority_secret: None,
            serving_secret: None,
            workload: None,
            claim: None,
            storage_secret: None,
            service: None,
            endpoint_slices: Vec::new(),
            pods: Vec::new(),
            api_services: BTreeMap::new(),
            known_api_services: BTreeMap::new(),
            crds: BTreeMap::new(),
            rivals: Vec::new(),
        }
    }

    /// What is known of the APIService `name` beside its fields.
    #[must_use]
    pub fn known_api_service(&self, name: &str) -> Option<Arc<Known>> {
        let known = self.known_api_services.get(name).cloned();
        known.or_else(|| {
            let service = self.api_services.get(name)?;
            Some(Arc::new(Known::new(&service.metadata, None)))
        })
    }

    /// The APIServices that belong to the server with these `names`, and are to stay.
    #[must_use]
    pub fn own_api_services(&self, names: &Names) -> Vec<&APIService> {
        let ours = |service: &&APIService| {
            names.ownership(*service) != Ownership::Foreign && service.metadata.deletion_timestamp.is_none()
        };
        self.api_services.values().filter(ours).collect()
    }

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

/// Who reads, about which server.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// Asks the API server.
    pub client: &'a Client,
    /// What watches have brought.
    pub informers: &'a Informers,
    /// The server.
    pub server: &'a AggregatedServer,
    /// Its names.
    pub names: &'a Names,
}

impl Reader<'_> {
    /// What there is, from `source`. Live reads aside, the serving Secret is not asked for where what it held is known.
    ///
    /// # Errors
    /// The API server did not answer a read; what does not exist is no error.
    pub async fn read(
        &self,
        source: Source,
        serving: ServingSecret,
        rivals: Vec<Claimant>,
    ) -> Result<Surroundings, ReadError> {
        let namespace = &self.names.namespace;
        let known = self.informers.listed(namespace).await && !self.informers.are_late(namespace);
        let surroundings = match source {
            Source::Stored if known => self.stored(serving).await?,
            Source::New if known => match self.new_server().await? {
                Some(surroundings) => surroundings,
                None => self.live().await?,
            },
            Source::Stored | Source::New | Source::Live => self.live().await?,
        };
        Ok(Surroundings {
            rivals,
            ..surroundings
        })
    }

    fn requests(&self) -> Requests<'_> {
        Requests {
            client: self.client,
            server: self.server,
            names: self.names,
        }
    }
}

/// When a trial began, where an APIService is on trial.
#[must_use]
pub fn trial_since(service: &APIService) -> Option<Timestamp> {
    let began = service.annotations().get(annex_crds::TRIAL_ANNOTATION)?;
    // An annotation that somebody spoilt is a trial that began long ago.
    Some(began.parse().unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests;
