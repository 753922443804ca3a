//! The certificate authority's Secret: the authority that signs, and those it follows that are still to be trusted.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::policy::{Policy, before, same_names};
use crate::pki::{Certificate, CertificateAuthority, IssueError, KeyPem, bundle, issue_ca, parse_bundle};

/// The authority's certificate.
pub const CERTIFICATE_KEY: &str = "tls.crt";
/// The authority's private key.
pub const PRIVATE_KEY_KEY: &str = "tls.key";
/// Certificates of authorities that it follows, to be trusted until every endpoint serves a leaf of the new one.
pub const PREVIOUS_KEY: &str = "previous.crt";
/// Annotation of the Secret: the value of `annex.dev/rotate-ca` that led to this authority.
pub const HANDLED_ANNOTATION: &str = "annex.dev/handled-rotate-ca";
/// Annotation of the Secret: when the authority was made, RFC 3339.
pub const ISSUED_AT_ANNOTATION: &str = "annex.dev/issued-at";
/// Annotation of the Secret: why the authority was made.
pub const ISSUED_BECAUSE_ANNOTATION: &str = "annex.dev/issued-because";

/// So many authorities are followed at most, the newest of them.
const MAX_PREVIOUS: usize = 8;

/// What the Secret holds.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Signs every new leaf.
    pub current: CertificateAuthority,
    /// Not empty while a rotation of the authority is under way. See [`Self::with_published`].
    pub previous: Vec<Certificate>,
    /// The request that led here.
    pub handled_request: Option<String>,
    /// When it was made.
    pub issued_at: Option<Timestamp>,
    /// Why it was made.
    pub issued_because: Option<String>,
}

/// Why there is no authority to work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// There is no Secret.
    #[error("there is no Secret yet")]
    Missing,
    /// The Secret holds something else.
    #[error("{0}")]
    Unusable(String),
}

/// A new authority that is to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Why, for the Event and the Secret's annotation.
    pub why: &'static str,
    /// What stays trusted meanwhile.
    pub previous: Vec<Certificate>,
}

/// Why the first authority was made.
pub const FIRST: &str = "first authority";
/// Why an authority was made where its Secret was lost or spoilt.
pub const LOST: &str = "the authority's Secret was missing or unusable";
/// Why an authority was made in the place of one that may not sign what is asked for.
const OTHER_NAMES: &str = "the DNS names changed";
/// Why an authority was made in the place of one that has not much time left.
pub const NEARS_END: &str = "the authority nears its end";
/// Why an authority was made in the place of one that nobody trusts any more.
pub const EXPIRED: &str = "the authority has expired";
/// Why an authority was made in the place of one that nobody trusts yet.
pub const NOT_YET_VALID: &str = "the authority is not valid yet";

impl Authority {
    /// Reads the Secret.
    ///
    /// # Errors
    /// It does not hold an authority with its key.
    pub fn read(secret: &Secret) -> Result<Self, AuthorityFault> {
        let data = secret.data.as_ref();
        let entry = |key: &str| {
            data.and_then(|data| data.get(key))
                .map(|bytes| bytes.0.as_slice())
        };
        let text = |key: &str| {
            let bytes = entry(key).ok_or_else(|| AuthorityFault::Unusable(format!("{key} is missing")))?;
            String::from_utf8(bytes.to_vec())
                .map_err(|_| AuthorityFault::Unusable(format!("{key} is not PEM")))
        };
        let current = CertificateAuthority::load(text(CERTIFICATE_KEY)?, KeyPem::new(text(PRIVATE_KEY_KEY)?))
            .map_err(|error| AuthorityFault::Unusable(error.to_string()))?;
        // A spoilt list of old authorities costs the trust in them, not the new one.
        let previous = match entry(PREVIOUS_KEY) {
            Some(pem) if !pem.is_empty() => parse_bundle(pem).unwrap_or_default(),
            _ => Vec::new(),
        };
        let annotation = |key: &str| secret.annotations().get(key).cloned();
        Ok(Self {
            current,
            previous,
            handled_request: annotation(HANDLED_ANNOTATION),
            issued_at: annotation(ISSUED_AT_ANNOTATION).and_then(|time| time.parse().ok()),
            issued_because: annotation(ISSUED_BECAUSE_ANNOTATION),
        })
    }

    /// The same, with those of the `published` authorities among its previous ones that were made for this server. Where the
    /// Secret is older than what is published, such as one from a backup, endpoints serve leaves of an authority that it does
    /// not know, and clients must not cease to trust that one before each endpoint serves another.
    #[must_use]
    pub fn with_published(mut self, published: &[Certificate], policy: &Policy) -> Self {
        let own = self.current.certificate().fingerprint.clone();
        let followed = |certificate: &&Certificate| {
            certificate.fingerprint != own && is_made_for(certificate, &policy.subject)
        };
        let published: Vec<Certificate> = published.iter().filter(followed).cloned().collect();
        self.previous = bundle::union(&[&self.previous, &published]);
        self
    }

    /// Makes the authority that `replacement` asks for.
    ///
    /// # Errors
    /// See [`issue_ca`].
    pub fn issue(policy: &Policy, replacement: Replacement, now: Timestamp) -> Result<Self, IssueError> {
        Ok(Self {
            current: issue_ca(&policy.subject, &policy.dns_names, now, policy.ca_duration)?,
            previous: replacement.previous,
            handled_request: policy.ca_request.clone(),
            issued_at: Some(now),
            issued_because: Some(replacement.why.to_owned()),
        })
    }

    /// What is to be published: this authority, and those it follows. One that has expired does no harm, and goes when the
    /// rotation has come to its end: a clock that is ahead for a while must not take the trust from what is served.
    #[must_use]
    pub fn bundle(&self) -> Vec<Certificate> {
        let current = [self.current.certificate().clone()];
        bundle::union(&[&current, &self.previous])
    }

    /// The same without its key, to be kept: it signs nothing.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self {
            current: self.current.without_key(),
            ..self
        }
    }

    /// The same, without those that it follows.
    #[must_use]
    pub fn narrowed(self) -> Self {
        Self {
            previous: Vec::new(),
            ..self
        }
    }

    /// When it is due to be replaced.
    #[must_use]
    pub fn renewal_time(&self, policy: &Policy) -> Timestamp {
        before(self.current.certificate().not_after, policy.ca_renew_before)
    }

    /// The DNS names that its leaves are made out to. Of a rotation that began before the names were changed, those that it
    /// began with: it comes to its end, and the next one brings the others.
    #[must_use]
    pub fn leaf_names<'a>(&'a self, policy: &'a Policy) -> &'a [String] {
        let permitted = &self.current.certificate().permitted_dns_names;
        if permitted.is_empty() {
            &policy.dns_names
        } else {
            permitted
        }
    }

    /// Whether it has so little time left that its replacement waits for nobody.
    #[must_use]
    pub fn is_urgent(&self, policy: &Policy, now: Timestamp) -> bool {
        now >= before(self.current.certificate().not_after, policy.ca_renew_before / 2)
    }

    /// Why nothing that it signs for `policy` is trusted at `now`, if so.
    fn invalid(&self, policy: &Policy, now: Timestamp) -> Option<&'static str> {
        let certificate = self.current.certificate();
        if !certificate.permitted_dns_names.contains(&policy.server_name) {
            return Some(OTHER_NAMES);
        }
        if now > certificate.not_after {
            return Some(EXPIRED);
        }
        (now < certificate.not_before).then_some(NOT_YET_VALID)
    }

    /// Why this authority should be replaced, if it should.
    fn due(&self, policy: &Policy, now: Timestamp) -> Option<&'static str> {
        if !same_names(&self.current.certificate().permitted_dns_names, &policy.dns_names) {
            return Some(OTHER_NAMES);
        }
        if policy.ca_request.is_some() && policy.ca_request != self.handled_request {
            return Some("requested by annotation");
        }
        (now >= self.renewal_time(policy)).then_some(NEARS_END)
    }
}

/// Whether an authority was made for the server whose authorities have `subject`, see `issue_ca`.
fn is_made_for(certificate: &Certificate, subject: &str) -> bool {
    let name = certificate
        .subject_cn
        .as_deref()
        .and_then(|name| name.rsplit_once('-'));
    certificate.is_ca && name.is_some_and(|(name, _)| name == subject)
}

/// The authority that is to take over from `authority`, if one is. A rotation under way is finished first, so that as few as
/// possible are trusted, unless nobody trusts what it brings.
#[must_use]
pub fn replacement(authority: &Authority, policy: &Policy, now: Timestamp) -> Option<Replacement> {
    let rotating = !authority.previous.is_empty();
    let due = || authority.due(policy, now).filter(|_| !rotating);
    let why = authority.invalid(policy, now).or_else(due)?;
    let current = [authority.current.certificate().clone()];
    let mut previous = bundle::union(&[&current, &authority.previous]);
    previous.truncate(MAX_PREVIOUS);
    Some(Replacement { why, previous })
}

/// The authority that is to take over where there is none to work with. What is `published` clients trust now, and it stays
/// trusted.
#[must_use]
pub fn successor_of_lost(fault: &AuthorityFault, published: &[Certificate]) -> Replacement {
    let mut previous = published.to_vec();
    previous.truncate(MAX_PREVIOUS);
    let first = previous.is_empty() && *fault == AuthorityFault::Missing;
    Replacement {
        why: if first { FIRST } else { LOST },
        previous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregated_server::{
        certificates::{
            secrets,
            testing::{at, policy},
        },
        testing::names,
    };

    fn authority(policy: &Policy) -> Authority {
        Authority::issue(
            policy,
            Replacement {
                why: FIRST,
                previous: Vec::new(),
            },
            at(0),
        )
        .unwrap()
    }

    fn why(authority: &Authority, policy: &Policy, day: i64) -> Option<&'static str> {
        replacement(authority, policy, at(day)).map(|replacement| replacement.why)
    }

    #[test]
    fn a_missing_secret_gets_the_first_authority() {
        let replacement = successor_of_lost(&AuthorityFault::Missing, &[]);
        assert_eq!(
            replacement,
            Replacement {
                why: FIRST,
                previous: Vec::new()
            }
        );
    }

    #[test]
    fn what_is_published_stays_trusted_when_the_secret_is_lost() {
        let lost = authority(&policy()).current.certificate().clone();
        let published = [lost.clone()];
        let replacement = successor_of_lost(&AuthorityFault::Missing, &published);
        assert_eq!(
            replacement,
            Replacement {
                why: LOST,
                previous: vec![lost]
            }
        );
    }

    #[test]
    fn an_authority_is_replaced_when_a_third_is_left() {
        let policy = policy();
        let authority = authority(&policy);
        assert_eq!(why(&authority, &policy, 199), None);
        assert!(why(&authority, &policy, 200).is_some());
    }

    #[test]
    fn other_names_or_a_new_request_replace_it() {
        let policy = policy();
        let authority = authority(&policy);
        let more = Policy {
            dns_names: vec!["wardle.wardle.svc".into(), "wardle.example.com".into()],
            ..policy.clone()
        };
        assert_eq!(why(&authority, &more, 1), Some("the DNS names changed"));
        let asked = Policy {
            ca_request: Some("2".into()),
            ..policy.clone()
        };
        assert_eq!(why(&authority, &asked, 1), Some("requested by annotation"));
        let handled = Authority {
            handled_request: Some("2".into()),
            ..authority
        };
        assert_eq!(why(&handled, &asked, 1), None);
        // Taking the annotation away asks for nothing.
        assert_eq!(why(&handled, &policy, 1), None);
    }

    #[test]
    fn a_rotation_under_way_is_finished_first() {
        let policy = policy();
        let old = authority(&policy).current.certificate().clone();
        let rotating = Authority {
            previous: vec![old],
            ..authority(&policy)
        };
        let asked = Policy {
            ca_request: Some("again".into()),
            ..policy
        };
        assert_eq!(why(&rotating, &asked, 299), None);
    }

    /// A clock that was ahead once, or a rotation that lasted too long, must not be the end of all trust.
    #[test]
    fn what_nobody_trusts_is_replaced_even_in_a_rotation() {
        let policy = policy();
        let made = authority(&policy);
        assert_eq!(why(&made, &policy, 301), Some(EXPIRED));
        assert_eq!(why(&made, &policy, -1), Some(NOT_YET_VALID));
        let old = authority(&policy).current.certificate().clone();
        let rotating = Authority {
            previous: vec![old.clone()],
            ..made
        };
        let early = replacement(&rotating, &policy, at(-1)).unwrap();
        let current = rotating.current.certificate().clone();
        assert_eq!(early.previous, [current, old]);
        let late = replacement(&rotating, &policy, at(301)).unwrap();
        assert_eq!((late.why, late.previous.len()), (EXPIRED, 2));
    }

    /// An older Secret that is put back must not take the trust away from what is served.
    #[test]
    fn what_is_published_and_not_in_the_secret_is_followed() {
        let policy = policy();
        let (restored, served) = (authority(&policy), authority(&policy));
        let served = served.current.certificate().clone();
        let other = Policy {
            subject: "annex:wardle-2".into(),
            ..policy.clone()
        };
        let foreign = authority(&other).current.certificate().clone();
        let own = restored.current.certificate().clone();
        let published = [own.clone(), served.clone(), foreign];
        let read = restored.with_published(&published, &policy);
        assert_eq!(read.previous, std::slice::from_ref(&served));
        assert_eq!(read.bundle(), [own, served]);
        assert_eq!(why(&read, &policy, 250), None, "one rotation at a time");
    }

    #[test]
    fn a_leaf_is_made_out_to_what_its_authority_may_sign() {
        let policy = policy();
        let authority = authority(&policy);
        let more = Policy {
            dns_names: vec!["wardle.wardle.svc".into(), "wardle.example.com".into()],
            ..policy.clone()
        };
        assert_eq!(authority.leaf_names(&more), policy.dns_names);
    }

    #[test]
    fn the_secret_tells_what_was_put_into_it() {
        let policy = policy();
        let old = authority(&policy).current.certificate().clone();
        let rotating = Authority {
            previous: vec![old.clone()],
            ..authority(&policy)
        };
        let secret = secrets::authority_secret(None, &rotating, &names());
        let read = Authority::read(&secret).unwrap();
        assert_eq!(read.previous, std::slice::from_ref(&old));
        assert_eq!(read.current.certificate(), rotating.current.certificate());
        assert_eq!(read.issued_because.as_deref(), Some(FIRST));
        assert_eq!(read.bundle(), [rotating.current.certificate().clone(), old]);
        let narrowed = secrets::authority_secret(Some(&secret), &read.narrowed(), &names());
        assert_eq!(Authority::read(&narrowed).unwrap().previous, []);
    }

    /// A clock that is ahead for a while takes no trust from what is served.
    #[test]
    fn an_expired_predecessor_is_published_until_the_rotation_ends() {
        let policy = policy();
        let old = authority(&policy).current.certificate().clone();
        let rotating = Authority {
            previous: vec![old],
            ..authority(&policy)
        };
        assert_eq!(rotating.bundle().len(), 2);
        assert_eq!(rotating.narrowed().bundle().len(), 1);
    }

    #[test]
    fn authorities_that_are_followed_do_not_become_ever_more() {
        let policy = policy();
        let published: Vec<Certificate> = (0..20)
            .map(|_| authority(&policy).current.certificate().clone())
            .collect();
        let replacement = successor_of_lost(&AuthorityFault::Missing, &published);
        assert_eq!(replacement.previous, published[..MAX_PREVIOUS]);
    }

    #[test]
    fn a_spoilt_secret_is_unusable_and_does_not_tell_its_key() {
        let mut secret = secrets::authority_secret(None, &authority(&policy()), &names());
        let data = secret.data.as_mut().unwrap();
        data.insert(
            CERTIFICATE_KEY.into(),
            k8s_openapi::ByteString(b"garbled".to_vec()),
        );
        let fault = Authority::read(&secret).unwrap_err();
        assert!(matches!(&fault, AuthorityFault::Unusable(_)));
        assert!(!format!("{fault} {fault:?}").contains("PRIVATE KEY"));
    }
}
