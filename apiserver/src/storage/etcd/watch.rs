//! etcd's watch as a [`Watch`].

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use futures::StreamExt as _;
use tokio::sync::watch::Receiver;

use super::error::unavailable;
use super::keys::Keys;
use crate::storage::{Change, Entry, Event, Prefix, Revision, StorageError, Watch};

/// What an open watch needs to go on.
struct Open {
    stream: WatchStream,
    /// Changes when somebody asks for progress.
    progress: Receiver<u64>,
    keys: Arc<Keys>,
    ended: bool,
}

/// What a watch of `after` asks of etcd.
pub(super) fn options(keys: &Keys, prefix: &Prefix, after: Revision) -> WatchOptions {
    let start = i64::try_from(after.next().get()).unwrap_or(i64::MAX);
    WatchOptions::new()
        .with_range(keys.end(prefix))
        .with_start_revision(start)
        .with_prev_key()
        .with_progress_notify()
}

/// The events of an open stream.
pub(super) fn events(stream: WatchStream, progress: Receiver<u64>, keys: Arc<Keys>) -> Watch {
    let open = Open {
        stream,
        progress,
        keys,
        ended: false,
    };
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
            message = open.stream.message() => match message {
                Ok(Some(response)) => match read(&response, &open.keys) {
                    Ok(events) if events.is_empty() => {}
                    told => return Some(told),
                },
                Ok(None) => return None,
                Err(error) => return Some(Err(unavailable(error))),
            },
            Ok(()) = open.progress.changed() => {
                if let Err(error) = open.stream.request_progress().await {
                    return Some(Err(unavailable(error)));
                }
            }
        }
    }
}

fn read(response: &WatchResponse, keys: &Keys) -> Result<Vec<Event>, StorageError> {
    if response.compact_revision() > 0 {
        let oldest = revision(response.compact_revision());
        return Err(StorageError::Compacted {
            requested: Revision::ZERO,
            oldest,
        });
    }
    if response.canceled() {
        return Err(unavailable(format!(
            "etcd ended the watch: {}",
            response.cancel_reason()
        )));
    }
    let at = response
        .header()
        .map_or(Revision::ZERO, |header| revision(header.revision()));
    if response.created() || at == Revision::ZERO {
        return Ok(Vec::new());
    }
    if response.events().is_empty() {
        return Ok(vec![Event::Progress(at)]);
    }
    response
        .events()
        .iter()
        .map(|event| change(event, keys))
        .collect()
}

fn change(event: &etcd_client::Event, keys: &Keys) -> Result<Event, StorageError> {
    let unreadable = |reason: &str| StorageError::Unreadable {
        key: event
            .kv()
            .map(|kv| String::from_utf8_lossy(kv.key()).into_owned())
            .unwrap_or_default(),
        reason: reason.to_owned(),
    };
    let kv = event
        .kv()
        .ok_or_else(|| unreadable("etcd told an event without a key"))?;
    let previous = event.prev_kv().map(|kv| keys.entry(kv)).transpose()?;
    match event.event_type() {
        EventType::Put => Ok(Event::Changed(Change::written(keys.entry(kv)?, previous))),
        EventType::Delete => previous
            .map(|previous| Event::Changed(Change::deleted(previous, revision(kv.mod_revision()))))
            .ok_or_else(|| unreadable("etcd told a deletion without what was deleted")),
    }
}

/// etcd's revisions are positive.
pub(super) fn revision(number: i64) -> Revision {
    Revision::new(u64::try_from(number).unwrap_or_default())
}

/// An entry of etcd.
pub(super) fn entry(key: crate::storage::Key, kv: &etcd_client::KeyValue) -> Entry {
    Entry::new(
        key,
        Bytes::copy_from_slice(kv.value()),
        revision(kv.mod_revision()),
    )
}
