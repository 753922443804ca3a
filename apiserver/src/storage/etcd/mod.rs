//! etcd v3, in the Go server's own keys and encoding: each serves what the other wrote.
//!
//! Revisions are etcd's. Every call is bounded in time: where no member answers, that is
//! [`StorageError::Unavailable`], never an empty answer. How large a value may be is etcd's to say.
//!
//! An etcd that was restored from a backup tells another history. It is known by a linearizable answer whose revision is
//! lower than one before it, or that comes from another cluster; then watches end, revisions from before are refused, and
//! [`Storage::history`] tells the caches.

mod client;
mod compactor;
mod error;
mod keys;
mod options;
mod position;
mod proto;
mod requests;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;

pub use options::{ConnectError, Credentials, Options};

use self::client::{CALL_TIMEOUT, CallError, Client};
use self::error::{Refusal, of_write, refusal, unavailable};
use self::keys::Keys;
use self::position::Position;
use self::proto::etcdserverpb::request_op::Request;
use self::proto::etcdserverpb::{Compare, RangeRequest, RangeResponse, TxnResponse};
use self::watch::{Open, number, revision};
use super::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};
use crate::background::{BackgroundTask, supervise};

/// How long a health check may take: kube-apiserver's `--etcd-healthcheck-timeout`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read waits for a revision that the store has not reached, and how often it looks.
const FUTURE_WAIT: Duration = Duration::from_secs(3);
const FUTURE_POLL: Duration = Duration::from_millis(100);
/// Keys in one answer of etcd, where they fit into one message.
const PAGE: usize = 10_000;
/// How often members that are not connected are tried, so that the version of each is known.
const VISIT: Duration = Duration::from_secs(60);

/// A prefix of an etcd.
pub struct EtcdStore {
    client: Arc<Client>,
    keys: Arc<Keys>,
    position: Position,
    progress: tokio::sync::watch::Sender<u64>,
    /// Keys that fit into one message, as far as is known: it only shrinks.
    page: AtomicUsize,
    background: Vec<BackgroundTask>,
    /// They end with the store.
    _tasks: JoinSet<()>,
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EtcdStore")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl EtcdStore {
    /// A store that connects when it is first used.
    ///
    /// # Errors
    /// See [`ConnectError`]; an etcd that does not answer is none.
    pub async fn connect(options: Options) -> Result<Arc<Self>, ConnectError> {
        let client = Arc::new(Client::new(&options).await?);
        let mut tasks = JoinSet::new();
        let versions = BackgroundTask::new("etcd-versions");
        let mut background = vec![versions.clone()];
        let visited = client.clone();
        tasks.spawn(supervise(versions, move || visit(visited.clone()), || {}));
        if !options.compaction_interval.is_zero() {
            let (compacted, interval) = (client.clone(), options.compaction_interval);
            let compaction = BackgroundTask::new("etcd-compactor");
            background.push(compaction.clone());
            tasks.spawn(supervise(
                compaction,
                move || compactor::run(compacted.clone(), interval),
                || {},
            ));
        }
        Ok(Arc::new(Self {
            client,
            keys: Arc::new(Keys::new(options.clean_prefix())),
            position: Position::default(),
            progress: tokio::sync::watch::Sender::new(0),
            page: AtomicUsize::new(PAGE),
            background,
            _tasks: tasks,
        }))
    }

    /// A read at one revision, with etcd's refusals in our words.
    async fn read(&self, mut request: RangeRequest, at: ReadAt) -> Result<RangeResponse, StorageError> {
        if let ReadAt::Exact(wanted) = at {
            self.known(wanted)?;
            request.revision = number(wanted);
        }
        let waits_until = tokio::time::Instant::now() + FUTURE_WAIT;
        loop {
            let response = match self.client.range(request.clone(), CALL_TIMEOUT).await {
                Ok(response) => response,
                Err(error) if refusal(&error) == Some(Refusal::AnswerTooLarge) && request.limit > 1 => {
                    request.limit /= 2;
                    let fits = usize::try_from(request.limit).unwrap_or(PAGE);
                    self.page.fetch_min(fits, Ordering::Relaxed);
                    continue;
                }
                Err(error) => return Err(self.of_read(error, at).await),
            };
            let current = header_revision(&response);
            match at {
                ReadAt::NotOlderThan(requested) if current < requested => {
                    if tokio::time::Instant::now() >= waits_until {
                        return Err(StorageError::FutureRevision { requested, current });
                    }
                    tokio::time::sleep(FUTURE_POLL).await;
                }
                _ => return Ok(response),
            }
        }
    }

    async fn of_read(&self, error: CallError, at: ReadAt) -> StorageError {
        let requested = match at {
            ReadAt::Exact(revision) | ReadAt::NotOlderThan(revision) => revision,
            ReadAt::Latest | ReadAt::Any => Revision::ZERO,
        };
        match refusal(&error) {
            Some(Refusal::Compacted) => StorageError::Compacted {
                requested,
                oldest: self.oldest().await.unwrap_or_else(|| requested.next()),
            },
            Some(Refusal::Future) => match self.current_revision().await {
                Ok(current) => StorageError::FutureRevision { requested, current },
                Err(error) => error,
            },
            Some(Refusal::TooLarge | Refusal::AnswerTooLarge | Refusal::NoSpace) | None => unavailable(error),
        }
    }

    /// Refuses a revision from before the store turned out to tell another history: what it meant is lost.
    fn known(&self, requested: Revision) -> Result<(), StorageError> {
        let oldest = self.client.lineage().history().since;
        if requested < oldest {
            return Err(StorageError::Compacted { requested, oldest });
        }
        Ok(())
    }

    /// The oldest revision that is kept, as far as the compactors wrote it down.
    async fn oldest(&self) -> Option<Revision> {
        let last = compactor::last(&self.client).await.ok()??;
        Some(revision(last))
    }

    /// One conditional write: what was done, or what is there instead.
    async fn write(
        &self,
        at: &str,
        condition: Compare,
        operation: Request,
        size: usize,
    ) -> Result<TxnResponse, StorageError> {
        let txn = requests::txn(condition, operation, at);
        self.client
            .txn(txn, CALL_TIMEOUT)
            .await
            .map_err(|error| of_write(error, size))
    }

    fn current(&self, response: &TxnResponse) -> Result<Option<Entry>, StorageError> {
        requests::found(response)
            .map(|kv| self.keys.entry(kv))
            .transpose()
    }
}

/// Learns the version of each member, at the start and whenever it was away.
async fn visit(client: Arc<Client>) {
    loop {
        client.visit().await;
        tokio::time::sleep(VISIT).await;
    }
}

fn header_revision(response: &RangeResponse) -> Revision {
    response
        .header
        .map_or(Revision::ZERO, |header| revision(header.revision))
}

fn written_at(response: &TxnResponse) -> Revision {
    response
        .header
        .map_or(Revision::ZERO, |header| revision(header.revision))
}

#[async_trait]
impl Storage for EtcdStore {
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        let response = self.read(requests::get(&self.keys.key(key)), at).await?;
        Ok(Read {
            entry: response.kvs.first().map(|kv| self.keys.entry(kv)).transpose()?,
            revision: match at {
                ReadAt::Exact(revision) => revision,
                _ => header_revision(&response),
            },
        })
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut at = list.at;
        let mut start = match &list.after {
            Some(after) => self.keys.behind(after).max(self.keys.start(&list.prefix)),
            None => self.keys.start(&list.prefix),
        };
        let end = requests::bytes(&self.keys.end(&list.prefix));
        loop {
            let page = self.page.load(Ordering::Relaxed);
            let wanted = list.limit.map_or(page, |limit| (limit - entries.len()).min(page));
            let request = RangeRequest {
                range_end: end.clone(),
                limit: i64::try_from(wanted).unwrap_or(i64::MAX),
                ..requests::get(&start)
            };
            let response = self.read(request, at).await?;
            let read_at = match at {
                ReadAt::Exact(revision) => revision,
                _ => header_revision(&response),
            };
            for kv in &response.kvs {
                entries.push(self.keys.entry(kv)?);
            }
            let got = response.kvs.len();
            let remaining = u64::try_from(response.count)
                .unwrap_or_default()
                .saturating_sub(got as u64);
            let full = list.limit.is_some_and(|limit| entries.len() >= limit);
            let (true, false, Some(last)) = (remaining > 0, full, response.kvs.last()) else {
                return Ok(Page {
                    entries,
                    revision: read_at,
                    remaining,
                });
            };
            // The rest of the same moment.
            start = format!("{}\0", String::from_utf8_lossy(&last.key));
            at = ReadAt::Exact(read_at);
        }
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        let at = self.keys.key(key);
        let absent = requests::written_at(&at, 0);
        let put = requests::put(&at, value.clone());
        let response = self.write(&at, absent, put, value.len()).await?;
        if !response.succeeded {
            return Err(StorageError::AlreadyExists { key: key.clone() });
        }
        Ok(Entry::new(key.clone(), value, written_at(&response)))
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        let at = self.keys.key(key);
        let unchanged = requests::written_at(&at, number(expected));
        let put = requests::put(&at, value.clone());
        let response = self.write(&at, unchanged, put, value.len()).await?;
        if !response.succeeded {
            return Err(StorageError::Conflict {
                key: key.clone(),
                current: self.current(&response)?,
            });
        }
        Ok(Entry::new(key.clone(), value, written_at(&response)))
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        let at = self.keys.key(key);
        let unchanged = requests::written_at(&at, number(expected));
        let response = self.write(&at, unchanged, requests::delete(&at), 0).await?;
        let deleted = requests::deleted(&response)
            .map(|kv| self.keys.entry(kv))
            .transpose()?;
        match deleted {
            Some(entry) => Ok(Entry::new(
                key.clone(),
                entry.value().clone(),
                written_at(&response),
            )),
            None => Err(StorageError::Conflict {
                key: key.clone(),
                current: self.current(&response)?,
            }),
        }
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        // Subscribed before the watch is open: neither a request for progress nor another history is missed.
        let progress = self.progress.subscribe();
        let history = self.client.lineage().subscribe();
        self.known(after)?;
        let stream = self
            .client
            .watch(watch::create(&self.keys, prefix, after), CALL_TIMEOUT)
            .await
            .map_err(unavailable)?;
        Ok(watch::events(Open {
            stream,
            progress,
            history,
            lineage: self.client.lineage().clone(),
            keys: self.keys.clone(),
            reached: after,
            ended: false,
        }))
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        let client = self.client.clone();
        let key = self.keys.start(&Prefix::root());
        let asked = self.position.ask(async move {
            let response = client
                .range(requests::count(&key), CALL_TIMEOUT)
                .await
                .map_err(unavailable)?;
            Ok(header_revision(&response))
        });
        // Who waits has its own limit: the question ends with the last who waits for it.
        tokio::time::timeout(CALL_TIMEOUT, asked)
            .await
            .map_err(|_| unavailable(CallError::Overdue(CALL_TIMEOUT)))?
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.progress.send_modify(|asked| *asked = asked.wrapping_add(1));
        Ok(())
    }

    fn answers_progress(&self) -> bool {
        self.client.answers_progress()
    }

    fn history(&self) -> u64 {
        self.client.lineage().history().number
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        compactor::compact(&self.client, number(revision))
            .await
            .map_err(unavailable)
    }

    fn background(&self) -> Vec<BackgroundTask> {
        self.background.clone()
    }

    async fn check(&self) -> Result<(), StorageError> {
        let key = self.keys.start(&Prefix::root());
        self.client
            .range(requests::count(&key), HEALTH_TIMEOUT)
            .await
            .map(drop)
            .map_err(unavailable)
    }
}
