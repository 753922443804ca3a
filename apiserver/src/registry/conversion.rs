//! Stored objects in the version of a request, where conversion has to wait: the objects of a page and the events of a batch in one
//! call, before anybody encodes them. Go: `ConvertToVersion` of a list in `apiextensions-apiserver/pkg/apiserver/conversion`, and the
//! decoder that converts each watch event.
//!
//! What was converted is kept with the entry that it was made of, and what is being converted is waited for by all who need it. Where
//! conversion is a function all this is nothing: an entry is converted when it is encoded (`codec`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::{Registry, codec};
use crate::object::{EncodingKey, Object};
use crate::offload::{self, Turns};
use crate::resource::{CONVERSION_PAGE, CONVERSION_TIMEOUT, ConversionError, Resource};
use crate::status::ApiError;
use crate::storage::{Change, Entry, Event, Key, Revision};

/// Bytes of objects that are converted in one call.
const BYTES: usize = 1024 * 1024;
/// Bytes of a resource's stored objects that are being converted at a time, all calls together: decoded they take many times that.
const BYTES_AT_ONCE: u32 = 4 * 1024 * 1024;

/// The versions of a resource whose conversion waits.
pub(super) struct Versions {
    by_name: HashMap<String, Version>,
    /// Room for what is being converted, in bytes.
    room: Semaphore,
}

struct Version {
    /// How the value of an object in this version begins.
    head: Bytes,
    /// What is being converted to this version, and how its requester tells what came of it.
    flights: Mutex<HashMap<Id, watch::Receiver<Option<Outcome>>>>,
}

/// Which state of an object.
type Id = (Key, Revision);
/// The entries of a page as they came out, by those that went in.
type Converted = HashMap<Id, Entry>;
type Outcome = Result<Arc<Converted>, ConversionError>;

fn id(entry: &Entry) -> Id {
    (entry.key().clone(), entry.revision())
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
                let flights = Mutex::default();
                (version.name.clone(), Version { head, flights })
            });
        Self {
            by_name: versions.collect(),
            room: Semaphore::new(BYTES_AT_ONCE as usize),
        }
    }

    /// How the value of an object begins that was converted to `version`.
    pub(super) fn head(&self, version: &str) -> Option<&Bytes> {
        self.by_name.get(version).map(|version| &version.head)
    }
}

/// What one request converts. Others find it until it is dropped.
struct Flight<'a> {
    version: &'a Version,
    mine: Vec<Entry>,
    sender: watch::Sender<Option<Outcome>>,
}

impl Version {
    /// Takes on those of `entries` that nobody converts yet; what others convert already is waited for.
    fn take_on(&self, entries: &[Entry]) -> (Flight<'_>, Vec<watch::Receiver<Option<Outcome>>>) {
        let (sender, receiver) = watch::channel(None);
        let (mut mine, mut others) = (Vec::new(), Vec::<watch::Receiver<_>>::new());
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            match flights.get(&id(entry)) {
                Some(other) if other.same_channel(&receiver) => {}
                Some(other) if others.iter().any(|known| known.same_channel(other)) => {}
                Some(other) => others.push(other.clone()),
                None => {
                    flights.insert(id(entry), receiver.clone());
                    mine.push(entry.clone());
                }
            }
        }
        drop(flights);
        let flight = Flight {
            version: self,
            mine,
            sender,
        };
        (flight, others)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let flights = &self.version.flights;
        let mut flights = flights.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in &self.mine {
            flights.remove(&id(entry));
        }
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
        let Some(to) = self.versions.by_name.get(version) else {
            return Ok(entries);
        };
        let mut missing: HashMap<Id, Entry> = HashMap::new();
        for entry in &mut entries {
            if entry.value().starts_with(&to.head) || entry.damage().is_some() {
                continue;
            }
            match self.kept_in(entry, version) {
                Some(kept) => *entry = kept,
                None => drop(missing.insert(id(entry), entry.clone())),
            }
        }
        if missing.is_empty() {
            return Ok(entries);
        }
        // In the order of the list, so that two who list the same ask for the same pages.
        let asked: Vec<Entry> = entries
            .iter()
            .filter_map(|entry| missing.remove(&id(entry)))
            .collect();
        let mut converted = Converted::new();
        let mut rest = asked.as_slice();
        while !rest.is_empty() {
            let (page, behind) = rest.split_at(first_page(rest));
            let page = self.converted_page(page, version, to).boxed().await;
            converted.extend(page.map_err(|error| ApiError::Internal(error.to_string()))?);
            rest = behind;
        }
        for entry in &mut entries {
            if let Some(found) = converted.get(&id(entry)) {
                *entry = found.clone();
            }
        }
        Ok(entries)
    }

    /// The events of a batch in `version`, where conversion has to wait; else as they are. `with_previous`: what was there before a
    /// write too.
    ///
    /// # Errors
    /// As [`entries_in`](Self::entries_in).
    pub(super) async fn events_in(
        &self,
        mut events: Vec<Event>,
        version: &str,
        with_previous: bool,
    ) -> Result<Vec<Event>, ApiError> {
        if self.versions.head(version).is_none() {
            return Ok(events);
        }
        let key = self
            .conversion_key(version)
            .wrapping_add(u64::from(with_previous));
        // Watchers share what was made of a change, frames included.
        for event in &mut events {
            if let Event::Changed(change) = event
                && let Some(kept) = change.encodings().decoded::<Change>(key)
            {
                *change = (*kept).clone();
            }
        }
        // Of a deletion the value is that of the object before it.
        let needed = |change: &Change| -> [Option<Entry>; 2] {
            let previous = change
                .previous()
                .filter(|_| with_previous || change.is_deletion());
            let written = (!change.is_deletion()).then(|| change.entry());
            [previous.cloned(), written.cloned()]
        };
        let changes = events.iter().filter_map(|event| match event {
            Event::Changed(change) => Some(change),
            Event::Progress(_) => None,
        });
        let entries: Vec<Entry> = changes.flat_map(needed).flatten().collect();
        let mut converted = self.entries_in(entries, version).await?.into_iter();
        for event in &mut events {
            let Event::Changed(change) = event else {
                continue;
            };
            let before = needed(change);
            let [previous, written] = before
                .each_ref()
                .map(|entry| entry.as_ref().and_then(|_| converted.next()));
            let is_same = |found: &Option<Entry>, before: &Option<Entry>| match (found, before) {
                (Some(found), Some(before)) => found.is_same(before),
                _ => true,
            };
            if is_same(&previous, &before[0]) && is_same(&written, &before[1]) {
                continue;
            }
            let previous = previous.or_else(|| change.previous().cloned());
            let made = match (written, previous) {
                (Some(written), previous) => Change::written(written, previous),
                (None, Some(previous)) => Change::deleted(previous, change.revision()),
                (None, None) => continue,
            };
            let kept = change.encodings().keep_first(key, Arc::new(made));
            *change = (*kept).clone();
        }
        Ok(events)
    }

    /// What `entry` was converted to before.
    fn kept_in(&self, entry: &Entry, version: &str) -> Option<Entry> {
        let kept = entry
            .facts()
            .encodings
            .decoded::<Entry>(self.conversion_key(version))?;
        Some((*kept).clone())
    }

    /// Converts a page of entries, of which each is there once: those that nobody converts yet, in one call.
    async fn converted_page(
        &self,
        page: &[Entry],
        version: &str,
        to: &Version,
    ) -> Result<Converted, ConversionError> {
        let mut converted = Converted::new();
        let mut rest = page.to_vec();
        while !rest.is_empty() {
            let (flight, others) = to.take_on(&rest);
            // First, so that no two wait for each other.
            if !flight.mine.is_empty() {
                let done = self.convert(&flight.mine, version).await.map(Arc::new);
                flight.sender.send_replace(Some(done.clone()));
                converted.extend(done?.iter().map(|(id, entry)| (id.clone(), entry.clone())));
            }
            drop(flight);
            for mut other in others {
                let told = timeout(CONVERSION_TIMEOUT, other.wait_for(Option::is_some)).await;
                let told = told.map_err(|_| self.too_late())?;
                // Whose request has gone has told nothing: what it had taken on is asked for anew.
                let outcome = told.ok().and_then(|outcome| outcome.clone());
                if let Some(outcome) = outcome {
                    converted.extend(outcome?.iter().map(|(id, entry)| (id.clone(), entry.clone())));
                }
            }
            rest.retain(|entry| !converted.contains_key(&id(entry)));
        }
        Ok(converted)
    }

    /// Converts entries in one call, and keeps what comes out with them. What cannot be decoded stays as it is.
    async fn convert(&self, entries: &[Entry], version: &str) -> Result<Converted, ConversionError> {
        let bytes: usize = entries.iter().map(|entry| entry.value().len()).sum();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(BYTES_AT_ONCE);
        let room = timeout(CONVERSION_TIMEOUT, self.versions.room.acquire_many(bytes)).await;
        let _room = room.map_err(|_| self.too_late())?;
        let mut turns = Turns::default();
        let (mut sources, mut objects) = (Vec::new(), Vec::new());
        let mut converted = Converted::new();
        for entry in entries {
            turns.take(entry.value().len()).await;
            offload::expect_work(entry.value()).await;
            match self.stored(entry) {
                Ok(object) => {
                    sources.push(entry);
                    objects.push(object);
                }
                // It is told by who encodes it.
                Err(_) => drop(converted.insert(id(entry), entry.clone())),
            }
        }
        let all = self.rules.resource.all_converted(objects, version).await?;
        for (source, mut object) in sources.into_iter().zip(all) {
            object.metadata_mut().remove("resourceVersion");
            let value = self
                .value(&object)
                .map_err(|error| ConversionError(error.to_string()))?;
            turns.take(value.len()).await;
            // Complete: it was made of a complete object.
            let entry = Entry::canonical(source.key().clone(), value, source.revision(), Some(self.schema));
            let cache = &source.facts().encodings;
            cache.keep_decoded(self.conversion_key(version), Arc::new(entry.clone()));
            converted.insert(id(source), entry);
        }
        Ok(converted)
    }

    /// What lies in the store is of the storage version, but for what is older than that.
    fn too_late(&self) -> ConversionError {
        let resource = &self.rules.resource;
        resource.conversion_too_late(&resource.api_version(&resource.storage_version))
    }

    /// What tells what was converted so from what was converted otherwise.
    fn conversion_key(&self, version: &str) -> EncodingKey {
        let resource = &self.rules.resource;
        let mut hasher = DefaultHasher::new();
        ("conversion", version, self.schema).hash(&mut hasher);
        resource
            .version(version)
            .map(|version| version.schema.fingerprint)
            .hash(&mut hasher);
        resource.conversion_fingerprint().hash(&mut hasher);
        hasher.finish()
    }
}

/// How many of the entries are converted in one call.
fn first_page(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fitting = entries.iter().take(CONVERSION_PAGE).take_while(|entry| {
        bytes += entry.value().len();
        bytes <= BYTES
    });
    fitting.count().max(1)
}
