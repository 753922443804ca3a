//! Which write to the two Secrets comes next: from what a pass has read to what it carries out.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::{
    authority::{self, Authority, AuthorityFault, Replacement},
    leaf::{self, IssueCause, LeafFault, ServingLeaf},
    policy::Policy,
    secrets,
};
use crate::pki::Certificate;

/// What the authority's Secret needs.
#[derive(Clone, Debug)]
pub enum AuthorityWrite {
    /// Nothing: this one signs.
    None(Box<Stored>),
    /// A new authority.
    Replace {
        /// What it is made of.
        replacement: Replacement,
        /// What is there. It signs on where none may be made now.
        there: Result<Box<Stored>, AuthorityFault>,
    },
}

/// An authority, and the Secret that holds it.
pub type Stored = (Authority, Secret);

/// What the authority's Secret needs, with what the APIServices published before it was read.
#[must_use]
pub fn of_authority(
    secret: Option<&Secret>,
    published: &[Certificate],
    policy: &Policy,
    now: Timestamp,
) -> AuthorityWrite {
    let read = |secret: &Secret| {
        let authority = Authority::read(secret)?.with_published(published, policy);
        Ok(Box::new((authority, secret.clone())))
    };
    match secret.ok_or(AuthorityFault::Missing).and_then(read) {
        Ok(stored) => match authority::replacement(&stored.0, policy, now) {
            Some(replacement) => AuthorityWrite::Replace {
                replacement,
                there: Ok(stored),
            },
            None => AuthorityWrite::None(stored),
        },
        Err(fault) => AuthorityWrite::Replace {
            replacement: authority::successor_of_lost(&fault, published),
            there: Err(fault),
        },
    }
}

/// The serving Secret beside its authority.
#[derive(Clone, Debug)]
pub struct Serving {
    /// What it holds.
    pub read: Result<ServingLeaf, LeafFault>,
    /// Why it should hold another leaf.
    pub cause: Option<IssueCause>,
    /// Whether a leaf of the authority may be served only where the bundle is known everywhere.
    pub widens: bool,
}

/// What the serving Secret needs.
#[derive(Clone, Debug, PartialEq)]
pub enum ServingWrite {
    /// Nothing.
    None,
    /// A new leaf.
    Issue(IssueCause),
    /// The same leaf with another bundle beside it.
    Republish(Box<Secret>),
}

impl Serving {
    /// Reads the serving Secret; `bundle` is what is to be published.
    #[must_use]
    pub fn read(
        secret: Option<&Secret>,
        authority: &Authority,
        bundle: &[Certificate],
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let read = ServingLeaf::read(secret, bundle, policy, now);
        Self {
            cause: leaf::decide(read.as_ref(), authority, policy, now),
            // Where the Secret's leaf has expired too: both Secrets may have been put back, and endpoints serve a later one.
            widens: !authority.previous.is_empty(),
            read,
        }
    }

    /// What the Secret needs; `waits` where no leaf may be issued now.
    #[must_use]
    pub fn write(&self, secret: Option<&Secret>, bundle: &[Certificate], waits: bool) -> ServingWrite {
        if let Some(cause) = self.cause.filter(|_| !waits) {
            return ServingWrite::Issue(cause);
        }
        let republished = secret.and_then(|secret| secrets::republished(secret, bundle));
        republished.map_or(ServingWrite::None, |secret| {
            ServingWrite::Republish(Box::new(secret))
        })
    }
}
