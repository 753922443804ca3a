//! Secrets of authorities as a watch brings them: read on arrival, and kept without their keys.

use std::{borrow::Cow, fmt, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer};

use super::kept::Reduce;
use crate::{
    aggregated_server::certificates::{Authority, AuthorityFault},
    decode::Guarded,
};

/// An authority's Secret. The private key was compared with the certificate, and is gone.
#[derive(Clone)]
pub struct AuthoritySecret {
    metadata: ObjectMeta,
    authority: Result<Arc<Authority>, AuthorityFault>,
}

/// Secrets are not formatted: an annotation of kubectl's may hold all of it.
impl fmt::Debug for AuthoritySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthoritySecret").finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for AuthoritySecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Guarded(secret) = Guarded::<Secret>::deserialize(deserializer)?;
        Ok(match secret {
            Ok(secret) => Self {
                authority: Authority::read(&secret).map(|authority| Arc::new(authority.without_key())),
                metadata: secret.metadata,
            },
            Err(undecodable) => Self {
                authority: Err(AuthorityFault::Unusable(format!(
                    "{} does not decode",
                    undecodable.field
                ))),
                metadata: undecodable.metadata,
            },
        })
    }
}

impl Reduce for AuthoritySecret {
    type Kept = Result<Arc<Authority>, AuthorityFault>;

    fn reduce(self) -> Self::Kept {
        self.authority
    }
}

impl Resource for AuthoritySecret {
    type DynamicType = ();
    type Scope = <Secret as Resource>::Scope;

    fn kind(dynamic: &()) -> Cow<'_, str> {
        Secret::kind(dynamic)
    }

    fn group(dynamic: &()) -> Cow<'_, str> {
        Secret::group(dynamic)
    }

    fn version(dynamic: &()) -> Cow<'_, str> {
        Secret::version(dynamic)
    }

    fn plural(dynamic: &()) -> Cow<'_, str> {
        Secret::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::{Policy, Replacement, authority::FIRST, secrets},
            testing::{names, server},
        },
        decode::Managed,
    };

    fn secret() -> Secret {
        let names = names();
        let replacement = Replacement {
            why: FIRST,
            previous: Vec::new(),
        };
        let policy = Policy::new(&server(), &names);
        let authority = Authority::issue(&policy, replacement, Timestamp::now()).unwrap();
        secrets::authority_secret(None, &authority, &names)
    }

    fn arrived(secret: &Value) -> AuthoritySecret {
        let text = secret.to_string();
        serde_json::from_str::<Managed<AuthoritySecret>>(&text)
            .unwrap()
            .object
    }

    #[test]
    fn an_authority_is_kept_without_its_key() {
        let secret = secret();
        let arrived = arrived(&json!(secret));
        assert_eq!(arrived.meta().labels, secret.metadata.labels);
        assert_eq!(format!("{arrived:?}"), "AuthoritySecret { .. }");
        let kept = arrived.reduce().unwrap();
        assert!(kept.current.key_pem().expose().is_empty());
        let read = Authority::read(&secret).unwrap();
        assert!(!read.current.key_pem().expose().is_empty());
        assert_eq!(kept.current.certificate(), read.current.certificate());
    }

    /// What could not sign is told by the watch, though nobody asks for a signature.
    #[test]
    fn a_key_of_another_certificate_is_a_fault() {
        let (mut one, other) = (json!(secret()), json!(secret()));
        one["data"]["tls.key"] = other["data"]["tls.key"].clone();
        assert!(matches!(arrived(&one).reduce(), Err(AuthorityFault::Unusable(_))));
        one["data"] = json!({});
        assert!(matches!(arrived(&one).reduce(), Err(AuthorityFault::Unusable(_))));
        one["data"] = json!(7);
        assert!(matches!(arrived(&one).reduce(), Err(AuthorityFault::Unusable(_))));
    }
}
