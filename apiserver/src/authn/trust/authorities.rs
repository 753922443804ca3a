//! A bundle of authorities, and whether they vouch for a client.

use rustls::DistinguishedName;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime, pem};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage,
    RequiredEkuNotFoundContext, anchor_from_trusted_cert,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// `id-kp-clientAuth` and `anyExtendedKeyUsage`, as DER writes them.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// Why a bundle is none.
#[derive(Debug, thiserror::Error)]
pub(in crate::authn) enum AuthoritiesError {
    /// It is not PEM.
    #[error("the bundle is not PEM: {0}")]
    Pem(pem::Error),
    /// There is nothing in it.
    #[error("the bundle holds no certificate")]
    Empty,
    /// One of its certificates cannot be read.
    #[error("the bundle's certificate {0} cannot be read: {1}")]
    Certificate(usize, String),
}

/// Why a client's certificate is not believed.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::authn) enum CertificateRejected {
    /// No authority vouches for it, not now, or not for a client.
    #[error("verifying the certificate failed: {0}")]
    Unverified(webpki::Error),
    /// It names somebody else.
    #[error("x509: subject with cn={0} is not in the allowed list")]
    NameNotAllowed(String),
    /// It says nothing that can be understood.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
}

/// Authorities, and the PEM that they came from.
#[derive(Clone, Debug)]
pub(in crate::authn) struct Authorities {
    pem: Vec<u8>,
    anchors: Vec<Anchor>,
}

#[derive(Clone, Debug)]
struct Anchor {
    anchor: TrustAnchor<'static>,
    /// Seconds since 1970: an expired authority vouches for nobody, which webpki leaves to its callers.
    not_before: i64,
    not_after: i64,
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem
    }
}

impl Authorities {
    /// Reads a PEM bundle. As in Go one bad certificate spoils it all.
    pub(in crate::authn) fn parse(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut anchors = Vec::new();
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let certificate = certificate.map_err(AuthoritiesError::Pem)?;
            let anchor = Anchor::of(&certificate).map_err(|why| AuthoritiesError::Certificate(index, why))?;
            anchors.push(anchor);
        }
        if anchors.is_empty() {
            return Err(AuthoritiesError::Empty);
        }
        Ok(Self {
            pem: pem.to_vec(),
            anchors,
        })
    }

    /// What a TLS server tells clients about them.
    pub(in crate::authn) fn subjects(&self) -> impl Iterator<Item = DistinguishedName> {
        self.anchors
            .iter()
            .map(|anchor| DistinguishedName::in_sequence(&anchor.anchor.subject))
    }

    /// Whether they vouch at `now` for the first of `chain` as a client.
    pub(in crate::authn) fn verify(
        &self,
        chain: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> Result<(), CertificateRejected> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(CertificateRejected::Unreadable("there is none".into()));
        };
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let anchors: Vec<_> = self
            .anchors
            .iter()
            .filter(|anchor| (anchor.not_before..=anchor.not_after).contains(&seconds))
            .map(|anchor| anchor.anchor.clone())
            .collect();
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        EndEntityCert::try_from(leaf)
            .and_then(|leaf| {
                leaf.verify_for_usage(
                    algorithms.all,
                    &anchors,
                    intermediates,
                    now,
                    ClientUse,
                    None,
                    None,
                )
                .map(drop)
            })
            .map_err(CertificateRejected::Unverified)
    }
}

impl Anchor {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let anchor = anchor_from_trusted_cert(certificate).map_err(|error| error.to_string())?;
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
        Ok(Self {
            anchor: anchor.to_owned(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }
}

/// For clients, for anything, or for nothing in particular.
struct ClientUse;

impl ExtendedKeyUsageValidator for ClientUse {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut present = Vec::new();
        for usage in usages {
            let usage = usage?;
            if usage == KeyPurposeId::new(CLIENT_AUTH) || usage == KeyPurposeId::new(ANY_USAGE) {
                return Ok(());
            }
            present.push(usage.to_decoded_oid());
        }
        if present.is_empty() {
            return Ok(());
        }
        Err(webpki::Error::RequiredEkuNotFoundContext(
            RequiredEkuNotFoundContext {
                required: KeyUsage::client_auth(),
                present,
            },
        ))
    }
}
