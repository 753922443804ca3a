//! AggregatedResourceDefinitions: whether they are right, whose names they may have, which APIServices follow from them, and what their
//! servers make of them. The operator alone writes their status and finalizers.
//!
//! | file | what it does | client |
//! |---|---|---|
//! | `watched` | a definition as the watch brings it: text, until it was counted | none |
//! | `declared` | a definition as the API server has it -> what it says, or what is wrong with it | none |
//! | `size` | what is too large to be parsed | none |
//! | `names` | which names it may have; Go: apiextensions' `pkg/controller/status` | none |
//! | `crds` | the names that CustomResourceDefinitions have | reads |
//! | `reports` | what one replica of a server says that it serves | network |
//! | `replicas` | what all ready ones say together | none |
//! | `registration` | the APIServices that a server has since definitions say so | none |
//! | `claims` | which group-versions a server is to be registered for | none |
//! | `discovery` | whether the kube-apiserver's own discovery shows a resource | reads |
//! | `deletion` | when objects may be deleted, and when a definition is let go | none |
//! | `status` | what was found, told | none |
//! | `events` | what conditions say anew | writes |
//! | `writes` | status, finalizer, the word to delete objects | writes |
//! | `shared` | what passes over servers and this controller know of each other | none |
//! | `controller` | all of the above, over all definitions: whether a name is free depends on all others | through them |
//!
//! What is served follows from definitions and reports alone, so that a restart changes nothing; as long as definitions were not listed,
//! what is registered stands.

pub mod claims;
pub mod controller;
pub mod crds;
pub mod declared;
pub mod deletion;
pub mod discovery;
pub mod events;
pub mod names;
pub mod registration;
pub mod replicas;
pub mod reports;
pub mod shared;
pub mod size;
pub mod status;
#[cfg(test)]
mod tests;
pub mod watched;
pub mod writes;

pub use shared::{Definitions, Target};

use kube::api::{ApiResource, DynamicObject};

/// The resource.
pub const PLURAL: &str = "aggregatedresourcedefinitions";

/// Definitions of any words: what stands in their spec decides nobody but this controller.
#[must_use]
pub fn resource() -> ApiResource {
    let kind =
        kube::core::GroupVersionKind::gvk(annex_crds::GROUP, "v1alpha1", "AggregatedResourceDefinition");
    ApiResource::from_gvk_with_plural(&kind, PLURAL)
}

fn api(client: kube::Client) -> kube::Api<DynamicObject> {
    kube::Api::all_with(client, &resource())
}
