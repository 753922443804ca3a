//! What a serving Secret held when a pass was over, as an annotation of the ConfigMap beside it: a watch brings that one, and after a
//! restart a server that still serves the leaf of the record needs no read of its Secret at once. Pure.
//!
//! It is no proof: who may write ConfigMaps there may write it. It spares a read for a while, and only where every endpoint presents
//! the very leaf and the published bundle vouches for that.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{CertificateState, IssueCause, ServingLeaf};
use crate::pki::{Certificate, bundle};

/// The record, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServingRecord {
    /// The leaf, by its fingerprint.
    pub leaf: String,
    /// A digest of the bundle beside it.
    bundle: String,
    /// How many leaves came before.
    pub count: i64,
    /// A digest of the request that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handled: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

impl ServingRecord {
    /// What is to be recorded of `keys`; nothing where there is no leaf.
    #[must_use]
    pub fn of(keys: &CertificateState) -> Option<Self> {
        let leaf = keys.leaf.as_ref()?;
        Some(Self {
            leaf: leaf.certificate.fingerprint.clone(),
            bundle: digest(&bundle::to_pem(&leaf.published)),
            count: keys.rotation_count,
            handled: leaf.handled_request.as_deref().map(digest),
            issued_at: leaf.issued_at,
            because: leaf.cause.map(|cause| cause.as_str().to_owned()),
        })
    }

    /// Reads the annotation; `None` where it is none.
    #[must_use]
    pub fn parse(annotation: &str) -> Option<Self> {
        serde_json::from_str(annotation).ok()
    }

    /// The annotation.
    #[must_use]
    pub fn annotation(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// The leaf of the record, which is `presented`, as the Secret would be read with `bundle` beside it and `request` asked for;
    /// `None` where the Secret held anything else.
    #[must_use]
    pub fn leaf(
        &self,
        presented: &Certificate,
        bundle: &[Certificate],
        request: Option<&String>,
    ) -> Option<ServingLeaf> {
        let same_request = match (&self.handled, request) {
            (Some(handled), Some(request)) => *handled == digest(request),
            // What was asked for once, and is no more, leads to nothing.
            (_, None) => true,
            (None, Some(_)) => false,
        };
        let same = self.leaf == presented.fingerprint
            && self.bundle == digest(&bundle::to_pem(bundle))
            && same_request;
        same.then(|| ServingLeaf {
            certificate: presented.clone(),
            published: bundle.to_vec(),
            handled_request: request.cloned(),
            issued_at: self.issued_at,
            cause: self.because.as_deref().and_then(IssueCause::parse),
        })
    }
}

/// Long enough that two texts do not share one by chance.
fn digest(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
