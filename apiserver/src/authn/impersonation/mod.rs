//! Acting as somebody else: `Impersonate-User` and its like, honoured after their own reviews.
//!
//! As Kubernetes 1.36 does it: the constrained modes are tried first, then the mode that there always was, whose
//! permission is the verb `impersonate` on users, groups, serviceaccounts, userextras and uids.

mod modes;
mod names;
mod reviews;
mod wanted;

use futures::FutureExt as _;
use http::request::Parts;

use crate::authz::Authorizer;
use crate::request::{RequestInfo, User};
use crate::status::ApiError;

/// The user that `user` acts as in the request that `info` describes: itself where nothing else is asked for.
/// Afterwards no header tells that anything was. Call it between authentication and authorization.
///
/// # Errors
/// 403: `user` may not act so. 400: the headers make no sense. 429: too much is being asked. 500: the cluster did not answer.
pub async fn impersonate(
    authorizer: &Authorizer,
    parts: &mut Parts,
    user: User,
    info: &RequestInfo,
) -> Result<User, ApiError> {
    let Some(wanted) = wanted::take(&mut parts.headers)? else {
        return Ok(user);
    };
    let actual = modes::impersonated(authorizer, &user, wanted, info)
        .boxed()
        .await?;
    tracing::debug!(requestor = user.name, impersonated = actual.name, "impersonating");
    Ok(actual)
}

#[cfg(test)]
mod tests;
