//! Resources that are described in files: served from the start on, and as the files change. Go: the informer and `crdHandler` of
//! apiextensions, whose definitions are objects.
//!
//! A definition that becomes wrong, or that is gone, is told of in the log, and what was served by it is served still: a file that somebody
//! removed by mistake takes no objects away.

mod files;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::installer::Installer;
use super::start::StartError;
use crate::background::{BackgroundTask, supervise};
use crate::definition::Definition;
use crate::resource::Resource;
use crate::status::FieldError;
use files::Stamp;

pub use files::FilesError;

/// How often it is looked whether files have changed.
const LOOK: Duration = Duration::from_millis(500);

/// Definitions that are in files.
#[derive(Clone, Debug)]
pub struct DefinitionFiles {
    /// A file, or a directory whose `.yaml`, `.yml` and `.json` files are read.
    pub path: PathBuf,
    /// Whether what no file defines any more is served no more. Its objects stay stored in either case.
    pub allow_removal: bool,
}

/// A definition that cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} cannot be served: {}", listed(.errors))]
pub struct InvalidDefinition {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

fn listed(errors: &[FieldError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The definitions that are served.
pub(super) struct Definitions {
    files: DefinitionFiles,
    stamp: Option<Stamp>,
    /// Whether it was told that they cannot be read.
    is_unreadable: bool,
    served: BTreeMap<String, Served>,
}

struct Served {
    definition: Definition,
    resource: Arc<Resource>,
}

/// What became of definitions whose files have changed.
#[derive(Default)]
struct Changes {
    invalid: Vec<InvalidDefinition>,
    /// Those that no file has any more, and that are served still.
    kept: Vec<String>,
}

impl Definitions {
    /// Those of `files`.
    ///
    /// # Errors
    /// The files cannot be read, or one of the definitions cannot be served.
    pub(super) async fn load(files: DefinitionFiles) -> Result<Self, StartError> {
        let mut definitions = Self {
            files,
            stamp: None,
            is_unreadable: false,
            served: BTreeMap::new(),
        };
        let Some((stamp, read)) = definitions.changed().await? else {
            return Ok(definitions);
        };
        let changes = definitions.take(read);
        if !changes.invalid.is_empty() {
            return Err(StartError::InvalidDefinitions(changes.invalid));
        }
        definitions.stamp = Some(stamp);
        Ok(definitions)
    }

    /// The resources that are to be served.
    pub(super) fn resources(&self) -> Vec<Arc<Resource>> {
        self.served
            .values()
            .map(|served| served.resource.clone())
            .collect()
    }

    /// What the files hold, if they have changed.
    async fn changed(&self) -> Result<Option<(Stamp, Vec<Definition>)>, FilesError> {
        let (path, before) = (self.files.path.clone(), self.stamp.clone());
        // It reads the disk.
        let read = tokio::task::spawn_blocking(move || {
            let stamp = files::stamp(&path)?;
            if before.as_ref() == Some(&stamp) {
                return Ok(None);
            }
            let definitions = files::read(&stamp)?;
            Ok(Some((stamp, definitions)))
        });
        read.await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Takes over what files hold now.
    fn take(&mut self, definitions: Vec<Definition>) -> Changes {
        let mut changes = Changes::default();
        let gone: Vec<String> = self
            .served
            .keys()
            .filter(|name| !definitions.iter().any(|definition| definition.name == **name))
            .cloned()
            .collect();
        for definition in definitions {
            let name = definition.name.clone();
            if self
                .served
                .get(&name)
                .is_some_and(|served| served.definition == definition)
            {
                continue;
            }
            match definition.resource() {
                Ok(resource) => {
                    let resource = Arc::new(resource);
                    self.served.insert(name, Served { definition, resource });
                }
                Err(errors) => changes.invalid.push(InvalidDefinition { name, errors }),
            }
        }
        if self.files.allow_removal {
            self.served.retain(|name, _| !gone.contains(name));
        } else {
            changes.kept = gone;
        }
        changes
    }

    /// Serves what files hold, whenever they change, until it is dropped.
    pub(super) async fn follow(self, installer: Arc<Installer>, task: BackgroundTask) {
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
        let (stamp, definitions) = match self.changed().await {
            Ok(Some(changed)) => changed,
            Ok(None) => {
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
        self.take(definitions).tell();
        match installer.install(&self.resources()).await {
            Ok(()) => tracing::info!(definitions = self.served.len(), "definitions have changed"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(
                    error,
                    "changed definitions cannot be served; what was served is served still"
                );
            }
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
