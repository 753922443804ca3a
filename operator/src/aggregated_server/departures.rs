//! The AggregatedServers that are gone, as their watch tells: one by one, by a list that has them no more, or by another one of the same
//! name, where nobody saw the end of the earlier one. No pass comes for them any more, so that it is from here that they are forgotten.

use std::collections::{HashMap, HashSet};

use kube::{Resource as _, ResourceExt as _, runtime::watcher};

use super::{claimant::ListedServer, volume::departure::Retained};

/// Who was there, as a watch has told.
#[derive(Debug, Default)]
pub struct Departures {
    known: HashMap<String, Departed>,
    /// While the watch lists everything anew: who is among it.
    listed: HashSet<String>,
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
    fn of(server: &ListedServer) -> Self {
        Self {
            name: server.name_any(),
            uid: server.uid().unwrap_or_default(),
            volume: Retained::of(server),
        }
    }
}

impl Departures {
    /// The servers that are gone since the last event.
    pub fn observe(&mut self, event: &watcher::Event<ListedServer>) -> Vec<Departed> {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            watcher::Event::InitApply(server) => {
                self.listed.insert(server.name_any());
                self.replace(server).into_iter().collect()
            }
            watcher::Event::Apply(server) => self.replace(server).into_iter().collect(),
            watcher::Event::Delete(server) => {
                self.known.remove(&server.name_any());
                vec![Departed::of(server)]
            }
            watcher::Event::InitDone => {
                let listed = &self.listed;
                let gone = self.known.extract_if(|name, _| !listed.contains(name));
                gone.map(|(_, departed)| departed).collect()
            }
        }
    }

    /// Another uid under the same name: the earlier one was deleted in between.
    fn replace(&mut self, server: &ListedServer) -> Option<Departed> {
        let earlier = self.known.insert(server.name_any(), Departed::of(server));
        earlier.filter(|earlier| Some(&earlier.uid) != server.meta().uid.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::OnDelete;

    use super::*;
    use crate::{aggregated_server::testing::embedded_server, decode::Guarded};

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
        let mut departures = Departures::default();
        assert_eq!(departures.observe(&watcher::Event::Apply(with_uid("1"))), []);
        let gone = departures.observe(&watcher::Event::Delete(with_uid("1")));
        assert_eq!(uids(&gone), ["1"]);
    }

    #[test]
    fn who_is_missing_after_a_new_list_is_gone() {
        let mut departures = Departures::default();
        departures.observe(&watcher::Event::Apply(with_uid("1")));
        for event in [watcher::Event::Init, watcher::Event::InitApply(with_uid("1"))] {
            assert_eq!(departures.observe(&event), []);
        }
        assert_eq!(departures.observe(&watcher::Event::InitDone), []);
        assert_eq!(departures.observe(&watcher::Event::Init), []);
        assert_eq!(uids(&departures.observe(&watcher::Event::InitDone)), ["1"]);
    }

    #[test]
    fn who_was_made_anew_unseen_was_gone_before() {
        let mut departures = Departures::default();
        departures.observe(&watcher::Event::Apply(with_uid("1")));
        assert_eq!(departures.observe(&watcher::Event::Apply(with_uid("1"))), []);
        let gone = departures.observe(&watcher::Event::InitApply(with_uid("2")));
        assert_eq!(uids(&gone), ["1"]);
    }

    #[test]
    fn what_a_server_says_last_of_its_volume_counts() {
        let mut departures = Departures::default();
        let mut taken = with_uid("1");
        let storage = taken.0.as_mut().unwrap().spec.storage.as_mut().unwrap();
        storage.embedded.as_mut().unwrap().on_delete = OnDelete::Delete;
        departures.observe(&watcher::Event::Apply(with_uid("1")));
        departures.observe(&watcher::Event::Apply(taken));
        departures.observe(&watcher::Event::Init);
        let gone = departures.observe(&watcher::Event::InitDone);
        assert_eq!((uids(&gone), &gone[0].volume), (vec!["1"], &None));
    }
}
