//! The order in which permission is sought.

use std::sync::Arc;

use http::Uri;
use kube::Client;

use super::access_review::AccessReviews;
use super::allowed_paths::AllowedPaths;
use super::forbidden::sanitized;
use super::{Attributes, Authorized, Options, StartError, forbidden};
use crate::request::{RequestInfo, User};
use crate::status::ApiError;
use crate::warnings::Warnings;

/// Whether a request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allow,
    /// It may not; why, or empty.
    Deny(String),
    /// Nobody said that it may, and so it may not; why, or empty.
    NoOpinion(String),
}

/// The cluster did not answer: no permission, and the fault is not the client's, who is not to read a denial either: 429 or
/// 500, never 403, which clients take for the last word.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReviewError {
    message: String,
    is_busy: bool,
}

impl ReviewError {
    pub(super) fn new(message: String) -> Self {
        Self {
            message,
            is_busy: false,
        }
    }

    /// It was not asked: too many questions are being answered.
    pub(super) fn busy() -> Self {
        Self {
            message: "too many requests are being authorized, please try again later".to_owned(),
            is_busy: true,
        }
    }

    fn into_api_error(self) -> ApiError {
        if self.is_busy {
            return ApiError::TooManyRequests {
                message: self.message,
                retry_after: 1,
            };
        }
        ApiError::Internal(self.message)
    }
}

/// Says who may do what: privileged groups, then open paths, then the cluster; else nobody. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Authorizer(Arc<Inner>);

struct Inner {
    groups: Vec<String>,
    paths: AllowedPaths,
    readers: Vec<(String, String)>,
    reviews: Option<AccessReviews>,
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authorizer").finish_non_exhaustive()
    }
}

impl Authorizer {
    pub(super) fn new(options: Options, client: Option<Client>) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Inner {
            paths: AllowedPaths::parse(&options.always_allow_paths)?,
            reviews: client.map(|client| AccessReviews::new(client, &options)),
            groups: options.always_allow_groups,
            readers: options.always_allow_readers,
        })))
    }

    /// Whether `user` may do what `info` says. To ask about something beside the request itself, such as the create
    /// that an update may turn out to be, change a copy of its `info`.
    ///
    /// # Errors
    /// The cluster did not answer.
    pub async fn allows(&self, user: &User, info: &RequestInfo) -> Result<Decision, ReviewError> {
        self.decide(user, &Attributes::of(info)).await
    }

    /// [`Self::allows`] as the answer to a request for `uri`.
    ///
    /// # Errors
    /// 403; 429 when too much is being asked; 500 when the cluster did not answer.
    pub async fn check(&self, user: &User, info: &RequestInfo, uri: &Uri) -> Result<(), ApiError> {
        let asked = Attributes::of(info);
        match self.decide(user, &asked).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => Err(forbidden(user, &asked, &reason)),
            Err(error) if error.is_busy => Err(error.into_api_error()),
            Err(error) => {
                tracing::error!(%error, "a request could not be authorized");
                Err(unanswered(uri, &error))
            }
        }
    }

    /// The proof that `user` may do what `info` says in a request for `uri`.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn authorize(&self, user: User, info: RequestInfo, uri: &Uri) -> Result<Authorized, ApiError> {
        self.check(&user, &info, uri).await?;
        Ok(Authorized {
            user,
            info,
            authorizer: self.clone(),
            warnings: Warnings::default(),
        })
    }

    /// Whether `user` may do what is `asked`, which is something beside the request itself.
    ///
    /// # Errors
    /// 403; 429 when too much is being asked; 500 when the cluster did not answer: here a Status.
    pub(crate) async fn check_further(&self, user: &User, asked: &Attributes<'_>) -> Result<(), ApiError> {
        match self.decide(user, asked).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => Err(forbidden(user, asked, &reason)),
            Err(error) => {
                if !error.is_busy {
                    tracing::error!(%error, "a part of a request could not be authorized");
                }
                Err(error.into_api_error())
            }
        }
    }

    async fn decide(&self, user: &User, asked: &Attributes<'_>) -> Result<Decision, ReviewError> {
        if self.0.groups.iter().any(|group| user.is_in(group)) {
            return Ok(Decision::Allow);
        }
        if let Attributes::Path { path, .. } = asked
            && self.0.paths.contain(path)
        {
            return Ok(Decision::Allow);
        }
        if let Attributes::Path { path, verb } = asked
            && verb == "get"
            && self
                .0
                .readers
                .iter()
                .any(|(reader, read)| *reader == user.name && read == path)
        {
            return Ok(Decision::Allow);
        }
        match &self.0.reviews {
            Some(reviews) => reviews.review(user, asked).await,
            None => Ok(Decision::NoOpinion(String::new())),
        }
    }
}

fn unanswered(uri: &Uri, error: &ReviewError) -> ApiError {
    let uri = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    ApiError::PlainText(sanitized(&format!("Internal Server Error: {uri:?}: {error}")))
}

#[cfg(test)]
mod tests;
