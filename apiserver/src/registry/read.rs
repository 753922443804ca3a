//! Get and list.

use super::continue_token::Place;
use super::selection::Selection;
use super::{Listed, Registry, versions};
use crate::offload::Turns;
use crate::request::Verb;
use crate::request::options::{GetOptions, ListOptions};
use crate::status::ApiError;
use crate::storage::{Entry, Key, List, ReadAt, Revision, StorageError};

/// What a page of a filtered list grows to, in entries read at once.
const LARGEST_FETCH: usize = 10_000;

impl Registry {
    /// One object. `namespace` is empty for cluster-scoped resources.
    ///
    /// # Errors
    /// 404; 500 for a resourceVersion that is no number; 504 for one that is not reached; the store's.
    pub async fn get(&self, namespace: &str, name: &str, options: &GetOptions) -> Result<Entry, ApiError> {
        let key = self.key(namespace, name)?;
        let at = versions::of_get(&options.resource_version)?;
        self.read(&key, at, Verb::Get).await
    }

    /// The object at `key`.
    ///
    /// # Errors
    /// 404; the store's.
    pub(super) async fn read(&self, key: &Key, at: ReadAt, verb: Verb) -> Result<Entry, ApiError> {
        let read = self
            .storage
            .get(key, at)
            .await
            .map_err(|error| self.storage_error(error, key.name(), verb))?;
        read.entry.ok_or_else(|| self.not_found(key))
    }

    /// 404 of the object at `key`.
    pub(super) fn not_found(&self, key: &Key) -> ApiError {
        ApiError::NotFound {
            resource: self.rules.resource.group_resource(),
            name: key.name().to_owned(),
        }
    }

    /// The objects that match, of a namespace or (empty) of all, in the order of their keys. `version` is the request's: its
    /// fields are those that selectors may use.
    ///
    /// # Errors
    /// 400 for field selectors, resourceVersions and tokens that are none; 410 for a revision that is compacted away,
    /// with a token to go on where it is a further page; 504 for one that is not reached; the store's.
    pub async fn list(
        &self,
        version: &str,
        namespace: &str,
        options: &ListOptions,
    ) -> Result<Listed, ApiError> {
        let selection = Selection::new(self, version, namespace, options)?;
        if let Some(key) = &selection.key {
            return self.list_one(key, &selection, options).await;
        }
        let start = Start::of(options)?;
        Pages {
            registry: self,
            selection: &selection,
            limit: limit_of(options, &start),
            start,
        }
        .collect()
        .await
    }

    /// The list that can hold one object at most: a read of its key.
    async fn list_one(
        &self,
        key: &Key,
        selection: &Selection,
        options: &ListOptions,
    ) -> Result<Listed, ApiError> {
        let at = versions::of_list(options, false)?;
        let read = self
            .storage
            .get(key, at)
            .await
            .map_err(|error| self.list_error(error, None))?;
        let found = self.entries_in(read.entry.into_iter().collect(), &selection.version);
        Ok(Listed {
            entries: found
                .await?
                .into_iter()
                .filter(|entry| selection.matches(entry))
                .collect(),
            revision: revision_of(at, read.revision),
            continue_token: String::new(),
            remaining: None,
        })
    }

    fn list_error(&self, error: StorageError, place: Option<&Place>) -> ApiError {
        match (error, place) {
            (StorageError::Compacted { .. }, Some(place)) => inconsistent(place),
            (error, _) => self.storage_error(error, "", Verb::List),
        }
    }
}

/// Where a list begins.
struct Start {
    at: ReadAt,
    place: Option<Place>,
}

impl Start {
    fn of(options: &ListOptions) -> Result<Self, ApiError> {
        if options.continue_token.is_empty() {
            return Ok(Self {
                at: versions::of_list(options, true)?,
                place: None,
            });
        }
        let place = Place::decode(&options.continue_token)?;
        if !matches!(options.resource_version.as_str(), "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(ApiError::BadRequest(message.into()));
        }
        Ok(Self {
            at: place.revision.map_or(ReadAt::Latest, ReadAt::Exact),
            place: Some(place),
        })
    }
}

/// A list at any revision comes from memory and is whole, as k8s.io/apiserver's watch cache answers it.
fn limit_of(options: &ListOptions, start: &Start) -> Option<usize> {
    let limit = options.limit.filter(|_| start.at != ReadAt::Any)?;
    Some(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// The revision that a list is of.
fn revision_of(at: ReadAt, read: Revision) -> Revision {
    match at {
        ReadAt::Exact(revision) => revision,
        ReadAt::Latest | ReadAt::Any | ReadAt::NotOlderThan(_) => read,
    }
}

/// 410 with a token to go on with at the newest revision.
fn inconsistent(place: &Place) -> ApiError {
    let newest = Place {
        revision: None,
        after: place.after.clone(),
    };
    ApiError::Expired {
        message: "The provided continue parameter is too old to display a consistent list result. You can start a new \
                  list without the continue parameter, or use the continue token in this response to retrieve the \
                  remainder of the results. Continuing with the provided token results in an inconsistent list - \
                  objects that were created, modified, or deleted between the time the first chunk was returned and \
                  now may show up in the list."
            .into(),
        continue_token: newest.encode(),
    }
}

/// A list in progress.
struct Pages<'a> {
    registry: &'a Registry,
    selection: &'a Selection,
    limit: Option<usize>,
    start: Start,
}

impl Pages<'_> {
    /// Reads until the page is full or the range ends. Where selectors drop much, each read is twice the one before.
    async fn collect(self) -> Result<Listed, ApiError> {
        let range = &self.selection.range;
        let mut request = List {
            prefix: range.clone(),
            after: self.start.place.as_ref().map(|place| place.after_in(range)),
            limit: self.limit,
            at: self.start.at,
        };
        let mut entries = Vec::new();
        loop {
            let page = self
                .registry
                .storage
                .list(&request)
                .await
                .map_err(|error| self.registry.list_error(error, self.start.place.as_ref()))?;
            let revision = revision_of(request.at, page.revision);
            request.at = ReadAt::Exact(revision);
            // Selectors speak of the fields of the request's version.
            let found = self.registry.entries_in(page.entries, &self.selection.version);
            let rest = self.take(found.await?, &mut entries).await;
            let remaining = page.remaining + rest.left;
            if remaining == 0 {
                return Ok(listed(entries, revision));
            }
            let last = rest.last.ok_or_else(|| {
                let message =
                    "no results were found, but the store indicated there were more values remaining";
                ApiError::Internal(message.into())
            })?;
            if self.limit.is_none_or(|limit| entries.len() >= limit) {
                let place = Place {
                    revision: Some(revision),
                    after: last.strip_prefix(range.as_str()).unwrap_or(&last).to_owned(),
                };
                return Ok(Listed {
                    continue_token: place.encode(),
                    remaining: self.selection.is_everything().then_some(remaining),
                    ..listed(entries, revision)
                });
            }
            request.after = Some(last);
            request.limit = request
                .limit
                .map(|limit| limit.saturating_mul(2).min(LARGEST_FETCH));
        }
    }

    /// Moves what is selected of `found` to `entries` until the page is full. Others have their turn meanwhile: what an entry
    /// is selected by may have to be read first.
    async fn take(&self, found: Vec<Entry>, entries: &mut Vec<Entry>) -> Rest {
        let room = self.limit.map_or(usize::MAX, |limit| limit - entries.len());
        if self.selection.is_everything() && entries.is_empty() && found.len() <= room {
            let last = found.last().map(|entry| entry.key().as_str().to_owned());
            *entries = found;
            return Rest { last, left: 0 };
        }
        let end = entries.len().saturating_add(room);
        let mut last = None;
        let mut left = 0;
        let mut turns = Turns::default();
        for entry in found {
            if entries.len() >= end {
                left += 1;
                continue;
            }
            last = Some(entry.key().clone());
            turns.take(entry.value().len()).await;
            if self.selection.matches(&entry) {
                entries.push(entry);
            }
        }
        Rest {
            last: last.map(|key| key.as_str().to_owned()),
            left,
        }
    }
}

/// What [`Pages::take`] did not take.
struct Rest {
    /// The last key that was looked at.
    last: Option<String>,
    /// How many were not looked at.
    left: u64,
}

fn listed(entries: Vec<Entry>, revision: Revision) -> Listed {
    Listed {
        entries,
        revision,
        continue_token: String::new(),
        remaining: None,
    }
}
