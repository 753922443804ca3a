//! Requests about one object.

use kube::{
    api::{GetParams, Patch, PatchParams},
    core::Request,
};
use serde_json::Value;

use super::{Applier, ApplyError, Desired, FIELD_MANAGER, Guard, ObjectName, preparation};

impl Applier {
    pub(super) async fn get(&self, desired: &Desired) -> Result<Option<Value>, ApplyError> {
        let object = desired.name();
        let request = Request::new(desired.url_path()).get(&object.name, &GetParams::default());
        match self.send("get", &object, request).await {
            Ok(live) => {
                self.cache.answered(desired.resource(), &live);
                Ok(Some(live))
            }
            // A namespace that is missing answers like an object that is: the creation then names it.
            Err(error) if error.is_object_missing() => {
                if let Some(known) = self.known(desired) {
                    let namespace = object.namespace.as_deref().unwrap_or_default();
                    self.cache
                        .deleted(desired.resource(), namespace, &object.name, &known.uid);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn update(
        &self,
        desired: &Desired,
        live: &Value,
        guard: Guard,
    ) -> Result<Value, ApplyError> {
        let mut resource_version = metadata_text(live, "resourceVersion");
        if let Some(patch) = preparation::preparation(desired, live) {
            let params = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let patch = Patch::Merge(&patch);
            let prepared = self.patch("apply", desired, &params, &patch).await?;
            resource_version = metadata_text(&prepared, "resourceVersion");
        }
        let mut body = desired.hashed();
        if let Some(uid) = metadata_text(live, "uid") {
            body["metadata"]["uid"] = Value::String(uid);
        }
        if guard == Guard::ResourceVersion
            && let Some(resource_version) = resource_version
        {
            body["metadata"]["resourceVersion"] = Value::String(resource_version);
        }
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.patch("apply", desired, &params, &Patch::Apply(&body)).await
    }

    pub(super) async fn patch(
        &self,
        action: &'static str,
        desired: &Desired,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Value, ApplyError> {
        let object = desired.name();
        let request = Request::new(desired.url_path()).patch(&object.name, params, patch);
        let live = self.send(action, &object, request).await?;
        if !params.dry_run {
            self.cache.answered(desired.resource(), &live);
        }
        Ok(live)
    }

    pub(super) async fn send(
        &self,
        action: &'static str,
        object: &ObjectName,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Value, ApplyError> {
        let failed = |error| ApplyError::from_request(action, object, error);
        self.client
            .request(request.map_err(kube::Error::BuildRequest).map_err(failed)?)
            .await
            .map_err(failed)
    }
}

pub(super) fn metadata_text(object: &Value, field: &str) -> Option<String> {
    object["metadata"][field].as_str().map(str::to_owned)
}
