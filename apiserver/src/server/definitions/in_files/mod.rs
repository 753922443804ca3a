//! Resources that are described in files: served from the start on, and as the files change. Go: the informer and `crdHandler` of
//! apiextensions, whose definitions are objects.
//!
//! A definition that becomes wrong, or that is gone, is told of in the log, and what was served by it is served still: a file that somebody
//! removed by mistake takes no objects away.

mod files;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::installer::{Installer, NotInstalled};
use super::super::start::StartError;
use super::{InvalidDefinition, described, immutable, listed};
use crate::background::{BackgroundTask, supervise};
use crate::definition::Definition;
use crate::resource::Resource;
use crate::status::FieldError;
use files::Stamp;

pub use files::FilesError;

/// How often it is looked whether files have changed.
const LOOK: Duration = Duration::from_millis(500);
/// When definitions are tried again that could not be served, such as while objects are stored in a version that they drop.
const AGAIN: Duration = Duration::from_secs(30);

/// Definitions that are in files.
#[derive(Clone, Debug)]
pub struct DefinitionFiles {
    /// A file, or a directory whose `.yaml`, `.yml` and `.json` files are read.
    pub path: PathBuf,
    /// Whether what no file defines any more is served no more. Its objects stay stored in either case.
    pub allow_removal: bool,
}

/// The definitions that are served.
pub(in crate::server) struct InFiles {
    files: DefinitionFiles,
    /// The state of the files that was taken over.
    stamp: Option<Stamp>,
    /// That of the last look: what is still being written is not taken over.
    seen: Option<Stamp>,
    /// When what could not be served is tried again.
    again_at: Option<Instant>,
    /// Whether it was told that they cannot be read.
    is_unreadable: bool,
    served: BTreeMap<String, Served>,
}

#[derive(Clone)]
struct Served {
    definition: Arc<Definition>,
    resource: Arc<Resource>,
}

/// A definition in a file.
struct Found {
    definition: Definition,
    /// `None`: it is as it is served.
    resource: Option<Result<Resource, Vec<FieldError>>>,
}

/// What files hold.
enum Look {
    /// What was taken over.
    Unchanged,
    /// Something else than a moment ago.
    Unsettled(Stamp),
    /// Something new.
    Changed(Stamp, Vec<Found>),
}

/// What became of definitions whose files have changed.
#[derive(Default)]
struct Changes {
    invalid: Vec<InvalidDefinition>,
    /// Those that no file has any more, and that are served still.
    kept: Vec<String>,
}

impl InFiles {
    /// Those of `files`.
    ///
    /// # Errors
    /// The files cannot be read, or one of the definitions cannot be served.
    pub(in crate::server) async fn load(files: DefinitionFiles) -> Result<Self, StartError> {
        let mut definitions = Self {
            files,
            stamp: None,
            seen: None,
            again_at: None,
            is_unreadable: false,
            served: BTreeMap::new(),
        };
        if let Look::Changed(stamp, found) = definitions.look(false).await? {
            if found.is_empty() {
                // Such as the directory above controller-gen's.
                tracing::warn!(
                    path = %definitions.files.path.display(),
                    "no file there holds a definition: nothing is served so far"
                );
            }
            let changes = definitions.take(found);
            if !changes.invalid.is_empty() {
                return Err(StartError::InvalidDefinitions(changes.invalid));
            }
            definitions.stamp = Some(stamp);
        }
        Ok(definitions)
    }

    /// The resources that are to be served.
    pub(in crate::server) fn resources(&self) -> Vec<Arc<Resource>> {
        self.served
            .values()
            .map(|served| served.resource.clone())
            .collect()
    }

    /// What the files hold. `settled`: only what they held at the last look too.
    async fn look(&self, settled: bool) -> Result<Look, FilesError> {
        let (path, before, seen) = (self.files.path.clone(), self.stamp.clone(), self.seen.clone());
        let served: BTreeMap<String, Arc<Definition>> = self
            .served
            .iter()
            .map(|(name, served)| (name.clone(), served.definition.clone()))
            .collect();
        // It reads the disk, and compiles schemas.
        let look = tokio::task::spawn_blocking(move || {
            let stamp = files::stamp(&path)?;
            if before.as_ref() == Some(&stamp) {
                return Ok(Look::Unchanged);
            }
            if settled && seen.as_ref() != Some(&stamp) {
                return Ok(Look::Unsettled(stamp));
            }
            let definitions = files::read(&stamp)?;
            let after = files::stamp(&path)?;
            if settled && after != stamp {
                return Ok(Look::Unsettled(after));
            }
            let found = definitions.into_iter().map(|definition| {
                let is_served = served
                    .get(&definition.name)
                    .is_some_and(|served| **served == definition);
                let resource = (!is_served).then(|| described(&definition));
                Found { definition, resource }
            });
            Ok(Look::Changed(stamp, found.collect()))
        });
        look.await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Takes over what files hold now.
    fn take(&mut self, found: Vec<Found>) -> Changes {
        let mut changes = Changes::default();
        let names: HashSet<&str> = found.iter().map(|found| found.definition.name.as_str()).collect();
        let gone = self.served.keys().filter(|name| !names.contains(name.as_str()));
        let gone: Vec<String> = gone.cloned().collect();
        for Found { definition, resource } in found {
            let Some(resource) = resource else {
                continue;
            };
            let name = definition.name.clone();
            let before = self.served.get(&name);
            let changed = before.map(|served| immutable(&served.definition, &definition));
            let described = match changed {
                Some(errors) if !errors.is_empty() => Err(errors),
                _ => resource,
            };
            match described {
                Ok(resource) => {
                    let (definition, resource) = (Arc::new(definition), Arc::new(resource));
                    self.served.insert(name, Served { definition, resource });
                }
                Err(errors) => changes.invalid.push(InvalidDefinition { name, errors }),
            }
        }
        if self.files.allow_removal {
            gone.iter().for_each(|name| drop(self.served.remove(name)));
        } else {
            changes.kept = gone;
        }
        changes
    }

    /// Serves what files hold, whenever they change, until it is dropped.
    pub(in crate::server) async fn follow(self, installer: Arc<Installer>, task: BackgroundTask) {
        let definitions = Arc::new(Mutex::new(self));
        let start = || {
            let (definitions, installer) = (definitions.clone(), installer.clone());
            async move {
                let mut definitions = definitions.lock().await;
                loop {
                    tokio::time::sleep(LOOK).await;
                    definitions.follow_once(&installer).await;
                }
            }
        };
        supervise(task, start, || {}).await;
    }

    async fn follow_once(&mut self, installer: &Installer) {
        if self.again_at.is_some_and(|again| again <= Instant::now()) {
            self.again_at = None;
            self.stamp = None;
        }
        let (stamp, found) = match self.look(true).await {
            Ok(Look::Changed(stamp, found)) => (stamp, found),
            Ok(Look::Unsettled(stamp)) => {
                self.seen = Some(stamp);
                return;
            }
            Ok(Look::Unchanged) => {
                self.is_unreadable = false;
                return;
            }
            Err(error) => {
                // Files that are being written are read again; what stays wrong is told once.
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "definitions cannot be read; what was served is served still"
                    );
                }
                return;
            }
        };
        self.stamp = Some(stamp);
        self.is_unreadable = false;
        let before = self.served.clone();
        self.take(found).tell();
        let is_as_before = |(name, served): (&String, &Served)| {
            let now = self.served.get(name);
            now.is_some_and(|now| Arc::ptr_eq(&now.resource, &served.resource))
        };
        if before.len() == self.served.len() && before.iter().all(is_as_before) {
            return;
        }
        while let Err(failed) = installer.install(&self.resources(), true).await {
            self.again_at = Some(Instant::now() + AGAIN);
            failed.iter().for_each(|failed| self.take_back(failed, &before));
        }
        tracing::info!(definitions = self.served.len(), "definitions have changed");
    }

    /// Has what was served before instead of what cannot be.
    fn take_back(&mut self, failed: &NotInstalled, before: &BTreeMap<String, Served>) {
        let name = failed.resource.group_resource().to_string();
        let error: &dyn std::error::Error = &failed.error;
        tracing::error!(
            definition = name,
            error,
            "a changed definition cannot be served; what was served is served still, and it is tried again"
        );
        match before.get(&name) {
            Some(before) if !Arc::ptr_eq(&before.resource, &failed.resource) => {
                self.served.insert(name, before.clone());
            }
            _ => drop(self.served.remove(&name)),
        }
    }
}

impl Changes {
    fn tell(&self) {
        for invalid in &self.invalid {
            tracing::error!(
                definition = invalid.name,
                errors = listed(&invalid.errors),
                "a definition cannot be served; what was served by its name is served still"
            );
        }
        for name in &self.kept {
            tracing::warn!(
                definition = name,
                "no file defines it any more; it is served still, since removal is not allowed"
            );
        }
    }
}

#[cfg(test)]
mod tests;
