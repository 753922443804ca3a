//! What a server's certificates are after a pass's writes to the two Secrets, and what follows for all else.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::{
    authority::Authority,
    leaf::{self, LeafFault, ServingLeaf},
    policy::Policy,
    rotation::Facts,
    secrets,
    writes::{Serving, ServingWrite, Stored},
};
use crate::{aggregated_server::names::Names, pki::Certificate, pki::verify_chain};

/// What a server's certificates are after this pass's writes. Not to be formatted: there are keys in it.
pub struct Keys {
    /// Signs.
    pub authority: Authority,
    /// Its Secret, as it is now.
    pub authority_secret: Secret,
    /// Serves; `None` while there is none.
    pub leaf: Option<ServingLeaf>,
    /// How many leaves came before.
    pub rotation_count: i64,
    /// To be published.
    pub bundle: Vec<Certificate>,
    /// A new leaf is due and was not issued yet.
    pub leaf_due: bool,
    /// This pass has put a new leaf in another's place.
    pub swapped: bool,
    /// Why a leaf of the authority may not be served yet.
    pub widening: Option<String>,
    /// Why a leaf that is due is not issued, though its authority is known everywhere.
    pub held_back: Option<String>,
}

/// What keeps a new leaf from being issued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Its authority is not known everywhere.
    pub widening: Option<String>,
    /// Anything else.
    pub held_back: Option<String>,
}

impl Waits {
    /// Whether there is something to wait for.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.widening.is_some() || self.held_back.is_some()
    }
}

impl Keys {
    /// The authority with its Secret, and the serving Secret as `write` left it, of which `serving` was read before.
    #[must_use]
    pub fn new(
        (authority, authority_secret): Stored,
        (serving, write): (&Serving, &ServingWrite),
        serving_secret: Option<&Secret>,
        waits: Waits,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let bundle = authority.bundle();
        let issued = matches!(write, ServingWrite::Issue(_));
        Self {
            leaf: ServingLeaf::read(serving_secret, &bundle, policy, now).ok(),
            rotation_count: leaf::rotation_count(serving_secret),
            leaf_due: serving.cause.is_some() && !issued,
            swapped: issued && !matches!(serving.read, Err(LeafFault::Missing)),
            authority,
            authority_secret,
            bundle,
            widening: waits.widening,
            held_back: waits.held_back,
        }
    }

    /// Whether an authority that the current one follows is trusted.
    #[must_use]
    pub fn is_replacing(&self) -> bool {
        !self.authority.previous.is_empty()
    }

    /// Whether an endpoint that presents `presented` serves what it should: a leaf of the current authority, or, unless
    /// `any_leaf_of_authority` will do, the very leaf of the Secret.
    #[must_use]
    pub fn is_served(
        &self,
        presented: &Certificate,
        any_leaf_of_authority: bool,
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        if any_leaf_of_authority {
            let authority = std::slice::from_ref(self.authority.current.certificate());
            let chain = std::slice::from_ref(&presented.der);
            return verify_chain(chain, authority, &policy.server_name, now).is_ok();
        }
        let leaf = self.leaf.as_ref();
        leaf.is_some_and(|leaf| presented.fingerprint == leaf.certificate.fingerprint)
    }

    /// What decides about the step of a rotation, with the endpoints that do not serve what they should.
    #[must_use]
    pub fn facts(&self, not_serving: Vec<String>) -> Facts {
        Facts {
            previous_trusted: self.is_replacing(),
            // What was swapped in this pass is told as such; the endpoints' turn is the next one.
            leaf_due: self.leaf_due || self.swapped || self.leaf.is_none(),
            widening: self.widening.clone(),
            held_back: self.held_back.clone(),
            not_serving,
        }
    }

    /// The authority's Secret without the authorities that the current one follows; `None` where none stand there.
    #[must_use]
    pub fn narrowed_secret(&self, names: &Names) -> Option<Secret> {
        let narrowed = secrets::authority_secret(
            Some(&self.authority_secret),
            &self.authority.clone().narrowed(),
            names,
        );
        (narrowed != self.authority_secret).then_some(narrowed)
    }

    /// The fingerprint of the leaf that pods are to be restarted for, where they read it at their start alone; `current` is the
    /// one that they were last restarted for. It stays while there is no leaf, or none that may be served: the pods would be
    /// rolled for nothing, or to serve what not every control plane knows yet.
    #[must_use]
    pub fn leaf_to_restart_for(&self, current: Option<&str>) -> Option<String> {
        match self.leaf.as_ref().filter(|_| self.widening.is_none()) {
            Some(leaf) => Some(leaf.certificate.fingerprint.clone()),
            None => current.map(str::to_owned),
        }
    }
}
