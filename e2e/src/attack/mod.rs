//! Clients that mean a server of the library no good, and the others who must not notice.
//!
//! Each attack is bounded in number and time and is what anybody can do who reaches the port: a stranger, or a user with
//! one right of RBAC. What it is answered matters little; beside it the kubelet's probe and an ordinary user go on, see
//! [`Victim`]. The same attacks run against a server in the test's own process (`tests/hostile`) and against pods of a
//! cluster (`scenarios/hostile`).

mod admin;
mod bypass;
mod connection;
mod connections;
mod error;
mod flow_control;
mod frames;
mod headers;
mod objects;
mod readers;
mod reviews;
mod selectors;
mod storm;
mod tally;
mod target;
mod unsent;
mod victim;
mod writes;

use std::pin::Pin;
use std::time::Duration;

pub use admin::hold_admin_port;
pub use connections::many_files;
pub use error::Error;
pub use objects::fill;
pub use target::Target;
pub use victim::{Limits, Seen, User, Victim};

/// Group, version and resource that are attacked: the sample API's namespaced one.
pub const RESOURCE: &str = "flunders";
/// Its group.
pub const GROUP: &str = "wardle.example.com";
/// Its version.
pub const VERSION: &str = "v1alpha1";
/// The one object that [`Arena::reader_of_one`] may read.
pub const ONE: &str = "one";
/// What the names of all other objects begin with.
const OTHERS: &str = "object-";

/// The path of the attacked objects in a namespace.
pub(crate) fn collection(namespace: &str) -> String {
    format!("/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{RESOURCE}")
}

/// Who attacks, and where.
#[derive(Clone)]
pub struct Arena {
    /// The server itself, not the aggregator, as nobody.
    pub stranger: Target,
    /// Where everybody has what rights they have.
    pub namespace: String,
    /// Somebody who may `create` and nothing else.
    pub creator: Target,
    /// Somebody who may `patch` and nothing else.
    pub patcher: Target,
    /// Somebody who may `list` and `watch`.
    pub reader: Target,
    /// Somebody who may `get`, `list` and `watch` the object [`ONE`] by `resourceNames`.
    pub reader_of_one: Target,
    /// How much.
    pub scale: Scale,
}

/// How much an attack does.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Connections that say nothing.
    pub connections: usize,
    /// How long it goes on.
    pub hold: Duration,
}

/// What an attack does while it runs: in the end it tells what it was answered.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>>;

/// An attack.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// Objects that must be there for it.
    pub objects: usize,
    /// What it does. An error means that it could not be made, or was answered what nobody may be.
    pub run: for<'a> fn(&'a Arena) -> Running<'a>,
}

/// All of them.
pub const ALL: &[Attack] = &[
    flow_control::UNREAD_ANSWERS,
    connections::SILENT,
    selectors::SELECTORS,
    selectors::ACCEPT_CLAUSES,
    writes::CREATES,
    writes::PATCHES,
    unsent::BODIES,
    readers::LISTS,
    readers::WATCHES,
    headers::LARGE,
    reviews::TOKENS,
    reviews::NAMES,
    bypass::RESOURCE_NAMES,
];

/// A thread of its own, on which nobody else waits for his turn: one for attacks, one for who goes on beside them.
pub struct OwnThread(Option<tokio::runtime::Runtime>);

impl OwnThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has none.
    pub fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("own-thread")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Begins an attack; dropping what is returned lets it go on.
    pub fn begin(
        &self,
        attack: &'static Attack,
        arena: Arena,
    ) -> impl Future<Output = Result<String, Error>> + use<> {
        let running = self.spawn(async move { (attack.run)(&arena).await });
        async move { running.await? }
    }

    /// Begins anything else than an [`Attack`] on a server; dropping what is returned lets it go on.
    pub fn spawn<T, F>(&self, future: F) -> impl Future<Output = Result<T, Error>> + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let running = self.0.as_ref().map(|runtime| runtime.spawn(future));
        async move {
            match running {
                Some(running) => running
                    .await
                    .map_err(|error| Error::Wrong(format!("what ran on a thread of its own ended: {error}"))),
                None => Err(Error::Wrong("the thread has ended".to_owned())),
            }
        }
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        // What is under way is cut off.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
