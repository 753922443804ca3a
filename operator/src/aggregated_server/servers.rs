//! Every AggregatedServer as the watch saw it last, with an index of what each claims and where it runs: who else is concerned by a
//! change is looked up, and costs the same in a fleet of any size. Which are gone, the watch tells one by one, by a list that has them no
//! more, or by another one of the same name: no pass comes for them any more, so that it is from here that they are forgotten.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use annex_crds::v1alpha1::ApiClaim;
use kube::{
    ResourceExt as _,
    runtime::{
        reflector::{ObjectRef, Store},
        watcher::Event,
    },
};

use super::{
    claimant::{self, Claimant, ListedServer},
    volume::departure::Retained,
};

/// Every AggregatedServer. Clones share what is known.
#[derive(Clone)]
pub struct Servers {
    store: Store<ListedServer>,
    index: Arc<Mutex<Index>>,
}

/// What is looked up, by the names of servers.
#[derive(Default)]
struct Index {
    known: HashMap<String, Known>,
    /// By `version.group`, which is the name of the APIService.
    by_claim: HashMap<String, BTreeSet<String>>,
    by_group: HashMap<String, BTreeSet<String>>,
    by_namespace: HashMap<String, BTreeSet<String>>,
    /// Those that a list under way has not brought so far.
    unlisted: HashSet<String>,
    /// Whether they were listed once.
    is_listed: bool,
}

struct Known {
    claimant: Arc<Claimant>,
    namespace: Option<String>,
    volume: Option<Retained>,
}

/// A server that is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Departed {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its volume, where that stays.
    pub volume: Option<Retained>,
}

impl Departed {
    fn of(name: String, known: Known) -> Self {
        Self {
            name,
            uid: known.claimant.uid.clone().unwrap_or_default(),
            volume: known.volume,
        }
    }
}

impl Servers {
    /// What `store` holds, and nothing known of it so far.
    #[must_use]
    pub fn new(store: Store<ListedServer>) -> Self {
        Self {
            store,
            index: Arc::default(),
        }
    }

    /// Takes note of what the watch brings to the store; gives the servers that are gone by it.
    pub fn observe(&self, event: &Event<ListedServer>) -> Vec<Departed> {
        let mut index = self.index();
        match event {
            Event::Init => {
                index.unlisted = index.known.keys().cloned().collect();
                Vec::new()
            }
            Event::Apply(server) => index.insert(server).into_iter().collect(),
            Event::InitApply(server) => {
                index.unlisted.remove(&server.name_any());
                index.insert(server).into_iter().collect()
            }
            Event::Delete(server) => {
                index.remove(&server.name_any());
                vec![Departed::of(server.name_any(), Known::of(server))]
            }
            Event::InitDone => {
                index.is_listed = true;
                let gone = std::mem::take(&mut index.unlisted).into_iter();
                gone.filter_map(|name| index.remove(&name)).collect()
            }
        }
    }

    /// Whether they were listed once: before that one that is not known may be there.
    #[must_use]
    pub fn are_listed(&self) -> bool {
        self.index().is_listed
    }

    /// The one called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<ListedServer>> {
        self.store.get(&ObjectRef::new(name))
    }

    /// The names of all.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.index().known.keys().cloned().collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.index().known.len()
    }

    /// The uids of all.
    #[must_use]
    pub fn uids(&self) -> HashSet<String> {
        let index = self.index();
        let uids = index
            .known
            .values()
            .filter_map(|known| known.claimant.uid.clone());
        uids.collect()
    }

    /// The others that make one of `claims`, which the server with `uid` makes, by their names.
    #[must_use]
    pub fn rivals(&self, uid: Option<&str>, claims: &[ApiClaim]) -> Vec<Claimant> {
        let index = self.index();
        let names: BTreeSet<&String> = claims
            .iter()
            .filter_map(|claim| index.by_claim.get(&claim.api_service_name()))
            .flatten()
            .collect();
        let claimants = names.into_iter().filter_map(|name| index.known.get(name));
        let others = claimants.filter(|known| known.claimant.uid.as_deref() != uid);
        others.map(|known| Claimant::clone(&known.claimant)).collect()
    }

    /// Those that claim the group-version of the APIService called `name`.
    #[must_use]
    pub fn of_api_service(&self, name: &str) -> Vec<ObjectRef<ListedServer>> {
        refs(self.index().by_claim.get(name))
    }

    /// Those that claim a version of `group`.
    #[must_use]
    pub fn of_group(&self, group: &str) -> Vec<ObjectRef<ListedServer>> {
        refs(self.index().by_group.get(group))
    }

    /// Those that run in `namespace`.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<ObjectRef<ListedServer>> {
        refs(self.index().by_namespace.get(namespace))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refs(names: Option<&BTreeSet<String>>) -> Vec<ObjectRef<ListedServer>> {
    let names = names.into_iter().flatten();
    names.map(|name| ObjectRef::new(name)).collect()
}

impl Known {
    fn of(server: &ListedServer) -> Self {
        Self {
            claimant: Arc::new(Claimant::of(server)),
            namespace: claimant::namespace(server).map(str::to_owned),
            volume: Retained::of(server),
        }
    }
}

impl Index {
    /// Gives the earlier one of its name, which was deleted in between, where it has another uid.
    fn insert(&mut self, server: &ListedServer) -> Option<Departed> {
        let name = server.name_any();
        let known = Known::of(server);
        if let Some(before) = self.known.get_mut(&name) {
            // Most of what a watch brings is a status.
            if (&before.claimant, &before.namespace) == (&known.claimant, &known.namespace) {
                before.volume = known.volume;
                return None;
            }
        }
        let earlier = self.remove(&name);
        for (group, version) in &known.claimant.claims {
            let api_service = format!("{version}.{group}");
            self.by_claim.entry(api_service).or_default().insert(name.clone());
            self.by_group
                .entry(group.clone())
                .or_default()
                .insert(name.clone());
        }
        if let Some(namespace) = &known.namespace {
            let inside = self.by_namespace.entry(namespace.clone()).or_default();
            inside.insert(name.clone());
        }
        let uid = known.claimant.uid.clone().unwrap_or_default();
        self.known.insert(name, known);
        earlier.filter(|earlier| earlier.uid != uid)
    }

    fn remove(&mut self, name: &str) -> Option<Departed> {
        let known = self.known.remove(name)?;
        for (group, version) in &known.claimant.claims {
            take(&mut self.by_claim, &format!("{version}.{group}"), name);
            take(&mut self.by_group, group, name);
        }
        if let Some(namespace) = &known.namespace {
            take(&mut self.by_namespace, namespace, name);
        }
        Some(Departed::of(name.to_owned(), known))
    }
}

/// Takes `name` out of what stands under `key`.
fn take(by: &mut HashMap<String, BTreeSet<String>>, key: &str, name: &str) {
    let Some(names) = by.get_mut(key) else { return };
    names.remove(name);
    if names.is_empty() {
        by.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::OnDelete;
    use kube::{Resource as _, runtime::reflector};
    use serde_json::json;

    use super::*;
    use crate::{aggregated_server::testing::embedded_server, decode::Guarded};

    fn server(name: &str, namespace: &str, claims: &[(&str, &str)]) -> ListedServer {
        let claim = |(group, version): &(&str, &str)| json!({ "group": group, "version": version, "groupPriorityMinimum": 1, "versionPriority": 1 });
        serde_json::from_value(json!({
            "metadata": { "name": name, "uid": format!("uid-{name}") },
            "spec": {
                "namespace": namespace,
                "apis": claims.iter().map(claim).collect::<Vec<_>>(),
                "workload": { "image": "x" },
            },
        }))
        .unwrap()
    }

    fn names(refs: &[ObjectRef<ListedServer>]) -> Vec<&str> {
        refs.iter().map(|server| &*server.name).collect()
    }

    fn rivals(servers: &Servers, of: &ListedServer) -> Vec<String> {
        let claims = &of.0.as_ref().unwrap().spec.apis;
        let rivals = servers.rivals(of.uid().as_deref(), claims);
        rivals.into_iter().map(|rival| rival.name).collect()
    }

    #[test]
    fn who_is_concerned_is_who_claims_it_now() {
        let servers = Servers::new(reflector::store().0);
        let a = server("a", "one", &[("x.example.com", "v1"), ("x.example.com", "v2")]);
        let b = server("b", "two", &[("x.example.com", "v1")]);
        servers.observe(&Event::Apply(a.clone()));
        servers.observe(&Event::Apply(b.clone()));
        assert_eq!(servers.count(), 2);
        assert_eq!(names(&servers.of_api_service("v1.x.example.com")), ["a", "b"]);
        assert_eq!(names(&servers.of_api_service("v2.x.example.com")), ["a"]);
        assert_eq!(names(&servers.of_group("x.example.com")), ["a", "b"]);
        assert_eq!(names(&servers.in_namespace("two")), ["b"]);
        assert_eq!(rivals(&servers, &a), ["b"]);
        // It claims something else, elsewhere.
        let b = server("b", "three", &[("y.example.com", "v1")]);
        servers.observe(&Event::Apply(b.clone()));
        assert_eq!(names(&servers.of_api_service("v1.x.example.com")), ["a"]);
        assert_eq!(names(&servers.of_group("x.example.com")), ["a"]);
        assert!(servers.in_namespace("two").is_empty());
        assert_eq!(names(&servers.in_namespace("three")), ["b"]);
        assert!(rivals(&servers, &a).is_empty());
        servers.observe(&Event::Delete(b));
        assert!(servers.of_group("y.example.com").is_empty());
        assert_eq!(servers.uids(), HashSet::from(["uid-a".to_owned()]));
    }

    /// One that was made again under its name is another one.
    #[test]
    fn a_server_is_told_from_its_former_self_by_the_uid() {
        let servers = Servers::new(reflector::store().0);
        let a = server("a", "one", &[("x.example.com", "v1")]);
        servers.observe(&Event::Apply(a.clone()));
        assert!(rivals(&servers, &a).is_empty());
        let mut again = a.clone();
        again.meta_mut().uid = Some("new".into());
        servers.observe(&Event::Apply(again));
        assert_eq!(servers.rivals(Some("new"), &a.0.unwrap().spec.apis), []);
    }

    #[test]
    fn what_a_new_list_does_not_bring_is_gone() {
        let servers = Servers::new(reflector::store().0);
        for name in ["a", "b"] {
            servers.observe(&Event::Apply(server(name, name, &[("x.example.com", "v1")])));
        }
        servers.observe(&Event::Init);
        servers.observe(&Event::InitApply(server("b", "b", &[("x.example.com", "v1")])));
        assert_eq!(servers.count(), 2, "until the list is complete");
        servers.observe(&Event::InitDone);
        assert_eq!(names(&servers.of_group("x.example.com")), ["b"]);
        assert_eq!((servers.count(), servers.in_namespace("a").len()), (1, 0));
        // A list that broke off begins anew.
        servers.observe(&Event::Init);
        servers.observe(&Event::Init);
        servers.observe(&Event::InitApply(server("b", "b", &[])));
        servers.observe(&Event::InitDone);
        assert_eq!((servers.count(), servers.of_group("x.example.com").len()), (1, 0));
    }

    fn with_uid(uid: &str) -> ListedServer {
        let mut server = embedded_server();
        server.metadata.uid = Some(uid.into());
        Guarded(Ok(server))
    }

    fn uids(gone: &[Departed]) -> Vec<&str> {
        gone.iter().map(|departed| departed.uid.as_str()).collect()
    }

    #[test]
    fn who_is_deleted_is_gone() {
        let servers = Servers::new(reflector::store().0);
        assert_eq!(servers.observe(&Event::Apply(with_uid("1"))), []);
        let gone = servers.observe(&Event::Delete(with_uid("1")));
        assert_eq!(uids(&gone), ["1"]);
    }

    #[test]
    fn who_is_missing_after_a_new_list_is_gone() {
        let servers = Servers::new(reflector::store().0);
        servers.observe(&Event::Apply(with_uid("1")));
        for event in [Event::Init, Event::InitApply(with_uid("1"))] {
            assert_eq!(servers.observe(&event), []);
        }
        assert_eq!(servers.observe(&Event::InitDone), []);
        assert_eq!(servers.observe(&Event::Init), []);
        assert_eq!(uids(&servers.observe(&Event::InitDone)), ["1"]);
    }

    #[test]
    fn who_was_made_anew_unseen_was_gone_before() {
        let servers = Servers::new(reflector::store().0);
        servers.observe(&Event::Apply(with_uid("1")));
        assert_eq!(servers.observe(&Event::Apply(with_uid("1"))), []);
        let gone = servers.observe(&Event::InitApply(with_uid("2")));
        assert_eq!(uids(&gone), ["1"]);
    }

    #[test]
    fn what_a_server_says_last_of_its_volume_counts() {
        let servers = Servers::new(reflector::store().0);
        let mut taken = with_uid("1");
        let storage = taken.0.as_mut().unwrap().spec.storage.as_mut().unwrap();
        storage.embedded.as_mut().unwrap().on_delete = OnDelete::Delete;
        servers.observe(&Event::Apply(with_uid("1")));
        servers.observe(&Event::Apply(taken));
        servers.observe(&Event::Init);
        let gone = servers.observe(&Event::InitDone);
        assert_eq!((uids(&gone), &gone[0].volume), (vec!["1"], &None));
    }
}
