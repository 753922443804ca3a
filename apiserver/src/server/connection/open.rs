//! The connections that are open, and which of them goes first when room is short.
//!
//! Whoever opens connections and says nothing must keep nobody out: only connections of whom nobody knows who they are
//! (an unfinished handshake, or no request yet that was authenticated) make room for new ones, the oldest first. They
//! are bounded for each address, too. A front proxy, by its certificate, is neither refused nor counted: a
//! kube-apiserver dials anew for each upgraded connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The part of all connections that strangers always have, and the part that strangers of one address may have.
const PART: usize = 16;
/// The least that these parts are.
const LEAST: usize = 8;

/// The open connections of a server.
#[derive(Clone, Debug)]
pub(in crate::server) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many may be open whose client is known.
    most: usize,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// By their numbers, which are in the order of their age.
    strangers: BTreeMap<u64, Stranger>,
    by_origin: HashMap<Origin, BTreeSet<u64>>,
    /// Connections of clients that have authenticated.
    known: usize,
    /// All, front proxies and those that are told to go included.
    all: usize,
}

#[derive(Debug)]
struct Stranger {
    origin: Origin,
    evicted: Arc<Notify>,
}

/// Where a client is: an IPv4 address, or the network of an IPv6 address, of which one client has as many as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Origin(IpAddr);

impl Origin {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Who a connection's client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Client {
    Stranger,
    Known,
    FrontProxy,
    /// It must go, and is counted no more.
    Evicted,
}

/// One open connection; dropped when it is closed.
#[derive(Debug)]
pub(in crate::server) struct Slot {
    connections: Connections,
    number: u64,
    origin: Origin,
    /// A `Client`. Written with the lock held; read without, since every request asks.
    client: AtomicU8,
    evicted: Arc<Notify>,
}

impl Connections {
    /// `most` may be open beside those of front proxies, and beside a few of strangers.
    pub(in crate::server) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            open: Mutex::default(),
            closed: Notify::new(),
        }))
    }

    /// So many files this needs at most, beside front proxies.
    pub(in crate::server) const fn most_files(most: usize) -> usize {
        most + part(most)
    }

    /// Takes in a new connection from `address`, and tells as many others to go as that needs; how many.
    pub(in crate::server) fn admit(&self, address: IpAddr) -> (Slot, usize) {
        let origin = Origin::of(address);
        let mut open = self.lock();
        let mut gone = 0;
        let most = self.0.most.saturating_sub(open.known).max(part(self.0.most));
        while open.strangers.len() >= most && open.evict_oldest() {
            gone += 1;
        }
        while open
            .by_origin
            .get(&origin)
            .is_some_and(|own| own.len() >= part(self.0.most))
            && open.evict_oldest_of(origin)
        {
            gone += 1;
        }
        let number = open.next;
        open.next += 1;
        open.all += 1;
        let evicted = Arc::new(Notify::new());
        let stranger = Stranger {
            origin,
            evicted: Arc::clone(&evicted),
        };
        open.strangers.insert(number, stranger);
        open.by_origin.entry(origin).or_default().insert(number);
        let slot = Slot {
            connections: self.clone(),
            number,
            origin,
            client: AtomicU8::new(Client::Stranger as u8),
            evicted,
        };
        (slot, gone)
    }

    /// Tells up to `count` strangers to go; how many.
    pub(in crate::server) fn evict(&self, count: usize) -> usize {
        let mut open = self.lock();
        (0..count).take_while(|_| open.evict_oldest()).count()
    }

    /// Waits until none is open.
    pub(in crate::server) async fn all_closed(&self) {
        loop {
            let closed = self.0.closed.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            if self.lock().all == 0 {
                return;
            }
            closed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn part(most: usize) -> usize {
    let part = most / PART;
    if part > LEAST { part } else { LEAST }
}

impl Open {
    fn evict_oldest(&mut self) -> bool {
        let oldest = self.strangers.keys().next().copied();
        oldest.is_some_and(|number| self.evict(number))
    }

    fn evict_oldest_of(&mut self, origin: Origin) -> bool {
        let oldest = self.by_origin.get(&origin).and_then(|own| own.first().copied());
        oldest.is_some_and(|number| self.evict(number))
    }

    fn evict(&mut self, number: u64) -> bool {
        let stranger = self.forget(number);
        if let Some(stranger) = &stranger {
            stranger.evicted.notify_one();
        }
        stranger.is_some()
    }

    /// Takes a stranger out of the books.
    fn forget(&mut self, number: u64) -> Option<Stranger> {
        let stranger = self.strangers.remove(&number)?;
        if let Some(own) = self.by_origin.get_mut(&stranger.origin) {
            own.remove(&number);
            if own.is_empty() {
                self.by_origin.remove(&stranger.origin);
            }
        }
        Some(stranger)
    }
}

impl Slot {
    /// A request on it was authenticated, or its certificate says whose it is. Where too many are open of known clients,
    /// it is told to go.
    pub(in crate::server) fn authenticated(&self) {
        if self.client.load(Ordering::Relaxed) != Client::Stranger as u8 {
            return;
        }
        let mut open = self.connections.lock();
        if open.forget(self.number).is_none() {
            return;
        }
        if open.known < self.connections.0.most {
            open.known += 1;
            self.set(Client::Known);
        } else {
            self.set(Client::Evicted);
            self.evicted.notify_one();
            tracing::debug!(address = %self.origin.0, "too many connections are open; one was closed");
        }
    }

    /// Its certificate is the front proxy's.
    pub(in crate::server) fn proved_front_proxy(&self) {
        let mut open = self.connections.lock();
        if open.forget(self.number).is_some() {
            self.set(Client::FrontProxy);
        }
    }

    /// Whether its certificate is the front proxy's.
    pub(in crate::server) fn is_front_proxy(&self) -> bool {
        self.client.load(Ordering::Relaxed) == Client::FrontProxy as u8
    }

    /// Waits until it must make room.
    pub(in crate::server) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    fn set(&self, client: Client) {
        self.client.store(client as u8, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.forget(self.number);
        if self.client.load(Ordering::Relaxed) == Client::Known as u8 {
            open.known -= 1;
        }
        open.all -= 1;
        if open.all == 0 {
            self.connections.0.closed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn is_evicted(slot: &Slot) -> bool {
        slot.evicted().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_stranger_makes_room_and_nobody_else() {
        let connections = Connections::new(10);
        let known: Vec<Slot> = (0..8)
            .map(|last| connections.admit(address(last)).0)
            .inspect(Slot::authenticated)
            .collect();
        // A few are always for strangers.
        let strangers: Vec<Slot> = (100..100 + 8)
            .map(|last| connections.admit(address(last)).0)
            .collect();
        assert!(strangers.iter().all(|slot| !is_evicted(slot)));
        let (_newcomer, gone) = connections.admit(address(200));
        assert_eq!(gone, 1);
        let evicted: Vec<bool> = strangers.iter().map(is_evicted).collect();
        assert_eq!(evicted.iter().filter(|evicted| **evicted).count(), 1);
        assert!(evicted[0], "the oldest");
        assert!(known.iter().all(|slot| !is_evicted(slot)));
    }

    #[test]
    fn one_address_drives_out_only_itself() {
        let connections = Connections::new(10_000);
        let (other, _) = connections.admit(address(1));
        let flood: Vec<(Slot, usize)> = (0..2_000).map(|_| connections.admit(address(2))).collect();
        let gone: usize = flood.iter().map(|(_, gone)| gone).sum();
        assert_eq!(gone, 2_000 - 625);
        assert!(!is_evicted(&other));
        assert!(is_evicted(&flood[0].0) && !is_evicted(&flood[1_999].0));
    }

    #[test]
    fn a_front_proxy_is_not_counted_and_too_many_known_ones_go() {
        let connections = Connections::new(1);
        let proxies: Vec<Slot> = (0..100)
            .map(|_| connections.admit(address(1)).0)
            .inspect(Slot::proved_front_proxy)
            .collect();
        let (first, _) = connections.admit(address(2));
        first.authenticated();
        let (second, _) = connections.admit(address(3));
        second.authenticated();
        assert!(is_evicted(&second) && !is_evicted(&first));
        assert!(proxies.iter().all(|slot| !is_evicted(slot)));
        drop(first);
        let (third, _) = connections.admit(address(3));
        third.authenticated();
        assert!(!is_evicted(&third));
    }

    #[test]
    fn the_books_are_empty_when_all_are_closed() {
        let connections = Connections::new(4);
        for round in 0..50 {
            let (slot, _) = connections.admit(address(round % 3));
            match round % 4 {
                0 => slot.authenticated(),
                1 => slot.proved_front_proxy(),
                2 => drop((0..20).map(|_| connections.admit(address(9))).collect::<Vec<_>>()),
                _ => {}
            }
            slot.authenticated();
        }
        let open = connections.lock();
        assert_eq!(
            (open.known, open.all, open.strangers.len(), open.by_origin.len()),
            (0, 0, 0, 0)
        );
        drop(open);
        assert_eq!(connections.all_closed().now_or_never(), Some(()));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_origin() {
        let of = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
