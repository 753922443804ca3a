//! Greetings: who is greeted, and how.

use annex_apiserver::prelude::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is said to whom.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Greeting {
    /// Standard object metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GreetingSpec,
    /// What was observed: a controller writes it to `/status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GreetingStatus>,
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct GreetingSpec {
    /// Who is greeted.
    pub whom: String,
    /// What is said; `hello` where nothing is.
    #[serde(default)]
    pub text: String,
}

/// What was observed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct GreetingStatus {
    /// How often it was said.
    #[serde(default)]
    pub said: u32,
}

kind!(Greeting: "greetings.example.com", "v1", "greetings", Namespaced);

/// How greetings are served.
///
/// # Errors
/// The description contradicts itself.
pub fn resource() -> Result<Resource, DescriptionError> {
    typed::resource::<Greeting>()
        .short_names(["gr"])
        .status()
        .default(|greeting: &mut Greeting| {
            if greeting.spec.text.is_empty() {
                "hello".clone_into(&mut greeting.spec.text);
            }
        })
        .validate(|greeting| match greeting.spec.whom.as_str() {
            "" => vec![FieldError::required("spec.whom", "somebody must be greeted")],
            _ => Vec::new(),
        })
        .columns::<Greeting>([
            Column::new("Whom", "string", ".spec.whom"),
            Column::new("Text", "string", ".spec.text"),
            Column::new("Age", "date", ".metadata.creationTimestamp"),
        ])
        .build()
}
