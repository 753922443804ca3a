//! Trust as it is now, changed by whoever watches its sources.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::DistinguishedName;
use tokio::sync::watch;

use super::Authorities;
use crate::authn::request_header::Headers;

/// Whom to believe.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::authn) struct Trust {
    /// Who vouches for clients; `None`: client certificates say nothing.
    pub(in crate::authn) clients: Option<Arc<Authorities>>,
    /// The front proxy.
    pub(in crate::authn) front_proxy: FrontProxy,
}

/// Who may speak for others, and how it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::authn) struct FrontProxy {
    /// Who vouches for it; `None`: nobody is believed.
    pub(in crate::authn) authorities: Option<Arc<Authorities>>,
    /// Its common names; empty: any.
    pub(in crate::authn) allowed_names: Vec<String>,
    /// The headers that it sets.
    pub(in crate::authn) headers: Headers,
}

/// One state of [`Trust`].
#[derive(Debug)]
pub(in crate::authn) struct Current {
    /// Grows with each change.
    pub(in crate::authn) generation: u64,
    pub(in crate::authn) trust: Trust,
}

/// Where the current [`Trust`] is found.
#[derive(Debug)]
pub(in crate::authn) struct TrustStore {
    current: ArcSwap<Current>,
    hints: watch::Sender<Arc<[DistinguishedName]>>,
    changing: Mutex<()>,
}

impl TrustStore {
    pub(in crate::authn) fn new(trust: Trust) -> Self {
        let (hints, _) = watch::channel(hints_of(&trust));
        Self {
            current: ArcSwap::from_pointee(Current { generation: 0, trust }),
            hints,
            changing: Mutex::new(()),
        }
    }

    pub(in crate::authn) fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// The subjects of all authorities, for the TLS handshake.
    pub(in crate::authn) fn hints(&self) -> watch::Receiver<Arc<[DistinguishedName]>> {
        self.hints.subscribe()
    }

    /// Changes it; tells whether there was anything to change.
    pub(in crate::authn) fn change(&self, change: impl FnOnce(&mut Trust)) -> bool {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load_full();
        let mut trust = current.trust.clone();
        change(&mut trust);
        if trust == current.trust {
            return false;
        }
        let hints = hints_of(&trust);
        self.current.store(Arc::new(Current {
            generation: current.generation + 1,
            trust,
        }));
        self.hints.send_if_modified(|known| {
            let modified = !known
                .iter()
                .map(AsRef::as_ref)
                .eq(hints.iter().map(<DistinguishedName as AsRef<[u8]>>::as_ref));
            *known = hints;
            modified
        });
        true
    }
}

fn hints_of(trust: &Trust) -> Arc<[DistinguishedName]> {
    let mut subjects: Vec<DistinguishedName> = Vec::new();
    let mut known: HashSet<Vec<u8>> = HashSet::new();
    let bundles = [&trust.clients, &trust.front_proxy.authorities];
    for subject in bundles.into_iter().flatten().flat_map(|bundle| bundle.subjects()) {
        if known.insert(subject.as_ref().to_vec()) {
            subjects.push(subject);
        }
    }
    subjects.into()
}
