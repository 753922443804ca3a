//! The resource: users write the text of an Essay, and the controller its status.

use annex_apiserver::prelude::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something to read.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Essay {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: EssaySpec,
    pub(crate) status: EssayStatus,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct EssaySpec {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EssayStatus {
    /// Of which generation this is said.
    pub(crate) observed_generation: i64,
    pub(crate) words: i64,
    /// How long it takes to read it.
    pub(crate) reading_seconds: i64,
    /// `Measured`, so that `kubectl wait` knows that the rest is there.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub(crate) conditions: Vec<Condition>,
}

kind!(Essay: "controller.example.com", "v1", "essays", Namespaced);

pub(crate) fn resource() -> Result<Resource, DescriptionError> {
    typed::resource::<Essay>()
        .validate(|essay| match essay.spec.text.as_str() {
            "" => vec![FieldError::required(
                "spec.text",
                "there must be something to read",
            )],
            _ => vec![],
        })
        .status()
        .build()
}
