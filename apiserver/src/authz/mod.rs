//! May they: SubjectAccessReview, and the proof that it was asked.

mod access_review;
mod allowed_paths;
mod attributes;
mod authorizer;
mod forbidden;
mod selectors;

use std::time::Duration;

use kube::Client;

use crate::request::{RequestInfo, User, Verb};
use crate::status::ApiError;
use crate::warnings::Warnings;

pub(crate) use attributes::{Attributes, ResourceAttributes};
pub use authorizer::{Authorizer, Decision, ReviewError};
pub(crate) use forbidden::forbidden;

/// The proof that a request was authenticated and authorized. The only way to a request's body leads through it.
#[derive(Debug)]
pub struct Authorized {
    user: User,
    info: RequestInfo,
    authorizer: Authorizer,
    warnings: Warnings,
}

impl Authorized {
    /// A proof that nothing stands behind, for tests of what comes after authorization. Whatever is asked further is allowed
    /// to administrators alone.
    #[cfg(test)]
    pub(crate) fn in_test(user: User, info: RequestInfo) -> Self {
        let authorizer = build(Options::default(), None).unwrap();
        Self {
            user,
            info,
            authorizer,
            warnings: Warnings::default(),
        }
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// For what.
    #[must_use]
    pub fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// What the client is warned of.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// The same, whose warnings go into these.
    pub(crate) fn warning(self, warnings: Warnings) -> Self {
        Self { warnings, ..self }
    }

    /// Whether the same user may do something else to the same object: what an update turns out to be that creates.
    ///
    /// # Errors
    /// 403; 429 when too much is being asked; 500 when the cluster did not answer.
    pub async fn may(&self, verb: Verb) -> Result<(), ApiError> {
        let info = RequestInfo {
            verb,
            ..self.info.clone()
        };
        let asked = Attributes::of(&info);
        self.authorizer.check_further(&self.user, &asked).await
    }
}

/// How requests are authorized; the flags `--authorization-*` of k8s.io/apiserver.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long an answer is kept that allows.
    pub authorized_ttl: Duration,
    /// How long one is kept that does not.
    pub unauthorized_ttl: Duration,
    /// Paths that everybody may use, if they are about no resource: exact, or with `*` at the end any that begin so.
    pub always_allow_paths: Vec<String>,
    /// Groups that may do everything.
    pub always_allow_groups: Vec<String>,
    /// Users who may GET a path that is about no resource, each with the path.
    pub always_allow_readers: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authorized_ttl: Duration::from_secs(10),
            unauthorized_ttl: Duration::from_secs(10),
            always_allow_paths: vec!["/healthz".into(), "/readyz".into(), "/livez".into()],
            always_allow_groups: vec![User::MASTERS.into()],
            always_allow_readers: Vec::new(),
        }
    }
}

/// Why authorization cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A path of `--authorization-always-allow-paths`.
    #[error("only trailing * allowed in {0:?}")]
    Path(String),
}

/// The authorizer that `options` describe: groups, then paths, then the cluster that `client` reaches. Without a
/// client everything else is denied.
///
/// # Errors
/// An option makes no sense.
pub fn build(options: Options, client: Option<Client>) -> Result<Authorizer, StartError> {
    Authorizer::new(options, client)
}
