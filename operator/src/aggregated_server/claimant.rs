//! What one AggregatedServer has to know of another, whether or not that one decodes.

use annex_crds::v1alpha1::{AggregatedServer, ApiClaim};
use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use serde_json::Value;

use crate::decode::Guarded;

/// An AggregatedServer as the API server has it.
pub type ListedServer = Guarded<AggregatedServer>;

/// Another AggregatedServer, and what it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// It is being deleted.
    pub deleting: bool,
    /// The group-versions that it claims.
    pub claims: Vec<(String, String)>,
}

impl Claimant {
    /// What is to be known of `server`.
    #[must_use]
    pub fn of(server: &ListedServer) -> Self {
        Self {
            name: server.name_any(),
            uid: server.uid(),
            created: server.creation_timestamp().map(|time| time.0),
            deleting: server.meta().deletion_timestamp.is_some(),
            claims: claims(server),
        }
    }

    /// Whether it claims the same group-version as `claim`.
    #[must_use]
    pub fn claims(&self, claim: &ApiClaim) -> bool {
        self.claims
            .iter()
            .any(|(group, version)| (group, version) == (&claim.group, &claim.version))
    }
}

/// The group-versions that `server` claims. Where it does not decode they count all the same, as far as they can be read:
/// what it has registered stands, and who is served by it must not be handed to another for a field of the spec.
#[must_use]
pub fn claims(server: &ListedServer) -> Vec<(String, String)> {
    match &server.0 {
        Ok(server) => {
            let pair = |claim: &ApiClaim| (claim.group.clone(), claim.version.clone());
            server.spec.apis.iter().map(pair).collect()
        }
        Err(undecodable) => {
            let apis = undecodable.spec.get("apis").and_then(Value::as_array);
            let text = |api: &Value, field: &str| api.get(field)?.as_str().map(str::to_owned);
            let pair = |api: &Value| Some((text(api, "group")?, text(api, "version")?));
            apis.into_iter().flatten().filter_map(pair).collect()
        }
    }
}

/// The namespace that `server` runs in, where that can be read.
#[must_use]
pub fn namespace(server: &ListedServer) -> Option<&str> {
    match &server.0 {
        Ok(server) => Some(&server.spec.namespace),
        Err(undecodable) => undecodable.spec.get("namespace")?.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_server_that_does_not_decode_are_claims() {
        let server: ListedServer = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "bad", "uid": "b", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": {
                "namespace": "bad",
                "apis": [{ "group": "a.example.com", "version": "v1" }, { "group": 3, "version": "v1" }, 7],
                "workload": { "image": "x", "port": "https" },
            },
        }))
        .unwrap();
        assert!(server.0.is_err());
        let claimant = Claimant::of(&server);
        assert_eq!(claimant.claims, [("a.example.com".to_owned(), "v1".to_owned())]);
        assert_eq!(claimant.created, "2026-01-01T00:00:00Z".parse().ok());
        assert_eq!(namespace(&server), Some("bad"));
    }
}
