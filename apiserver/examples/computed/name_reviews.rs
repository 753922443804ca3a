//! A review, as a SubjectAccessReview is one: it is created, answered and forgotten.

use annex_apiserver::prelude::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks whether something may be called so.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NameReview {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Spec {
    /// The name in question.
    name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Status {
    /// Whether it may be.
    allowed: bool,
    /// Who has asked.
    user: String,
    /// Why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
}

kind!(NameReview: "computed.example.com", "v1", "namereviews", Cluster);

pub(crate) fn resource() -> Result<Resource, DescriptionError> {
    let create = Verbs::new().create(|context, mut review: NameReview, _| {
        let is_letter =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let allowed = !review.spec.name.is_empty() && review.spec.name.chars().all(is_letter);
        let reason = if allowed {
            ""
        } else {
            "a name has lower-case letters, digits and dashes"
        };
        review.status = Some(Status {
            allowed,
            user: context.user.name,
            reason: reason.to_owned(),
        });
        std::future::ready(Ok(review))
    });
    typed::resource::<NameReview>().computed(create).build()
}
