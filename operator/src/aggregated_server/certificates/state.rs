//! What a server's certificates are after a pass's writes to the two Secrets, and what follows for all else.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

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
pub struct CertificateState {
    /// Signs.
    pub authority: Authority,
    /// Its Secret, as it is now; `None` where what a watch has brought of it was enough, see `Remembered`.
    pub authority_secret: Option<Secret>,
    /// Serves; `None` while there is none.
    pub leaf: Option<ServingLeaf>,
    /// The resourceVersion of the Secret that it stands in.
    pub serving_version: Option<String>,
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

impl CertificateState {
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
            serving_version: serving_secret.and_then(|secret| secret.resource_version()),
            rotation_count: leaf::rotation_count(serving_secret),
            leaf_due: serving.cause.is_some() && !issued,
            swapped: issued && !matches!(serving.read, Err(LeafFault::Missing)),
            authority,
            authority_secret: Some(authority_secret),
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
        let live = self.authority_secret.as_ref()?;
        let narrowed = secrets::authority_secret(Some(live), &self.authority.clone().narrowed(), names);
        (narrowed != *live).then_some(narrowed)
    }

    /// What names the leaf that pods are to be restarted for, where they read it at their start alone; `current` names the one
    /// that they were last restarted for. It stays while there is no leaf, or none that may be served: the pods would be rolled
    /// for nothing, or to serve what not every control plane knows yet.
    ///
    /// It is the leaf's fingerprint, and the Secret's version when pods were first restarted for it. A Secret that is put back
    /// holds a leaf that pods were restarted for before: under the same name, those that have been started for that one and
    /// serve another, since the Secret had changed by then, would never be restarted.
    #[must_use]
    pub fn leaf_to_restart_for(&self, current: Option<&str>) -> Option<String> {
        let Some(leaf) = self.leaf.as_ref().filter(|_| self.widening.is_none()) else {
            return current.map(str::to_owned);
        };
        let fingerprint = leaf.certificate.fingerprint.as_str();
        let named = |name: &&str| name.split('.').next() == Some(fingerprint);
        match (current.filter(named), &self.serving_version) {
            (Some(current), _) => Some(current.to_owned()),
            (None, Some(version)) => Some(format!("{fingerprint}.{version}")),
            (None, None) => Some(fingerprint.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregated_server::{
            certificates::{
                IssueCause, Replacement,
                testing::{at, policy},
            },
            testing::names,
        },
        pki::issue_leaf,
    };

    fn kept(authority: &Authority, serving_secret: &Secret, widening: Option<&str>) -> CertificateState {
        let (policy, now) = (policy(), at(1));
        let bundle = authority.bundle();
        let serving = Serving::read(Some(serving_secret), authority, &bundle, &policy, now);
        let waits = Waits {
            widening: widening.map(str::to_owned),
            held_back: None,
        };
        let stored = (
            authority.clone(),
            secrets::authority_secret(None, authority, &names()),
        );
        let write = (&serving, &ServingWrite::None);
        CertificateState::new(stored, write, Some(serving_secret), waits, &policy, now)
    }

    /// The model's trace: the Secret has a new leaf, and a pod that is started meanwhile, for the old one by its annotation,
    /// serves the new one; the pods are to be restarted for it, but both Secrets are put back. With the old name in their
    /// annotation that pod would serve the new leaf for ever, and the rotation wait for it.
    #[test]
    fn pods_are_restarted_for_a_leaf_that_was_put_back() {
        let policy = policy();
        let first = Replacement {
            why: "test",
            previous: Vec::new(),
        };
        let authority = Authority::issue(&policy, first, at(0)).unwrap();
        let bundle = authority.bundle();
        let secret = |version: &str| {
            let leaf = issue_leaf(&authority.current, &policy.dns_names, at(0), policy.duration).unwrap();
            let cause = IssueCause::First;
            let mut secret = secrets::serving_secret(None, &leaf, cause, &bundle, &policy, &names(), at(0));
            secret.metadata.resource_version = Some(version.to_owned());
            secret
        };
        let restart_for = |secret: &Secret, current: &str| {
            let kept = kept(&authority, secret, None);
            kept.leaf_to_restart_for(Some(current)).unwrap()
        };
        let (old, new) = (secret("1"), secret("2"));
        let for_old = restart_for(&old, "none");
        let for_new = restart_for(&new, &for_old);
        assert_ne!(for_new, for_old);
        let mut put_back = old.clone();
        put_back.metadata.resource_version = Some("3".to_owned());
        assert_ne!(restart_for(&put_back, &for_new), for_old);
        // Another bundle beside the leaf is no reason, nor is an annotation of an older Annex, the fingerprint alone.
        assert_eq!(restart_for(&put_back, &for_old), for_old);
        let fingerprint = for_old.split('.').next().unwrap();
        assert_eq!(restart_for(&put_back, fingerprint), fingerprint);
        let waits = kept(&authority, &new, Some("a control plane"));
        assert_eq!(waits.leaf_to_restart_for(Some(&for_old)), Some(for_old));
    }
}
