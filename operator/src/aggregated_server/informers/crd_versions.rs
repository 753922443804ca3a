//! The group-versions that CustomResourceDefinitions serve: of the few whose group a server claims, read once for each of their
//! versions.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::applier::Known;

/// What is known of CustomResourceDefinitions, by name.
#[derive(Debug, Default)]
pub struct CrdVersions(Mutex<HashMap<String, Served>>);

#[derive(Debug)]
struct Served {
    uid: Box<str>,
    resource_version: Box<str>,
    group_versions: Vec<String>,
}

impl CrdVersions {
    /// What the CustomResourceDefinition serves, where it was read in this very version.
    #[must_use]
    pub fn get(&self, name: &str, known: &Known) -> Option<Vec<String>> {
        let served = self.served();
        let served = served.get(name)?;
        ((&served.uid, &served.resource_version) == (&known.uid, &known.resource_version))
            .then(|| served.group_versions.clone())
    }

    /// Keeps what it was found to serve, and nothing of those that `is_there` does not know any more.
    pub fn keep(
        &self,
        name: &str,
        known: &Known,
        group_versions: Vec<String>,
        is_there: impl Fn(&str) -> bool,
    ) {
        let mut served = self.served();
        served.retain(|name, _| is_there(name));
        served.insert(
            name.to_owned(),
            Served {
                uid: known.uid.clone(),
                resource_version: known.resource_version.clone(),
                group_versions,
            },
        );
    }

    fn served(&self) -> MutexGuard<'_, HashMap<String, Served>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
