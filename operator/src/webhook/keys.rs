//! What the Secret of the webhook holds. Its authority signs one certificate, and its key is thrown away; the authority before stays in
//! the bundle, since replicas of the operator take a new certificate each in its time. Pure, but for the making of keys.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};

use crate::pki::{Certificate, IssueError, KeyPem, check_serving, issue_ca, issue_leaf, parse_bundle};

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";
const PREVIOUS: &str = "previous.crt";

/// How long a certificate is valid.
const VALID: Duration = Duration::from_secs(90 * 24 * 3600);
/// When less than this is left it is made anew.
const RENEW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Certificate and key, and who vouches for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its key.
    pub key: KeyPem,
    /// The authority, and the one before, in PEM: what clients verify with.
    pub bundle: String,
    /// When the certificate expires.
    pub not_after: Timestamp,
}

impl Keys {
    /// What `secret` holds, where that is of use to serve `dns_name` at `now`.
    #[must_use]
    pub fn read(secret: &Secret, dns_name: &str, now: Timestamp) -> Option<Self> {
        let text = |key: &str| {
            let bytes = secret.data.as_ref()?.get(key)?;
            String::from_utf8(bytes.0.clone()).ok()
        };
        let (certificate, key, authority) = (text(CERTIFICATE)?, text(KEY)?, text(AUTHORITY)?);
        let authorities = parse_bundle(authority.as_bytes()).ok()?;
        let pair = check_serving(
            certificate.as_bytes(),
            key.as_bytes(),
            &authorities,
            dns_name,
            now,
        )
        .ok()?;
        // One that cannot be read is left out: the kube-apiserver would refuse the whole bundle.
        let previous = text(PREVIOUS).filter(|previous| parse_bundle(previous.as_bytes()).is_ok());
        Some(Self {
            certificate,
            key: KeyPem::new(key),
            bundle: authority + previous.as_deref().unwrap_or_default(),
            not_after: pair.leaf.not_after,
        })
    }

    /// Whether they are to be made anew.
    #[must_use]
    pub fn are_due(&self, now: Timestamp) -> bool {
        self.not_after.duration_since(now) < RENEW
    }
}

/// The data of the Secret with new keys for `dns_name`, in the place of those in `secret`.
///
/// # Errors
/// See [`IssueError`].
pub fn renew(
    secret: &Secret,
    dns_name: &str,
    now: Timestamp,
) -> Result<BTreeMap<String, ByteString>, IssueError> {
    let names = [dns_name.to_owned()];
    let authority = issue_ca("annex-webhook", &names, now, VALID)?;
    let leaf = issue_leaf(&authority, &names, now, VALID)?;
    let before = secret.data.as_ref().and_then(|data| data.get(AUTHORITY));
    let is_valid = |before: &&ByteString| {
        let authorities = parse_bundle(&before.0).unwrap_or_default();
        authorities
            .iter()
            .any(|authority: &Certificate| authority.not_after > now)
    };
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let mut data = BTreeMap::from([
        (CERTIFICATE.to_owned(), bytes(&leaf.cert_pem)),
        (KEY.to_owned(), bytes(leaf.key_pem.expose())),
        (AUTHORITY.to_owned(), bytes(authority.cert_pem())),
    ]);
    if let Some(before) = before.filter(is_valid) {
        data.insert(PREVIOUS.to_owned(), before.clone());
    }
    Ok(data)
}
