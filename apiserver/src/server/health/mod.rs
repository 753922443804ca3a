//! `/healthz`, `/livez`, `/readyz`: what is wrong with the server, in the format of k8s.io/apiserver.

mod answer;
mod check;
mod own;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;

pub(super) use answer::{excluded, of_all, of_one};
pub(super) use check::{Check, Endpoint};
pub(super) use own::check_names;

/// The checks of a server, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Health(Vec<Arc<Check>>);

/// What one check said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: Cow<'static, str>,
    pub(super) outcome: Outcome,
}

/// Whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Well,
    /// Nobody wanted to know.
    Excluded,
    /// What is wrong; for the log, and for who asks for this check alone.
    Sick(String),
}

impl Health {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        Self(checks.into_iter().map(Arc::new).collect())
    }

    /// A name that two checks have.
    pub(super) fn twice(&self) -> Option<&str> {
        let mut names = HashSet::new();
        let mut all = self.0.iter().map(|check| &**check.name());
        all.find(|name| !names.insert(*name))
    }

    /// Asks all checks of `endpoint` at once, but those of these names.
    pub(super) async fn ask(&self, endpoint: Endpoint, excluded: &[String]) -> Vec<Finding> {
        let mut asked = FuturesOrdered::new();
        for check in self.0.iter().filter(|check| check.is_of(endpoint)) {
            let is_excluded = excluded.iter().any(|name| name == check.name());
            asked.push_back(find(Arc::clone(check), is_excluded));
        }
        asked.collect().await
    }

    /// Asks the check of this name; `None`: there is none.
    pub(super) async fn ask_one(&self, endpoint: Endpoint, name: &str) -> Option<Outcome> {
        let check = self
            .0
            .iter()
            .find(|check| check.is_of(endpoint) && check.name() == name)?;
        Some(check.run().await)
    }

    /// Every path, for the index of `/`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for endpoint in Endpoint::ALL {
            paths.push(format!("/{}", endpoint.name()));
            let checks = self.0.iter().filter(|check| check.is_of(endpoint));
            paths.extend(checks.map(|check| format!("/{}/{}", endpoint.name(), check.name())));
        }
        paths
    }
}

async fn find(check: Arc<Check>, is_excluded: bool) -> Finding {
    let outcome = if is_excluded {
        Outcome::Excluded
    } else {
        check.run().await
    };
    Finding {
        name: check.name().clone(),
        outcome,
    }
}

#[cfg(test)]
mod tests;
