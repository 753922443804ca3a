//! The order in which credentials are looked at.

use std::sync::Arc;

use http::header::HeaderMap;
use http::request::Parts;
use rustls::DistinguishedName;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::peer::{Opinion, Peer, Standing};
use super::request_header::Headers;
use super::tokens::{FixedTokens, TokenRejected, Tokens};
use super::trust::{Trust, TrustStore};
use super::{bearer, strip, websocket};
use crate::background::BackgroundTask;
use crate::request::User;
use crate::status::ApiError;

/// The name of who has shown no credential.
const ANONYMOUS: &str = "system:anonymous";

/// Says who asks.
pub struct Authenticator {
    trust: Arc<TrustStore>,
    tokens: Tokens,
    standard: Headers,
    /// What keeps `trust` up to date; ends with this.
    _followers: JoinSet<()>,
    background: Vec<BackgroundTask>,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// What was wrong with the credentials seen so far; for the log alone, since clients learn nothing of it.
#[derive(Default)]
struct Wrong {
    errors: Vec<String>,
    /// One of them was not looked at: too many are.
    is_busy: bool,
    /// Of one of them the cluster did not say whether it is wrong.
    is_unanswered: bool,
}

impl Wrong {
    fn note(&mut self, error: impl ToString) {
        self.errors.push(error.to_string());
    }
}

impl Authenticator {
    pub(super) fn new(trust: Arc<TrustStore>, tokens: Tokens, followers: JoinSet<()>) -> Self {
        Self {
            trust,
            tokens,
            standard: Headers::standard(),
            _followers: followers,
            background: Vec::new(),
        }
    }

    /// With what is known of the tasks that keep it up to date.
    pub(super) fn with_background(mut self, background: Vec<BackgroundTask>) -> Self {
        self.background = background;
        self
    }

    /// What keeps it up to date.
    #[must_use]
    pub fn background(&self) -> &[BackgroundTask] {
        &self.background
    }

    /// Knows these tokens and nothing else: for a server on loopback without a cluster.
    #[must_use]
    pub fn static_tokens(tokens: impl IntoIterator<Item = (String, User)>) -> Self {
        let trust = Arc::new(TrustStore::new(Trust::default()));
        Self::new(trust, Tokens::Fixed(FixedTokens::new(tokens)), JoinSet::new())
    }

    /// The subjects of the authorities that client certificates may come from, as they are and as they change: what
    /// a TLS server tells clients, for they choose their certificate by it.
    #[must_use]
    pub fn authority_hints(&self) -> watch::Receiver<Arc<[DistinguishedName]>> {
        self.trust.hints()
    }

    /// What the certificate of a connection proves, before any request has come.
    #[must_use]
    pub fn standing(&self, peer: &Peer) -> Standing {
        peer.standing(&self.trust)
    }

    /// Who sent the request; afterwards its headers hold no credential, nor anything that a front proxy could have
    /// said.
    ///
    /// # Errors
    /// 401: a credential is wrong and no other is right. Who shows none is anonymous. 429: there are too many credentials that
    /// nobody has seen before. 500: the cluster did not say whether a credential is right. Go answers 401 there, which clients
    /// take for the end of their credential.
    pub async fn authenticate(&self, parts: &mut Parts, peer: &Peer) -> Result<User, ApiError> {
        let user = match peer.process() {
            // Nothing that a request says makes such a peer.
            Some(user) => user.clone(),
            None => self.by_credentials(parts, peer).await?,
        };
        let current = self.trust.current();
        strip::credentials(
            &mut parts.headers,
            &self.standard,
            &current.trust.front_proxy.headers,
        );
        Ok(user)
    }

    async fn by_credentials(&self, parts: &Parts, peer: &Peer) -> Result<User, ApiError> {
        let mut wrong = Wrong::default();
        let user = match self.by_certificate(parts, peer, &mut wrong) {
            Some(user) => Some(user),
            None => match self.by_bearer(&parts.headers, &mut wrong).await {
                Some(user) => Some(user),
                None => self.by_websocket(&parts.headers, &mut wrong).await,
            },
        };
        Ok(match user {
            Some(user) => authenticated(user),
            None if wrong.errors.is_empty() => User::anonymous(),
            None if wrong.is_busy => {
                return Err(ApiError::TooManyRequests {
                    message: "too many requests are being authenticated, please try again later".into(),
                    retry_after: 1,
                });
            }
            None if wrong.is_unanswered => {
                tracing::error!(errors = ?wrong.errors, "a request could not be authenticated");
                return Err(ApiError::Internal(
                    "unable to authenticate the request: its token could not be reviewed".into(),
                ));
            }
            None => {
                tracing::debug!(errors = ?wrong.errors, "unable to authenticate the request");
                return Err(ApiError::Unauthorized);
            }
        })
    }

    /// A front proxy's word about the user, else the user's own certificate.
    fn by_certificate(&self, parts: &Parts, peer: &Peer, wrong: &mut Wrong) -> Option<User> {
        let verdict = peer.verdict(&self.trust)?;
        match &verdict.front_proxy {
            Opinion::None => {}
            Opinion::Rejected(error) => wrong.note(error),
            Opinion::Proved(()) => {
                let current = self.trust.current();
                match current.trust.front_proxy.headers.user(&parts.headers) {
                    Ok(Some(user)) => return Some(user),
                    Ok(None) => {}
                    Err(error) => wrong.note(error),
                }
            }
        }
        match &verdict.client {
            Opinion::None => None,
            Opinion::Proved(user) => Some(user.clone()),
            Opinion::Rejected(error) => {
                wrong.note(error);
                None
            }
        }
    }

    async fn by_bearer(&self, headers: &HeaderMap, wrong: &mut Wrong) -> Option<User> {
        match bearer::token(headers) {
            Ok(token) => self.by_token(token?, wrong).await,
            Err(error) => {
                wrong.note(error);
                None
            }
        }
    }

    async fn by_websocket(&self, headers: &HeaderMap, wrong: &mut Wrong) -> Option<User> {
        let token = match websocket::token(headers) {
            Ok(token) => token?,
            Err(error) => {
                wrong.note(error);
                return None;
            }
        };
        self.by_token(&token, wrong).await
    }

    async fn by_token(&self, token: &str, wrong: &mut Wrong) -> Option<User> {
        match self.tokens.user(token).await? {
            Ok(user) => Some(user),
            Err(error) => {
                wrong.is_busy |= matches!(error, TokenRejected::Busy);
                wrong.is_unanswered |= matches!(error, TokenRejected::Unanswered(_));
                wrong.note(error);
                None
            }
        }
    }
}

/// Whoever proved who they are is in [`User::AUTHENTICATED`], unless their authenticator says otherwise.
fn authenticated(mut user: User) -> User {
    let decided =
        user.name == ANONYMOUS || user.is_in(User::AUTHENTICATED) || user.is_in(User::UNAUTHENTICATED);
    if !decided {
        user.groups.push(User::AUTHENTICATED.to_owned());
    }
    user
}

/// Whether nobody knows who it is: over HTTP/2 Kubernetes ends the connection after such a request.
#[must_use]
pub fn is_anonymous(user: &User) -> bool {
    user.name == ANONYMOUS || user.is_in(User::UNAUTHENTICATED)
}

#[cfg(test)]
mod tests;
