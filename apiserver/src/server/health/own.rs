//! Health checks of the author's own. Go: `AddHealthChecks` and `AddReadyzChecks` of `server/healthz.go`.

use std::fmt::Display;
use std::future::Future;

use super::Check;
use crate::server::Builder;
use crate::server::start::StartError;

/// The longest name.
const MOST_NAME: usize = 253;

impl Builder {
    /// What `/readyz` asks too, under this name: whether the server can do its work now. While it fails the pod gets no
    /// requests. Who asks while a check is under way shares it, and after 10 s it has failed.
    ///
    /// ```
    /// use annex_apiserver::server::{Builder, Server};
    ///
    /// fn builder() -> Builder {
    ///     Server::builder("greeter").readiness_check("dictionary", || async {
    ///         match tokio::fs::metadata("/var/lib/dictionary").await {
    ///             Ok(_) => Ok(()),
    ///             Err(error) => Err(format!("the dictionary is not there: {error}")),
    ///         }
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn readiness_check<F, E>(
        mut self,
        name: impl Into<String>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let check = Check::of_readiness(name.into(), told(check));
        self.server.checks.push(check);
        self
    }

    /// What `/healthz`, `/livez` and `/readyz` ask: whether the process works at all. Where it fails for long, a pod with a
    /// liveness probe is started again, so what a restart does not mend is a [`Self::readiness_check`].
    #[must_use]
    pub fn health_check<F, E>(
        mut self,
        name: impl Into<String>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.server.checks.push(Check::new(name.into(), told(check)));
        self
    }
}

/// `check`, with its error as text.
fn told<F, E>(
    check: impl Fn() -> F + Send + Sync + 'static,
) -> impl Fn() -> futures::future::BoxFuture<'static, Result<(), String>> + Send + Sync + 'static
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    move || {
        let checked = check();
        Box::pin(async move { checked.await.map_err(|error| error.to_string()) })
    }
}

/// Whether the names can stand in a path behind `/readyz/`.
pub(in crate::server) fn check_names(checks: &[Check]) -> Result<(), StartError> {
    let is_odd = |letter: char| !(letter.is_ascii_alphanumeric() || "-._/".contains(letter));
    let is_wrong = |name: &str| {
        name.len() > MOST_NAME || name.contains(is_odd) || name.split('/').any(|segment| segment.is_empty())
    };
    match checks.iter().find(|check| is_wrong(check.name())) {
        Some(check) => Err(StartError::HealthCheck {
            name: check.name().to_string(),
            why: "a name consists of letters, digits, '-', '.' and '_', in segments between '/'",
        }),
        None => Ok(()),
    }
}
