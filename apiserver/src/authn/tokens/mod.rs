//! Who a token belongs to.

mod fixed;
mod reviewed;

pub(super) use fixed::FixedTokens;
pub(super) use reviewed::ReviewedTokens;

use aws_lc_rs::hmac;

use crate::request::User;

/// Why a token is not believed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TokenRejected {
    /// It belongs to nobody.
    #[error("invalid bearer token")]
    Invalid,
    /// Too many are asked for that nobody knows.
    #[error("too many tokens are being reviewed")]
    Busy,
    /// The cluster has something against it, or does not let this server ask.
    #[error("{0}")]
    Refused(String),
    /// Nobody could say.
    #[error("{0}")]
    Unanswered(String),
}

/// Where tokens are known.
pub(super) enum Tokens {
    /// Nowhere: a token is no credential here.
    None,
    /// In the cluster.
    Reviewed(ReviewedTokens),
    /// In this process.
    Fixed(FixedTokens),
}

impl Tokens {
    /// The user of `token`; `None`: tokens mean nothing here.
    pub(super) async fn user(&self, token: &str) -> Option<Result<User, TokenRejected>> {
        match self {
            Self::None => None,
            Self::Reviewed(tokens) => Some(tokens.user(token).await),
            Self::Fixed(tokens) => Some(tokens.user(token)),
        }
    }
}

/// Digests under a key of this process alone: tokens are not kept in memory, nothing about them can be computed in
/// advance, and clients cannot choose where they land in a map.
struct Digests(hmac::Key);

type Digest = [u8; 32];

impl Digests {
    fn new() -> Self {
        let key: [u8; 32] = rand::random();
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    fn of(&self, token: &str) -> Digest {
        let mut digest = Digest::default();
        let tag = hmac::sign(&self.0, token.as_bytes());
        for (to, from) in digest.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        digest
    }
}
