//! Whether a client that trusts a bundle accepts a served chain, and the one cause where it does not.

use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::inspect::Certificate;

/// Why a served chain is not trusted. Exactly one cause, the most fundamental first: a certificate of another
/// authority is [`TrustFault::Untrusted`] also where it has expired, since renewing it would cure nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// No certificate of the bundle signed the chain.
    #[error("the certificate is not signed by a trusted authority")]
    Untrusted,
    /// The certificate, or the last authority that could vouch for it, has ended.
    #[error("the certificate expired at {not_after}")]
    Expired {
        /// When it ended.
        not_after: Timestamp,
    },
    /// The certificate, or the only authority that could vouch for it, has not begun.
    #[error("the certificate is not valid before {not_before}")]
    NotYetValid {
        /// When it begins.
        not_before: Timestamp,
    },
    /// None of its names is the expected one.
    #[error("the certificate is not made out to the expected name but to [{}]", names.join(", "))]
    SanMismatch {
        /// The DNS names that it has.
        names: Vec<String>,
    },
    /// The expected name is there, but another one lies outside what the authority may sign; that fails the
    /// certificate for every name.
    #[error("the certificate has a name that its authority may not sign")]
    NameConstraint,
    /// Anything else, in words.
    #[error("the certificate cannot be used: {0}")]
    Other(String),
}

/// Verifies a served chain (leaf first, then intermediates) against `bundle` for `dns_name` at `now`, as the
/// kube-aggregator would: unlike most Rust clients, Go also demands that the trusted authority itself is within
/// its validity.
///
/// # Errors
///
/// See [`TrustFault`].
pub fn verify_chain(
    chain: &[CertificateDer<'_>],
    bundle: &[Certificate],
    dns_name: &str,
    now: Timestamp,
) -> Result<(), TrustFault> {
    let Some((leaf_der, intermediates)) = chain.split_first() else {
        return Err(TrustFault::Other("no certificate was presented".to_owned()));
    };
    let leaf = Certificate::from_der(leaf_der).map_err(|error| TrustFault::Other(error.to_string()))?;
    let end_entity = EndEntityCert::try_from(leaf_der).map_err(|error| fault(&error, &leaf))?;
    let candidate = Candidate {
        leaf: &leaf,
        end_entity: &end_entity,
        intermediates,
    };

    // The path first, at an instant when the leaf was valid, so that a wrong authority is told from an old leaf.
    let everyone: Vec<_> = bundle.iter().collect();
    let path = candidate.path(
        &everyone,
        now.clamp(leaf.not_before, leaf.not_after.max(leaf.not_before)),
    );
    if let Err(error) = &path
        && !matches!(error, Error::NameConstraintViolation)
    {
        return Err(untrusted_or(error, &leaf, bundle));
    }
    check_validity(&leaf, now)?;
    let name = ServerName::try_from(dns_name)
        .map_err(|_| TrustFault::Other(format!("`{dns_name}` is not a DNS name")))?;
    end_entity
        .verify_is_valid_for_subject_name(&name)
        .map_err(|error| fault(&error, &leaf))?;
    path.map_err(|error| fault(&error, &leaf))?;

    // Then the rest of the chain as of now: intermediates, and the authorities themselves.
    candidate
        .path(&everyone, now)
        .map_err(|error| fault(&error, &leaf))?;
    candidate.valid_authority(bundle, now)
}

struct Candidate<'a> {
    leaf: &'a Certificate,
    end_entity: &'a EndEntityCert<'a>,
    intermediates: &'a [CertificateDer<'a>],
}

impl Candidate<'_> {
    /// Whether a path leads from the leaf to one of `authorities`, each link valid at `at`; the authorities' own
    /// validity is not looked at.
    fn path(&self, authorities: &[&Certificate], at: Timestamp) -> Result<(), Error> {
        // What cannot serve as an anchor vouches for nothing; the path then says so.
        let anchors: Vec<TrustAnchor<'_>> = authorities
            .iter()
            .filter_map(|ca| anchor_from_trusted_cert(&ca.der).ok())
            .collect();
        let verified = self.end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            self.intermediates,
            unix_time(at),
            KeyUsage::server_auth(),
            None,
            None,
        );
        verified.map(|_| ())
    }

    fn valid_authority(&self, bundle: &[Certificate], now: Timestamp) -> Result<(), TrustFault> {
        let valid: Vec<_> = bundle.iter().filter(|ca| ca.valid_at(now)).collect();
        if self.path(&valid, now).is_ok() {
            return Ok(());
        }
        // Every authority that vouches is outside its validity; the last to end speaks for them.
        let mut vouching: Vec<_> = bundle.iter().filter(|ca| self.path(&[ca], now).is_ok()).collect();
        vouching.sort_by_key(|ca| ca.not_after);
        let last = vouching.last().copied().unwrap_or(self.leaf);
        check_validity(last, now).and(Err(TrustFault::Untrusted))
    }
}

fn check_validity(certificate: &Certificate, now: Timestamp) -> Result<(), TrustFault> {
    if now < certificate.not_before {
        return Err(TrustFault::NotYetValid {
            not_before: certificate.not_before,
        });
    }
    if now > certificate.not_after {
        return Err(TrustFault::Expired {
            not_after: certificate.not_after,
        });
    }
    Ok(())
}

/// A self-signed CA certificate that is served as if it were a leaf fails for its kind before anyone looks for
/// its issuer; unless it is trusted itself, the trust is what lacks.
fn untrusted_or(error: &Error, leaf: &Certificate, bundle: &[Certificate]) -> TrustFault {
    let trusted_itself = bundle.iter().any(|ca| ca.fingerprint == leaf.fingerprint);
    match error {
        Error::CaUsedAsEndEntity if !trusted_itself => TrustFault::Untrusted,
        error => fault(error, leaf),
    }
}

fn fault(error: &Error, leaf: &Certificate) -> TrustFault {
    match error {
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => TrustFault::Untrusted,
        Error::CertExpired { not_after, .. } => TrustFault::Expired {
            not_after: timestamp(*not_after),
        },
        Error::CertNotValidYet { not_before, .. } => TrustFault::NotYetValid {
            not_before: timestamp(*not_before),
        },
        Error::CertNotValidForName(_) => TrustFault::SanMismatch {
            names: leaf.dns_names.clone(),
        },
        Error::NameConstraintViolation => TrustFault::NameConstraint,
        Error::CaUsedAsEndEntity => TrustFault::Other("a CA certificate is served as a server's".to_owned()),
        Error::RequiredEkuNotFoundContext(_) => {
            TrustFault::Other("it is not meant for server authentication".to_owned())
        }
        other => TrustFault::Other(other.to_string()),
    }
}

fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0)))
}

fn timestamp(time: UnixTime) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
