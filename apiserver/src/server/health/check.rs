//! One thing that can be wrong.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};

use super::Outcome;

/// Where somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Endpoint {
    Healthz,
    Livez,
    Readyz,
}

impl Endpoint {
    pub(super) const ALL: [Self; 3] = [Self::Healthz, Self::Livez, Self::Readyz];

    pub(in crate::server) fn name(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Livez => "livez",
            Self::Readyz => "readyz",
        }
    }

    /// The endpoint of this name.
    pub(in crate::server) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }
}

/// How long any check may take.
const LONGEST: Duration = Duration::from_secs(10);

type Run = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Something that can be wrong.
pub(in crate::server) struct Check {
    name: Cow<'static, str>,
    only_ready: bool,
    run: Run,
    running: Mutex<Option<WeakShared<Running>>>,
}

/// A check that is under way.
type Running = BoxFuture<'static, Outcome>;

impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Check {
    /// A check of all three endpoints.
    pub(in crate::server) fn new<F>(
        name: impl Into<Cow<'static, str>>,
        run: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            name: name.into(),
            only_ready: false,
            run: Arc::new(move || run().boxed()),
            running: Mutex::default(),
        }
    }

    /// A check of `/readyz` alone: a restart would not help.
    pub(in crate::server) fn of_readiness<F>(
        name: impl Into<Cow<'static, str>>,
        run: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            only_ready: true,
            ..Self::new(name, run)
        }
    }

    pub(in crate::server) fn name(&self) -> &Cow<'static, str> {
        &self.name
    }

    pub(super) fn is_of(&self, endpoint: Endpoint) -> bool {
        !self.only_ready || endpoint == Endpoint::Readyz
    }

    /// What it finds. Who asks while it is under way shares it: anybody may ask, as often as they like, and shall not set
    /// the storage to work as often.
    pub(super) fn run(&self) -> Shared<Running> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = running.as_ref().and_then(WeakShared::upgrade);
        if let Some(under_way) = under_way.filter(|running| running.peek().is_none()) {
            return under_way;
        }
        let run = Arc::clone(&self.run);
        // A check may be the author's own: its panic is a fault that it has found, and costs no answer.
        let check = AssertUnwindSafe(async move { run().await }).catch_unwind();
        let begun = async move {
            match tokio::time::timeout(LONGEST, check).await {
                Ok(Ok(Ok(()))) => Outcome::Well,
                Ok(Ok(Err(why))) => Outcome::Sick(why),
                Ok(Err(_)) => Outcome::Sick("the check panicked".to_owned()),
                Err(_) => Outcome::Sick("the check takes too long".to_owned()),
            }
        };
        let begun = begun.boxed().shared();
        *running = begun.downgrade();
        begun
    }
}
