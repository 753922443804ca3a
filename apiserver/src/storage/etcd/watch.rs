//! etcd's watch as a [`Watch`].

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::watch::Receiver;

use super::client::{History, Lineage, WatchStream};
use super::error::unavailable;
use super::keys::Keys;
use super::proto::etcdserverpb::{WatchCreateRequest, WatchResponse};
use super::proto::mvccpb::event::EventType;
use super::proto::mvccpb::{self, KeyValue};
use super::requests::bytes;
use crate::storage::{Change, Entry, Event, Prefix, Revision, StorageError, Watch};

/// What an open watch needs to go on.
pub(super) struct Open {
    pub(super) stream: WatchStream,
    /// Changes when somebody asks for progress.
    pub(super) progress: Receiver<u64>,
    /// Changes when the store tells another history than when the watch began.
    pub(super) history: Receiver<History>,
    pub(super) lineage: Arc<Lineage>,
    pub(super) keys: Arc<Keys>,
    /// What the watch has reached.
    pub(super) reached: Revision,
    pub(super) ended: bool,
}

/// What a watch of `after` asks of etcd.
pub(super) fn create(keys: &Keys, prefix: &Prefix, after: Revision) -> WatchCreateRequest {
    WatchCreateRequest {
        key: bytes(&keys.start(prefix)),
        range_end: bytes(&keys.end(prefix)),
        start_revision: number(after.next()),
        progress_notify: true,
        prev_kv: true,
        // Else the changes of a thousand revisions come as one message.
        fragment: true,
    }
}

/// The events of an open stream.
pub(super) fn events(open: Open) -> Watch {
    futures::stream::unfold(open, |mut open| async move {
        if open.ended {
            return None;
        }
        let told = next(&mut open).await?;
        open.ended = told.is_err();
        Some((told, open))
    })
    .boxed()
}

/// The next batch that says something; `None` when etcd closed the stream.
async fn next(open: &mut Open) -> Option<Result<Vec<Event>, StorageError>> {
    loop {
        tokio::select! {
            biased;
            Ok(()) = open.history.changed() => {
                let since = open.history.borrow_and_update().since;
                return Some(Err(StorageError::Compacted { requested: open.reached, oldest: since }));
            }
            message = open.stream.next() => match message {
                Ok(Some(response)) => {
                    open.lineage.told(response.header.as_ref());
                    match read(&response, open) {
                        Ok(events) if events.is_empty() => {}
                        told => return Some(told),
                    }
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(unavailable(error))),
            },
            Ok(()) = open.progress.changed() => open.stream.request_progress(),
        }
    }
}

fn read(response: &WatchResponse, open: &mut Open) -> Result<Vec<Event>, StorageError> {
    if response.compact_revision > 0 {
        return Err(StorageError::Compacted {
            requested: open.reached,
            oldest: revision(response.compact_revision),
        });
    }
    if response.canceled {
        return Err(unavailable(format!(
            "etcd ended the watch: {}",
            response.cancel_reason
        )));
    }
    let at = response
        .header
        .map_or(Revision::ZERO, |header| revision(header.revision));
    if response.created || at == Revision::ZERO {
        return Ok(Vec::new());
    }
    let events = if response.events.is_empty() {
        vec![Event::Progress(at)]
    } else {
        response
            .events
            .iter()
            .map(|event| change(event, &open.keys))
            .collect::<Result<_, _>>()?
    };
    for event in &events {
        let told = match event {
            Event::Changed(change) => change.revision(),
            Event::Progress(revision) => *revision,
        };
        open.reached = open.reached.max(told);
    }
    Ok(events)
}

fn change(event: &mvccpb::Event, keys: &Keys) -> Result<Event, StorageError> {
    let unreadable = |reason: &str| StorageError::Unreadable {
        key: event
            .kv
            .as_ref()
            .map(|kv| String::from_utf8_lossy(&kv.key).into_owned())
            .unwrap_or_default(),
        reason: reason.to_owned(),
    };
    let kv = event
        .kv
        .as_ref()
        .ok_or_else(|| unreadable("etcd told an event without a key"))?;
    let previous = event.prev_kv.as_ref().map(|kv| keys.entry(kv)).transpose()?;
    match event.r#type() {
        EventType::Put => Ok(Event::Changed(Change::written(keys.entry(kv)?, previous))),
        EventType::Delete => previous
            .map(|previous| Event::Changed(Change::deleted(previous, revision(kv.mod_revision))))
            .ok_or_else(|| unreadable("etcd told a deletion without what was deleted")),
    }
}

/// etcd's revisions are positive.
pub(super) fn revision(number: i64) -> Revision {
    Revision::new(u64::try_from(number).unwrap_or_default())
}

/// A revision as etcd counts.
pub(super) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.get()).unwrap_or(i64::MAX)
}

/// An entry of etcd. The value is copied: it would keep the whole message that it came in.
pub(super) fn entry(key: crate::storage::Key, kv: &KeyValue) -> Entry {
    Entry::new(key, Bytes::copy_from_slice(&kv.value), revision(kv.mod_revision))
}
