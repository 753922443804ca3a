//! The APIServices that a server has since definitions say so, as the watch brought them.

use annex_crds::DEFINITIONS_ANNOTATION;
use kube::ResourceExt as _;

use crate::{
    aggregated_server::{
        informers::{Informers, server_index},
        names::owner_reference,
    },
    applier::Ownership,
};

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The digest of what is served of the group that the aggregator was told last.
    pub digest: String,
    /// Whether it belongs to the very server that was asked for.
    pub is_ours: bool,
    /// Whether the aggregator sends requests there.
    pub is_available: bool,
}

/// Those of the AggregatedServer `server` with `uid`. Each is decoded, which is not to be done for every definition.
#[must_use]
pub fn of(informers: &Informers, server: &str, uid: Option<&str>) -> Vec<Registration> {
    let owner = owner_reference(server, uid.unwrap_or_default());
    let services = informers.api_services.indexed(&server_index(server));
    let registrations = services.into_iter().filter_map(|kept| {
        let service = kept.object.get().0.ok()?;
        let digest = service.annotations().get(DEFINITIONS_ANNOTATION)?.clone();
        let conditions = service.status.and_then(|status| status.conditions);
        let mut conditions = conditions.into_iter().flatten();
        let spec = service.spec?;
        Some(Registration {
            group: spec.group?,
            version: spec.version?,
            digest,
            is_ours: Ownership::of(&kept.known.owners, &owner) == Ownership::Ours,
            is_available: conditions
                .any(|condition| condition.type_ == "Available" && condition.status == "True"),
        })
    });
    registrations.collect()
}
