//! What a server has made of the definitions that it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::seen::Seen;
use crate::definition::Definition;
use crate::registry::Creates;
use crate::request::GroupResource;
use crate::resource::Resource;

/// By name.
pub(super) type Standings = BTreeMap<String, Standing>;

/// One definition.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// As the cluster has it.
    pub(super) seen: Arc<Seen>,
    /// What is served of it.
    pub(super) serving: Option<Serving>,
    /// Why its newest generation is not served.
    pub(super) error: Option<String>,
    /// Whether its objects are its own: some generation of it was served.
    pub(super) has_served: bool,
    /// Its creates that are under way.
    pub(super) creates: Arc<Creates>,
    /// In which versions its objects may be stored.
    pub(super) stored_versions: BTreeSet<String>,
}

/// A definition as it is served.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    pub(super) uid: String,
    pub(super) generation: i64,
    pub(super) definition: Arc<Definition>,
    pub(super) resource: Arc<Resource>,
}

impl Standing {
    /// Whether this replica creates no objects any more, since the definition is being deleted.
    pub(super) fn is_terminating(&self) -> bool {
        self.seen.is_deleting && self.creates.are_over()
    }

    /// What its objects are called in the storage.
    pub(super) fn group_resource(&self) -> GroupResource {
        group_resource(&self.seen.name)
    }
}

/// The resource that the definition of this name is about.
pub(super) fn group_resource(name: &str) -> GroupResource {
    let (plural, group) = name.split_once('.').unwrap_or((name, ""));
    GroupResource::new(group, plural)
}
