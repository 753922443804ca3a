//! Updates the `status` subresource of an AggregatedServer, under the resourceVersion that it was read with, as
//! `UpdateStatus` of a Go client does. An apply would not do: it cannot take away what somebody else put there, and would be
//! sent again in every pass.

use annex_crds::MANAGER;
use kube::{
    Api, Resource as _,
    api::PostParams,
    core::{ObjectMeta, Status},
};
use serde_json::{Value, json};

use super::{Error, claimant::ListedServer};

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// It is stored, and has made the AggregatedServer this version.
    Stored(Option<String>),
    /// The AggregatedServer has changed since it was read, or is gone: the next pass sees what it is now.
    Conflict,
}

/// Writes `status` over that of the AggregatedServer with the metadata `read`. What its spec looks like does not matter: the API
/// server takes nothing but the status.
///
/// # Errors
/// The API server refused it for another reason than a conflict.
pub async fn update(
    api: &Api<ListedServer>,
    read: &ObjectMeta,
    status: &impl serde::Serialize,
) -> Result<Update, Error> {
    let name = read.name.clone().unwrap_or_default();
    let body: Value = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedServer",
        "metadata": { "name": name, "uid": read.uid, "resourceVersion": read.resource_version },
        "status": status,
    });
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    match api.replace_subresource("status", &name, &params, &body).await {
        Ok(written) => Ok(Update::Stored(written.meta().resource_version.clone())),
        Err(kube::Error::Api(status)) if is_conflict(&status) => Ok(Update::Conflict),
        Err(error) => Err(Error::WriteStatus(error)),
    }
}

fn is_conflict(status: &Status) -> bool {
    matches!(status.code, 404 | 409)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fake_client::{Answer, fake_client};

    fn read() -> ObjectMeta {
        ObjectMeta {
            name: Some("wardle".into()),
            uid: Some("0b9c".into()),
            resource_version: Some("7".into()),
            ..ObjectMeta::default()
        }
    }

    #[tokio::test]
    async fn it_is_an_update_of_what_was_read() {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let api = Api::all(fake_client(move |request| {
            seen.lock().unwrap().push(request.clone());
            Answer::ok(request.body)
        }));
        let status = json!({ "conditions": [] });
        let stored = Update::Stored(Some("7".to_owned()));
        assert_eq!(update(&api, &read(), &status).await.unwrap(), stored);
        let requests = requests.lock().unwrap();
        let request = &requests[0];
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("PUT", "/apis/annex.dev/v1alpha1/aggregatedservers/wardle/status")
        );
        assert_eq!(
            request.body["metadata"],
            json!({ "name": "wardle", "uid": "0b9c", "resourceVersion": "7" })
        );
        assert_eq!(request.body["status"], status);
        assert_eq!(request.body.get("spec"), None);
    }

    #[tokio::test]
    async fn what_has_changed_or_is_gone_is_no_failure() {
        for (code, reason) in [(409, "Conflict"), (404, "NotFound")] {
            let api = Api::all(fake_client(move |_| Answer::status(code, reason)));
            assert_eq!(update(&api, &read(), &json!({})).await.unwrap(), Update::Conflict);
        }
        let api = Api::all(fake_client(|_| Answer::status(422, "Invalid")));
        assert!(update(&api, &read(), &json!({})).await.is_err());
    }
}
