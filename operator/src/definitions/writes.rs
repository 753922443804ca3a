//! What is written of a definition: its status, the finalizer, and the word that lets its server delete its objects; each under the
//! resourceVersion that was read.

use annex_crds::{
    DELETE_OBJECTS_ANNOTATION, MANAGER, OBJECTS_FINALIZER, v1alpha1::AggregatedResourceDefinitionStatus,
};
use kube::{
    Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{api, declared::Declared};

/// Writes `status` over what was read. Says whether it is stored: not where the definition has changed, or is gone, which is seen again.
///
/// # Errors
/// The API server refused it for another reason.
pub async fn status(
    client: &Client,
    declared: &Declared,
    status: &AggregatedResourceDefinitionStatus,
) -> Result<bool, kube::Error> {
    let body = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": metadata(declared),
        "status": status,
    });
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let api = api(client.clone());
    let written = api
        .replace_subresource("status", &declared.name, &params, &body)
        .await;
    settled(written.map(drop))
}

/// Keeps a definition until its objects are deleted.
///
/// # Errors
/// As of [`status`].
pub async fn keep(client: &Client, declared: &Declared) -> Result<bool, kube::Error> {
    let mut finalizers = declared.finalizers.clone();
    finalizers.push(OBJECTS_FINALIZER.to_owned());
    patch(client, declared, json!({ "finalizers": finalizers })).await
}

/// Lets a definition go.
///
/// # Errors
/// As of [`status`].
pub async fn release(client: &Client, declared: &Declared) -> Result<bool, kube::Error> {
    let others = declared
        .finalizers
        .iter()
        .filter(|name| *name != OBJECTS_FINALIZER);
    let others: Vec<&String> = others.collect();
    patch(client, declared, json!({ "finalizers": others })).await
}

/// Lets the server of a definition delete its objects.
///
/// # Errors
/// As of [`status`].
pub async fn allow_deletion(client: &Client, declared: &Declared) -> Result<bool, kube::Error> {
    let annotations = json!({ DELETE_OBJECTS_ANNOTATION: declared.uid });
    patch(client, declared, json!({ "annotations": annotations })).await
}

fn metadata(declared: &Declared) -> Value {
    json!({ "name": declared.name, "uid": declared.uid, "resourceVersion": declared.resource_version })
}

async fn patch(client: &Client, declared: &Declared, change: Value) -> Result<bool, kube::Error> {
    let mut metadata = metadata(declared);
    if let (Some(metadata), Value::Object(change)) = (metadata.as_object_mut(), change) {
        metadata.extend(change);
    }
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    let api = api(client.clone());
    let written = api.patch_metadata(&declared.name, &params, &patch).await;
    settled(written.map(drop))
}

fn settled(written: Result<(), kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(()) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
        Err(error) => Err(error),
    }
}
