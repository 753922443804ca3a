//! One thing that can be wrong.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

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

type Run = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Something that can be wrong.
pub(in crate::server) struct Check {
    name: &'static str,
    only_ready: bool,
    run: Run,
}

impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Check {
    /// A check of all three endpoints.
    pub(in crate::server) fn new<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            name,
            only_ready: false,
            run: Box::new(move || run().boxed()),
        }
    }

    /// A check of `/readyz` alone: a restart would not help.
    pub(in crate::server) fn of_readiness<F>(
        name: &'static str,
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

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn is_of(&self, endpoint: Endpoint) -> bool {
        !self.only_ready || endpoint == Endpoint::Readyz
    }

    pub(super) async fn run(&self) -> Outcome {
        match tokio::time::timeout(LONGEST, (self.run)()).await {
            Ok(Ok(())) => Outcome::Well,
            Ok(Err(why)) => Outcome::Sick(why),
            Err(_) => Outcome::Sick("the check takes too long".to_owned()),
        }
    }
}
