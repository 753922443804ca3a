//! The cluster's certificates: two authorities and everybody's identity, made anew with each cluster.
//!
//! The cluster CA vouches for servers and users; the front-proxy CA for kube-apiserver alone where it speaks for
//! others (as the aggregator), which is why the two must not be the same.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use jiff::{Span, Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};

use crate::files;
use crate::layout::Layout;

/// Certificates that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Key or certificate.
    #[error("failed to make the certificate of {name}")]
    Make {
        /// Whose.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
    /// Writing them.
    #[error(transparent)]
    Files(#[from] files::Error),
}

/// Somebody's certificate and key, PEM both.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The common name, which is the user's name to Kubernetes.
    pub user: String,
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// The files that components read, by name below the state directory.
pub const CA: &str = "pki/ca.crt";
/// The cluster CA's key, with which kube-controller-manager signs.
pub const CA_KEY: &str = "pki/ca.key";
/// The front-proxy CA.
pub const FRONT_PROXY_CA: &str = "pki/front-proxy-ca.crt";
/// The aggregator's client certificate.
pub const FRONT_PROXY: &str = "pki/front-proxy-client";
/// kube-apiserver's serving certificate.
pub const APISERVER: &str = "pki/apiserver";
/// kube-apiserver's client certificate towards the kubelet.
pub const KUBELET_CLIENT: &str = "pki/apiserver-kubelet-client";
/// The serving certificate of the node's other components.
pub const NODE: &str = "pki/node";
/// The key that signs ServiceAccount tokens.
pub const SERVICE_ACCOUNT_KEY: &str = "pki/service-account.key";
/// The key that verifies ServiceAccount tokens.
pub const SERVICE_ACCOUNT_PUBLIC_KEY: &str = "pki/service-account.pub";

/// The paths of an identity's certificate and key.
#[must_use]
pub fn pair(layout: &Layout, name: &str) -> (PathBuf, PathBuf) {
    (
        layout.path(&format!("{name}.crt")),
        layout.path(&format!("{name}.key")),
    )
}

/// A certificate authority that can still sign.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one of this name.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(name: &str) -> Result<Self, Error> {
        let failed = |source| Error::Make {
            name: name.to_owned(),
            source,
        };
        let mut params = params(name, None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, key).map_err(failed)?,
        })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a client certificate for a user in a group.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Identity, Error> {
        let mut params = params(user, group)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(user, params)
    }

    pub(crate) fn server(&self, name: &str, dns: &[&str], addresses: &[Ipv4Addr]) -> Result<Identity, Error> {
        let mut params = params(name, None)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for name in dns {
            let san = (*name).try_into().map_err(|source| Error::Make {
                name: (*name).to_owned(),
                source,
            })?;
            params.subject_alt_names.push(SanType::DnsName(san));
        }
        params.subject_alt_names.extend(
            addresses
                .iter()
                .map(|address| SanType::IpAddress(IpAddr::V4(*address))),
        );
        self.issue(name, params)
    }

    fn issue(&self, user: &str, mut params: CertificateParams) -> Result<Identity, Error> {
        let failed = |source| Error::Make {
            name: user.to_owned(),
            source,
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Identity {
            user: user.to_owned(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn params(name: &str, group: Option<&str>) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from_slice(&rand::random::<u64>().to_be_bytes()));
    // From yesterday on, whatever the zone of whoever verifies; for longer than anybody lets a test cluster stand.
    let days = [(-1).days(), 1.year()].map(day);
    let [(from_year, from_month, from_day), (to_year, to_month, to_day)] = days;
    params.not_before = date_time_ymd(from_year, from_month, from_day);
    params.not_after = date_time_ymd(to_year, to_month, to_day);
    Ok(params)
}

fn day(from_now: Span) -> (i32, u8, u8) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let date = today.saturating_add(from_now);
    (
        date.year().into(),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    )
}

/// Everybody's certificates, made and written.
pub struct Pki {
    ca: Authority,
}

impl Pki {
    /// Makes both authorities and the servers' certificates, and writes what components read from files.
    ///
    /// # Errors
    /// When something cannot be made or written.
    pub fn make(layout: &Layout) -> Result<Self, Error> {
        let ca = Authority::new("annex-e2e-ca")?;
        let front_proxy_ca = Authority::new("annex-e2e-front-proxy-ca")?;
        files::write(&layout.path(CA), ca.certificate())?;
        files::write(&layout.path(CA_KEY), ca.issuer.key().serialize_pem())?;
        files::write(&layout.path(FRONT_PROXY_CA), front_proxy_ca.certificate())?;
        write(
            layout,
            FRONT_PROXY,
            &front_proxy_ca.client("front-proxy-client", None)?,
        )?;
        write(
            layout,
            KUBELET_CLIENT,
            &ca.client("kube-apiserver-kubelet-client", Some("system:masters"))?,
        )?;
        write(layout, APISERVER, &apiserver(&ca, layout)?)?;
        let addresses = [layout.node_address(), layout.outer_address()];
        write(
            layout,
            NODE,
            &ca.server(layout.name(), &[layout.name()], &addresses)?,
        )?;
        write_service_account_key(
            &layout.path(SERVICE_ACCOUNT_KEY),
            &layout.path(SERVICE_ACCOUNT_PUBLIC_KEY),
        )?;
        Ok(Self { ca })
    }

    /// The CA that vouches for servers and users.
    #[must_use]
    pub fn ca(&self) -> &Authority {
        &self.ca
    }
}

fn apiserver(ca: &Authority, layout: &Layout) -> Result<Identity, Error> {
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let addresses = [
        Ipv4Addr::LOCALHOST,
        layout.node_address(),
        layout.outer_address(),
        layout.api_service_address(),
    ];
    ca.server("kube-apiserver", &names, &addresses)
}

fn write(layout: &Layout, name: &str, identity: &Identity) -> Result<(), Error> {
    let (certificate, key) = pair(layout, name);
    files::write(&certificate, &identity.certificate)?;
    Ok(files::write(&key, &identity.key)?)
}

/// Makes the key that signs ServiceAccount tokens, and the one that verifies them.
///
/// # Errors
/// One cannot be made or written.
pub(crate) fn write_service_account_key(key_path: &Path, public_path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Make {
        name: "service accounts".to_owned(),
        source,
    };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    files::write(key_path, key.serialize_pem())?;
    Ok(files::write(public_path, key.public_key_pem())?)
}
