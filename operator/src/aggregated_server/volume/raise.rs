//! Has a claim ask for more.

use annex_crds::MANAGER;
use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::api::resource::Quantity};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

/// Why a claim does not ask for more.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    /// It was changed or deleted since it was read. Try again.
    #[error("the claim changed while it was worked on")]
    Raced,
    /// The API server does not take it: the StorageClass does not allow it, a quota, a policy, or rights.
    #[error("{0}")]
    Refused(String),
    /// Anything else: the server could not be reached, or failed.
    #[error("failed to have the claim ask for more")]
    Request(#[source] Box<kube::Error>),
}

/// Has `claim` ask for `size`, if it is still as it was read.
///
/// # Errors
/// See [`RaiseError`].
pub async fn raise(
    client: &Client,
    claim: &PersistentVolumeClaim,
    size: &Quantity,
) -> Result<(), RaiseError> {
    let claims: Api<PersistentVolumeClaim> =
        Api::namespaced(client.clone(), &claim.namespace().unwrap_or_default());
    let patch = json!({
        "metadata": { "uid": claim.uid(), "resourceVersion": claim.resource_version() },
        "spec": { "resources": { "requests": { "storage": size } } },
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match claims
        .patch(&claim.name_any(), &params, &Patch::Merge(&patch))
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(RaiseError::Raced),
        Err(kube::Error::Api(status)) if (400..429).contains(&status.code) => {
            Err(RaiseError::Refused(status.message))
        }
        Err(error) => Err(RaiseError::Request(Box::new(error))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fake_client::{Answer, Request, fake_client};

    fn claim() -> PersistentVolumeClaim {
        serde_saphyr::from_str(
            "metadata: { name: annex-data-wardle-0, namespace: wardle, uid: c1, resourceVersion: '7' }",
        )
        .unwrap()
    }

    async fn raised(answer: Answer) -> (Result<(), RaiseError>, Vec<Request>) {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let client = fake_client(move |request| {
            seen.lock().unwrap().push(request);
            answer.clone()
        });
        let result = raise(&client, &claim(), &Quantity("2Gi".into())).await;
        let requests = requests.lock().unwrap().clone();
        (result, requests)
    }

    #[tokio::test]
    async fn only_the_request_is_written_and_only_to_what_was_read() {
        let claim = serde_json::to_value(claim()).unwrap();
        let (result, requests) = raised(Answer::ok(claim)).await;
        result.unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].method, "PATCH");
        assert_eq!(
            requests[0].path,
            "/api/v1/namespaces/wardle/persistentvolumeclaims/annex-data-wardle-0"
        );
        assert_eq!(
            requests[0].body,
            json!({
                "metadata": { "uid": "c1", "resourceVersion": "7" },
                "spec": { "resources": { "requests": { "storage": "2Gi" } } },
            })
        );
    }

    #[tokio::test]
    async fn a_refusal_is_told_from_a_race_and_a_failure() {
        let (refused, _) = raised(Answer::status(403, "Forbidden")).await;
        assert!(matches!(refused, Err(RaiseError::Refused(why)) if why == "the fake says Forbidden"));
        for code in [404, 409] {
            let (raced, _) = raised(Answer::status(code, "Gone")).await;
            assert!(matches!(raced, Err(RaiseError::Raced)), "{code}");
        }
        for code in [429, 500] {
            let (failed, _) = raised(Answer::status(code, "Busy")).await;
            assert!(matches!(failed, Err(RaiseError::Request(_))), "{code}");
        }
    }
}
