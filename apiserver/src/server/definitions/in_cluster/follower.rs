//! Serves what the cluster has of definitions, as far as it is right, and what was right before where it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::informer::Known;
use super::seen::Seen;
use super::standing::{Serving, Standing, Standings, group_resource};
use super::{InCluster, kept, report, size};
use crate::definition::Definition;
use crate::resource::Resource;
use crate::server::definitions::{described, immutable, listed};
use crate::server::installer::{Installer, blocking};
use crate::server::program::chain;
use crate::server::stored_versions;
use crate::status::FieldError;
use crate::storage::{Storage, StorageError};

/// When definitions are tried again that could not be served, such as while objects are stored in a version that they drop.
const AGAIN: Duration = Duration::from_secs(30);
/// When they are where the storage did not answer.
const SOON: Duration = Duration::from_secs(2);
/// Bytes of what is told of a definition that is wrong.
const MOST_OF_ERROR: usize = 4096;

/// What follows the cluster.
pub(super) struct Follower {
    definitions: Arc<InCluster>,
    installer: Arc<Installer>,
    known: watch::Receiver<Known>,
    serving: BTreeMap<String, Serving>,
    /// The generations that could not be served.
    refused: BTreeMap<String, Refused>,
    /// Those whose state is to be kept yet.
    unkept: BTreeSet<String>,
    stored_versions: BTreeMap<String, BTreeSet<String>>,
    /// Whether anything was installed: an empty set is one too.
    has_installed: bool,
}

/// A generation that could not be served.
struct Refused {
    uid: String,
    generation: i64,
    why: String,
    /// Whether some generation of this very definition was served once.
    has_served: bool,
    again_at: Option<Instant>,
}

/// By name.
type Choices = BTreeMap<String, (Arc<Seen>, Choice)>;

/// What is to be served of a definition.
struct Choice {
    serving: Option<Serving>,
    error: Option<String>,
    has_served: bool,
}

impl Choice {
    /// The newest generation.
    fn of(serving: Option<Serving>) -> Self {
        Self {
            serving,
            error: None,
            has_served: true,
        }
    }
}

/// Why a generation is not described.
enum NotDescribed {
    /// It is wrong.
    Wrong(String),
    /// What it is to be compared with cannot be read now.
    Storage(StorageError),
}

impl From<StorageError> for NotDescribed {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<Vec<FieldError>> for NotDescribed {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Wrong(listed(&errors))
    }
}

/// What was served last of a definition.
#[derive(Default)]
struct LastGood {
    /// Whether anything was.
    has_served: bool,
    /// `None`: it cannot be now.
    serving: Option<Serving>,
}

impl Follower {
    pub(super) fn new(definitions: Arc<InCluster>, installer: Arc<Installer>) -> Self {
        Self {
            known: definitions.known.subscribe(),
            definitions,
            installer,
            serving: BTreeMap::new(),
            refused: BTreeMap::new(),
            unkept: BTreeSet::new(),
            stored_versions: BTreeMap::new(),
            has_installed: false,
        }
    }

    /// Serves what the cluster has, whenever that changes, for ever.
    pub(super) async fn follow(&mut self) {
        loop {
            let known = self.known.borrow_and_update().clone();
            let mut again_at = None;
            if known.is_listed {
                let Some(storage) = self.installer.storage().await else {
                    return;
                };
                again_at = self.take(&known, &*storage).await;
            }
            let again = async {
                match again_at {
                    Some(again_at) => sleep_until(again_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.known.changed() => if changed.is_err() { return },
                () = again => {}
            }
        }
    }

    /// Serves what the cluster has. Returns when it is to be done again though nothing changes.
    async fn take(&mut self, known: &Known, storage: &dyn Storage) -> Option<Instant> {
        let mut choices = match self.choices(known, storage).await {
            Ok(choices) => choices,
            Err(error) => {
                tracing::warn!(%error, "definitions cannot be compared with what is stored; what was served is served still");
                return Some(Instant::now() + SOON);
            }
        };
        if (self.is_changed(&choices) || !self.has_installed)
            && let Err(error) = self.install(&mut choices, storage).await
        {
            tracing::warn!(%error, "what was served of definitions cannot be read");
            return Some(Instant::now() + SOON);
        }
        self.refused
            .retain(|name, _| known.definitions.contains_key(name));
        let serving: BTreeMap<String, Serving> = choices
            .iter()
            .filter_map(|(name, (_, choice))| Some((name.clone(), choice.serving.clone()?)))
            .collect();
        let before = std::mem::replace(&mut self.serving, serving);
        self.note_changes(&before, storage).await;
        // Told first: who waits for it does not wait for what is only read at a restart.
        self.publish(choices);
        let is_kept = self.keep(known, &before, storage).await;
        let again = self.refused.values().filter_map(|refused| refused.again_at);
        let soon = (!is_kept).then(|| Instant::now() + SOON);
        again.chain(soon).min()
    }

    async fn choices(&mut self, known: &Known, storage: &dyn Storage) -> Result<Choices, StorageError> {
        let mut choices = Choices::new();
        for (name, seen) in &known.definitions {
            let choice = self.choose(seen, storage).await?;
            choices.insert(name.clone(), (seen.clone(), choice));
        }
        Ok(choices)
    }

    /// What is to be served of a definition.
    ///
    /// # Errors
    /// The storage does not say what was served of it.
    async fn choose(&mut self, seen: &Seen, storage: &dyn Storage) -> Result<Choice, StorageError> {
        let current = self.serving.get(&seen.name);
        let current = current.filter(|current| current.uid == seen.uid).cloned();
        let is_newest = current
            .as_ref()
            .is_some_and(|it| it.generation == seen.generation);
        if is_newest && (seen.names_refused.is_none() || seen.is_established) {
            return Ok(Choice::of(current));
        }
        let why = if let Some(why) = &seen.names_refused {
            format!("its names are not accepted: {why}")
        } else {
            if let Some(choice) = self.refused_before(seen, current.as_ref()) {
                return Ok(choice);
            }
            if seen.is_deleting && current.is_none() && !last_good(seen, storage).await?.has_served {
                // It begins no more. What is stored by its name is not its own.
                return Ok(Choice {
                    serving: None,
                    error: Some("it is being deleted, and was not served before".to_owned()),
                    has_served: false,
                });
            }
            match described_anew(seen, current.as_ref(), storage).await {
                Ok(serving) => {
                    self.refused.remove(&seen.name);
                    return Ok(Choice::of(Some(serving)));
                }
                Err(NotDescribed::Storage(error)) => return Err(error),
                Err(NotDescribed::Wrong(why)) => why,
            }
        };
        let LastGood { has_served, serving } = match current {
            None => last_good(seen, storage).await?,
            serving => LastGood {
                has_served: true,
                serving,
            },
        };
        if seen.names_refused.is_none() {
            self.refuse(seen, &why, has_served, None);
        }
        // What nobody was promised is not served by names that are others'.
        let may_serve = seen.names_refused.is_none() || seen.is_established;
        Ok(Choice {
            serving: serving.filter(|_| may_serve),
            error: Some(cut(&why)),
            has_served,
        })
    }

    /// What was chosen where this generation was refused before, and is not to be tried again yet.
    fn refused_before(&self, seen: &Seen, current: Option<&Serving>) -> Option<Choice> {
        let refused = self.refused.get(&seen.name)?;
        let is_same = refused.uid == seen.uid && refused.generation == seen.generation;
        let is_due = refused
            .again_at
            .is_some_and(|again_at| again_at <= Instant::now());
        (is_same && !is_due).then(|| Choice {
            serving: current.cloned(),
            error: Some(refused.why.clone()),
            has_served: refused.has_served,
        })
    }

    /// Remembers that a generation cannot be served, and tells it once.
    fn refuse(&mut self, seen: &Seen, why: &str, has_served: bool, again: Option<Duration>) {
        let refused = Refused {
            uid: seen.uid.clone(),
            generation: seen.generation,
            why: cut(why),
            has_served,
            again_at: again.map(|again| Instant::now() + again),
        };
        let before = self.refused.insert(seen.name.clone(), refused);
        let is_told = before.is_some_and(|before| before.uid == seen.uid && before.why == cut(why));
        if !is_told {
            tracing::error!(
                definition = seen.name,
                generation = seen.generation,
                why,
                "a definition cannot be served; what was served of it is served still"
            );
        }
    }

    fn is_changed(&self, choices: &Choices) -> bool {
        let chosen = choices.iter().filter_map(|(name, (_, choice))| {
            let serving = choice.serving.as_ref()?;
            Some((name, Arc::as_ptr(&serving.resource)))
        });
        let serving = self.serving.iter();
        !chosen.eq(serving.map(|(name, serving)| (name, Arc::as_ptr(&serving.resource))))
    }

    /// Installs what was chosen. What cannot be is refused, and what was served of it is served still.
    ///
    /// # Errors
    /// The storage does not say what was served of it.
    async fn install(&mut self, choices: &mut Choices, storage: &dyn Storage) -> Result<(), StorageError> {
        loop {
            let resources: Vec<Arc<Resource>> = choices
                .values()
                .filter_map(|(_, choice)| Some(choice.serving.as_ref()?.resource.clone()))
                .collect();
            let Err(failed) = self.installer.install(&resources, true).await else {
                self.has_installed = true;
                tracing::info!(definitions = resources.len(), "definitions have changed");
                return Ok(());
            };
            for failed in failed {
                let name = failed.resource.group_resource().to_string();
                let Some((seen, choice)) = choices.get_mut(&name) else {
                    continue;
                };
                let before = self.serving.get(&name).filter(|before| {
                    before.uid == seen.uid && !Arc::ptr_eq(&before.resource, &failed.resource)
                });
                let is_newest = choice.error.is_none();
                let last = match before {
                    Some(before) => LastGood {
                        has_served: true,
                        serving: Some(before.clone()),
                    },
                    None if is_newest => last_good(seen, storage).await?,
                    None => LastGood {
                        has_served: choice.has_served,
                        serving: None,
                    },
                };
                let why = chain(&failed.error);
                if is_newest {
                    choice.error = Some(cut(&why));
                }
                choice.serving = last.serving;
                choice.has_served = last.has_served;
                let (seen, has_served) = (seen.clone(), last.has_served);
                self.refuse(&seen, &why, has_served, Some(AGAIN));
            }
        }
    }

    /// Looks in which versions objects are stored of what is served anew.
    async fn note_changes(&mut self, before: &BTreeMap<String, Serving>, storage: &dyn Storage) {
        let mut noted = BTreeMap::new();
        for (name, serving) in &self.serving {
            let is_before = before
                .get(name)
                .is_some_and(|before| Arc::ptr_eq(&before.resource, &serving.resource));
            // What was written again since is told there.
            let told = self.told(name).filter(|_| is_before);
            // Looked at anew at the next change, where the storage does not answer.
            let stored = match told {
                Some(told) => Ok(told),
                None => stored_versions::noted(storage, &serving.resource).await,
            };
            noted.insert(name.clone(), stored.unwrap_or_default());
        }
        self.stored_versions = noted;
    }

    /// The versions that were told to hold objects of a definition.
    fn told(&self, name: &str) -> Option<BTreeSet<String>> {
        let standings = self.definitions.standings.borrow();
        let stored = &standings.as_ref()?.get(name)?.stored_versions;
        (!stored.is_empty()).then(|| stored.clone())
    }

    /// Keeps what is served anew, and forgets what is gone. Whether all is kept.
    async fn keep(
        &mut self,
        known: &Known,
        before: &BTreeMap<String, Serving>,
        storage: &dyn Storage,
    ) -> bool {
        let new = self.serving.iter().filter(|(name, serving)| {
            let before = before.get(*name);
            before.is_none_or(|before| !Arc::ptr_eq(&before.resource, &serving.resource))
        });
        self.unkept.extend(new.map(|(name, _)| name.clone()));
        let mut unkept = BTreeSet::new();
        for name in std::mem::take(&mut self.unkept) {
            let (Some(seen), Some(serving)) = (known.definitions.get(&name), self.serving.get(&name)) else {
                continue;
            };
            // What is served is an older one: it is kept already.
            if (serving.uid.as_str(), serving.generation) != (seen.uid.as_str(), seen.generation) {
                continue;
            }
            if let Err(error) = kept::write(storage, seen).await {
                tracing::warn!(definition = name, %error, "the state of a definition cannot be kept");
                unkept.insert(name);
            }
        }
        self.unkept = unkept;
        for name in before
            .keys()
            .filter(|name| !known.definitions.contains_key(*name))
        {
            if let Err(error) = kept::forget(storage, name, &group_resource(name)).await {
                tracing::warn!(definition = name, %error, "a definition that is gone cannot be forgotten");
            }
        }
        self.unkept.is_empty()
    }

    /// Refuses creates of what is being deleted, and tells all that is to be told.
    fn publish(&self, choices: Choices) {
        let mut standings = Standings::new();
        for (name, (seen, choice)) in choices {
            let creates = self.installer.creates(&group_resource(&name));
            creates.refuse(seen.is_deleting);
            let stored_versions = self.stored_versions.get(&name).cloned().unwrap_or_default();
            let standing = Standing {
                seen,
                serving: choice.serving,
                error: choice.error,
                has_served: choice.has_served,
                creates,
                stored_versions,
            };
            standings.insert(name, standing);
        }
        self.definitions.standings.send_replace(Some(Arc::new(standings)));
    }
}

/// A definition as its newest generation says it.
async fn described_anew(
    seen: &Seen,
    current: Option<&Serving>,
    storage: &dyn Storage,
) -> Result<Serving, NotDescribed> {
    let before_now = current.map(|current| (current.definition.clone(), current.resource.clone()));
    let (definition, resource) = compiled(seen.document.clone(), before_now).await?;
    let before = match current {
        Some(current) => Some((current.uid.clone(), current.definition.clone())),
        None => {
            let kept = kept::read(storage, &seen.name).await?;
            kept.map(|kept| (kept.uid, kept.definition))
        }
    };
    if let Some((uid, before)) = before {
        let errors = immutable(&before, &definition);
        // Of another definition of this name only its objects count.
        if !errors.is_empty()
            && (uid == seen.uid || kept::has_objects(storage, &group_resource(&seen.name)).await?)
        {
            return Err(errors.into());
        }
    }
    Ok(Serving {
        uid: seen.uid.clone(),
        generation: seen.generation,
        definition,
        resource,
    })
}

/// What was served last of this very definition.
async fn last_good(seen: &Seen, storage: &dyn Storage) -> Result<LastGood, StorageError> {
    let kept = kept::read(storage, &seen.name).await?;
    let Some(kept) = kept.filter(|kept| kept.uid == seen.uid) else {
        return Ok(LastGood::default());
    };
    let definition = kept.definition.clone();
    let resource = blocking(move || described(&definition)).await;
    Ok(LastGood {
        has_served: true,
        serving: resource.ok().map(|resource| Serving {
            uid: kept.uid,
            generation: kept.generation,
            definition: kept.definition,
            resource: Arc::new(resource),
        }),
    })
}

/// A definition and its resource.
type Compiled = (Arc<Definition>, Arc<Resource>);

/// The definition that a document says, and its resource: the one `before`, where it says the same. A deletion makes a new generation too.
async fn compiled(document: Bytes, before: Option<Compiled>) -> Result<Compiled, NotDescribed> {
    // Schemas and patterns are compiled.
    blocking(move || {
        size::check(&document).map_err(NotDescribed::Wrong)?;
        let document =
            serde_json::from_slice(&document).map_err(|error| NotDescribed::Wrong(error.to_string()))?;
        let definition =
            Definition::decode(document).map_err(|error| NotDescribed::Wrong(error.to_string()))?;
        if let Some(before) = before.filter(|(before, _)| **before == definition) {
            return Ok(before);
        }
        let resource = described(&definition)?;
        Ok((Arc::new(definition), Arc::new(resource)))
    })
    .await
}

fn cut(text: &str) -> String {
    report::cut(text, MOST_OF_ERROR).to_owned()
}
