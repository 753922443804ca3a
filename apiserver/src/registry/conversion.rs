//! Stored objects in the version of a request, where conversion has to wait: the objects of a page and the events of a batch in one
//! call, before anybody encodes them. Go: `ConvertToVersion` of a list in `apiextensions-apiserver/pkg/apiserver/conversion`, and the
//! decoder that converts each watch event.
//!
//! What was converted is kept with the entry that it was made of. Where conversion is a function all this is nothing: an entry is
//! converted when it is encoded (`codec`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::time::timeout;

use super::{Registry, codec};
use crate::object::{EncodingKey, Object};
use crate::offload::{self, Turns};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::storage::{Change, Entry, Event, Key, Revision};

/// Objects, and bytes of them, that are converted in one call.
const OBJECTS: usize = 500;
const BYTES: usize = 1024 * 1024;
/// How long one call waits for another one of the same version, which may convert the same objects.
const PATIENCE: Duration = Duration::from_secs(1);

/// The versions of a resource whose conversion waits.
pub(super) struct Versions(HashMap<String, Version>);

struct Version {
    /// How the value of an object in this version begins.
    head: Bytes,
    /// Held by who converts: watchers of one version are told the same events at the same moment.
    turn: tokio::sync::Mutex<()>,
}

impl Versions {
    /// Those of `resource`; none, where conversion is a function.
    pub(super) fn of(resource: &Resource) -> Self {
        let versions = resource
            .versions
            .iter()
            .filter(|_| resource.conversion_waits())
            .map(|version| {
                let head = codec::head(resource, &version.name).into();
                let turn = tokio::sync::Mutex::default();
                (version.name.clone(), Version { head, turn })
            });
        Self(versions.collect())
    }

    /// How the value of an object begins that was converted to `version`.
    pub(super) fn head(&self, version: &str) -> Option<&Bytes> {
        self.0.get(version).map(|version| &version.head)
    }
}

impl Registry {
    /// `entry` in `version`, where conversion has to wait; else as it is.
    ///
    /// # Errors
    /// 500: it cannot be had in this version.
    pub(crate) async fn entry_in(&self, entry: &Entry, version: &str) -> Result<Entry, ApiError> {
        if self.versions.head(version).is_none() {
            return Ok(entry.clone());
        }
        let mut entries = self.entries_in(vec![entry.clone()], version).await?;
        Ok(entries.pop().unwrap_or_else(|| entry.clone()))
    }

    /// `entry` in `version`, decoded, with its resourceVersion.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub(super) async fn decoded_in(&self, entry: &Entry, version: &str) -> Result<Object, ApiError> {
        if !self.rules.resource.conversion_waits() {
            return self.decode(entry, version);
        }
        self.decode(&self.entry_in(entry, version).await?, version)
    }

    /// `entries` in `version`, where conversion has to wait; else as they are. What cannot be read stays as it is: whoever encodes
    /// it says so.
    ///
    /// # Errors
    /// 500: one of them cannot be had in this version.
    pub(super) async fn entries_in(
        &self,
        mut entries: Vec<Entry>,
        version: &str,
    ) -> Result<Vec<Entry>, ApiError> {
        let Some(to) = self.versions.0.get(version) else {
            return Ok(entries);
        };
        let mut missing = Vec::new();
        for (place, entry) in entries.iter_mut().enumerate() {
            if entry.damage().is_some() || entry.value().starts_with(&to.head) {
                continue;
            }
            match self.kept_in(entry, version) {
                Some(kept) => *entry = kept,
                None => missing.push(place),
            }
        }
        let mut rest = missing.as_slice();
        while !rest.is_empty() {
            let (page, behind) = rest.split_at(first_page(&entries, rest));
            self.convert_page(&mut entries, page, version, to).boxed().await?;
            rest = behind;
        }
        Ok(entries)
    }

    /// The events of a batch in `version`, where conversion has to wait; else as they are.
    ///
    /// # Errors
    /// As [`entries_in`](Self::entries_in).
    pub(super) async fn events_in(
        &self,
        mut events: Vec<Event>,
        version: &str,
    ) -> Result<Vec<Event>, ApiError> {
        if self.versions.head(version).is_none() {
            return Ok(events);
        }
        // Of a deletion the value is that of the object before it.
        let entries = events.iter().flat_map(|event| match event {
            Event::Changed(change) => {
                let written = (!change.is_deletion()).then(|| change.entry());
                [change.previous(), written]
            }
            Event::Progress(_) => [None, None],
        });
        let entries = entries.flatten().cloned().collect();
        let mut converted = self.entries_in(entries, version).await?.into_iter();
        for event in &mut events {
            let Event::Changed(change) = event else {
                continue;
            };
            let previous = change.previous().and_then(|_| converted.next());
            *change = match previous {
                Some(previous) if change.is_deletion() => Change::deleted(previous, change.revision()),
                previous => match converted.next() {
                    Some(written) => Change::written(written, previous),
                    None => continue,
                },
            };
        }
        Ok(events)
    }

    /// What `entry` was converted to before.
    fn kept_in(&self, entry: &Entry, version: &str) -> Option<Entry> {
        let value = entry.facts().encodings.get(self.conversion_key(version))?;
        Some(self.converted_entry(entry, value))
    }

    /// What was converted is complete: it was made of a complete object.
    fn converted_entry(&self, entry: &Entry, value: Bytes) -> Entry {
        Entry::canonical(entry.key().clone(), value, entry.revision(), Some(self.schema))
    }

    /// Converts the entries at `places` in one call, each once, however often it is there.
    async fn convert_page(
        &self,
        entries: &mut [Entry],
        places: &[usize],
        version: &str,
        to: &Version,
    ) -> Result<(), ApiError> {
        // Who has waited too long asks for itself: a call that hangs must not hold up all who come later, one after the other.
        let _turn = timeout(PATIENCE, to.turn.lock()).await;
        let mut sources: HashMap<(Key, Revision), Entry> = HashMap::new();
        let (mut asked, mut objects) = (Vec::new(), Vec::new());
        let mut turns = Turns::default();
        for entry in places.iter().map(|place| &entries[*place]) {
            let id = (entry.key().clone(), entry.revision());
            if sources.contains_key(&id) || self.kept_in(entry, version).is_some() {
                continue;
            }
            turns.take(entry.value().len()).await;
            offload::expect_work(entry.value()).await;
            // What cannot be decoded is told by who encodes it.
            if let Ok(object) = self.stored(entry) {
                sources.insert(id.clone(), entry.clone());
                asked.push(id);
                objects.push(object);
            }
        }
        let converted = self.rules.resource.all_converted(objects, version).await;
        let converted = converted.map_err(|error| ApiError::Internal(error.to_string()))?;
        for (id, mut object) in asked.into_iter().zip(converted) {
            object.metadata_mut().remove("resourceVersion");
            let value = self.value(&object)?;
            turns.take(value.len()).await;
            if let Some(source) = sources.get(&id) {
                let encodings = &source.facts().encodings;
                encodings.get_or_make(self.conversion_key(version), || Ok::<_, ApiError>(value))?;
            }
        }
        for place in places {
            let entry = &mut entries[*place];
            let source = sources.get(&(entry.key().clone(), entry.revision()));
            if let Some(kept) = self.kept_in(source.unwrap_or(entry), version) {
                *entry = kept;
            }
        }
        Ok(())
    }

    fn conversion_key(&self, version: &str) -> EncodingKey {
        let mut hasher = DefaultHasher::new();
        ("conversion", version, self.schema).hash(&mut hasher);
        hasher.finish()
    }
}

/// How many of the entries at `places` are converted in one call.
fn first_page(entries: &[Entry], places: &[usize]) -> usize {
    let mut bytes = 0;
    let fitting = places.iter().take(OBJECTS).take_while(|place| {
        bytes += entries[**place].value().len();
        bytes <= BYTES
    });
    fitting.count().max(1)
}
