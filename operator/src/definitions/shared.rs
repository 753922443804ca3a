//! What passes over servers and the controller of definitions know of each other: passes tell where a server's replicas are, and are
//! told what to register.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use annex_crds::{
    DEFINITIONS_ANNOTATION,
    v1alpha1::{AggregatedServer, ApiClaim, CrdShadow},
};
use futures::{Stream, stream};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::ResourceExt as _;
use tokio::sync::Notify;

use super::{claims::Claim, registration};
use crate::{aggregated_server::informers::Informers, pki::Certificate};

/// Where the replicas of a server are, and how they are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The uid of the AggregatedServer.
    pub uid: String,
    /// The ready replicas that are its own.
    pub replicas: Vec<SocketAddr>,
    /// The name in handshakes.
    pub server_name: String,
    /// Who must vouch for them.
    pub bundle: Vec<Certificate>,
}

/// What both know. Clones share it.
#[derive(Clone, Default)]
pub struct Definitions(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// That a pass has told something.
    told: Notify,
    /// That a server is to be reconciled.
    woken: Notify,
}

#[derive(Default)]
struct State {
    /// `None`: definitions were not listed so far.
    claims: Option<BTreeMap<String, Vec<Claim>>>,
    targets: HashMap<String, Target>,
    wakes: BTreeSet<String>,
}

impl Definitions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be registered for each server from now on. Wakes those for which that is something else than before.
    pub fn set_claims(&self, claims: BTreeMap<String, Vec<Claim>>) {
        let mut state = self.state();
        let before = state.claims.take().unwrap_or_default();
        let servers: BTreeSet<&String> = before.keys().chain(claims.keys()).collect();
        let changed: Vec<String> = servers
            .into_iter()
            .filter(|server| before.get(*server) != claims.get(*server))
            .cloned()
            .collect();
        state.claims = Some(claims);
        state.wakes.extend(changed);
        drop(state);
        self.0.woken.notify_one();
    }

    /// Where the replicas of `server` are.
    pub fn set_target(&self, server: &str, target: Target) {
        let mut state = self.state();
        if state.targets.get(server) != Some(&target) {
            state.targets.insert(server.to_owned(), target);
            drop(state);
            self.0.told.notify_one();
        }
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        self.state().targets.retain(|_, target| target.uid != uid);
        self.0.told.notify_one();
    }

    /// Where the replicas of `server` are, as far as a pass has found out.
    #[must_use]
    pub fn target(&self, server: &str) -> Option<Target> {
        self.state().targets.get(server).cloned()
    }

    /// Returns once a pass has told something.
    pub async fn told(&self) {
        self.0.told.notified().await;
    }

    /// The servers that are to be reconciled, as they come.
    pub fn wakes(&self) -> impl Stream<Item = String> + Send + use<> {
        stream::unfold(self.clone(), |definitions| async move {
            loop {
                let name = definitions.state().wakes.pop_first();
                if let Some(name) = name {
                    return Some((name, definitions));
                }
                definitions.0.woken.notified().await;
            }
        })
    }

    /// What is to be registered for each server, where definitions were listed.
    #[must_use]
    pub fn claims(&self) -> Option<BTreeMap<String, Vec<Claim>>> {
        self.state().claims.clone()
    }

    /// Whether definitions were listed.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.state().claims.is_some()
    }

    /// Whether `service`, which no claim of a pass asks for, is to stay: the pass may have begun before definitions were known, and an
    /// APIService that is taken back is an outage.
    #[must_use]
    pub fn keep(&self, server: &str, service: &APIService) -> bool {
        if !service.annotations().contains_key(DEFINITIONS_ANNOTATION) {
            return false;
        }
        let state = self.state();
        let Some(claims) = &state.claims else {
            return true;
        };
        let spec = service.spec.as_ref();
        let pair = spec.and_then(|spec| Some((spec.group.as_deref()?, spec.version.as_deref()?)));
        let mut claims = claims.get(server).into_iter().flatten();
        claims.any(|claim| Some((claim.group.as_str(), claim.version.as_str())) == pair)
    }

    /// `server`, with the group-versions of its definitions among its claims.
    #[must_use]
    pub fn complete<'s>(
        &self,
        server: &'s AggregatedServer,
        informers: &Informers,
    ) -> Cow<'s, AggregatedServer> {
        let name = server.name_any();
        let pairs: Vec<(String, String)> = match &self.state().claims {
            Some(claims) => claims
                .get(&name)
                .into_iter()
                .flatten()
                .map(|claim| (claim.group.clone(), claim.version.clone()))
                .collect(),
            // What is registered stands until it is known what there is.
            None => {
                let registered = registration::of(informers, &name, None).into_iter();
                registered.map(|it| (it.group, it.version)).collect()
            }
        };
        let is_new = |(group, version): &(String, String)| {
            let mut own = server.spec.apis.iter();
            !own.any(|claim| (&claim.group, &claim.version) == (group, version))
        };
        let new: Vec<ApiClaim> = pairs
            .into_iter()
            .filter(is_new)
            .map(|(group, version)| ApiClaim {
                group,
                version,
                group_priority_minimum: None,
                version_priority: None,
                crd_shadow: CrdShadow::default(),
            })
            .collect();
        if new.is_empty() {
            return Cow::Borrowed(server);
        }
        let mut complete = server.clone();
        complete.spec.apis.extend(new);
        Cow::Owned(complete)
    }

    /// What the APIService of `claim` says of definitions, which says `live` now.
    #[must_use]
    pub fn digest(&self, server: &str, claim: &ApiClaim, live: Option<&APIService>) -> Option<String> {
        let before = || live?.annotations().get(DEFINITIONS_ANNOTATION).cloned();
        let state = self.state();
        let Some(claims) = &state.claims else {
            return before();
        };
        let mut claims = claims.get(server).into_iter().flatten();
        let claim = claims.find(|it| (&it.group, &it.version) == (&claim.group, &claim.version))?;
        // The first one has to be told from those that are no definitions'.
        let digest = claim.digest.clone().or_else(before);
        Some(digest.unwrap_or_default())
    }
}
