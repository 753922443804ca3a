//! etcd v3, in the Go server's own keys and encoding: each serves what the other wrote.
//!
//! Revisions are etcd's. Every call is bounded in time: where no member answers, that is
//! [`StorageError::Unavailable`], never an empty answer.

mod compactor;
mod error;
mod keys;
mod options;
mod position;
mod watch;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use etcd_client::{
    Client, Compare, CompareOp, DeleteOptions, GetOptions, GetResponse, KvClient, Txn, TxnOp, TxnOpResponse,
    TxnResponse,
};
use tokio::task::JoinHandle;

pub use options::{ConnectError, Options};

use self::error::{Refusal, of_write, refusal, unavailable};
use self::keys::Keys;
use self::position::Position;
use self::watch::revision;
use super::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch, limits};

/// How long a call may take. An etcd that elects a leader takes one or two seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a health check may take: kube-apiserver's `--etcd-healthcheck-timeout`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read waits for a revision that the store has not reached, and how often it looks.
const FUTURE_WAIT: Duration = Duration::from_secs(3);
const FUTURE_POLL: Duration = Duration::from_millis(100);
/// Keys in one answer of etcd.
const PAGE: usize = 10_000;
/// How often the files of the TLS identity are looked at.
const RELOAD: Duration = Duration::from_secs(60);

/// A prefix of an etcd.
pub struct EtcdStore {
    client: Arc<ArcSwap<Client>>,
    keys: Arc<Keys>,
    position: Position,
    progress: tokio::sync::watch::Sender<u64>,
    tasks: Vec<JoinHandle<()>>,
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
        let tls = options.read_tls().await?;
        let client = Arc::new(ArcSwap::from_pointee(options.client(&tls).await?));
        let keys = Arc::new(Keys::new(options.clean_prefix()));
        let mut tasks = Vec::new();
        if !options.compaction_interval.is_zero() {
            tasks.push(tokio::spawn(compactor::run(
                client.clone(),
                options.compaction_interval,
            )));
        }
        if options.ca_file.is_some() || options.certificate_file.is_some() {
            tasks.push(tokio::spawn(reload(client.clone(), options, tls)));
        }
        Ok(Arc::new(Self {
            client,
            keys,
            position: Position::default(),
            progress: tokio::sync::watch::Sender::new(0),
            tasks,
        }))
    }

    async fn range(&self, key: String, options: GetOptions) -> Result<GetResponse, etcd_client::Error> {
        kv(&self.client).get(key, Some(options)).await
    }

    /// A read at one revision, with etcd's refusals in our words.
    async fn read(&self, key: String, options: GetOptions, at: ReadAt) -> Result<GetResponse, StorageError> {
        let options = match at {
            ReadAt::Exact(wanted) => options.with_revision(i64::try_from(wanted.get()).unwrap_or(i64::MAX)),
            ReadAt::Latest | ReadAt::Any | ReadAt::NotOlderThan(_) => options,
        };
        let waits_until = tokio::time::Instant::now() + FUTURE_WAIT;
        loop {
            let answer = bounded(CALL_TIMEOUT, self.range(key.clone(), options.clone())).await?;
            let response = match answer {
                Ok(response) => response,
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

    async fn of_read(&self, error: etcd_client::Error, at: ReadAt) -> StorageError {
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
            Some(Refusal::TooLarge | Refusal::NoSpace) | None => unavailable(error),
        }
    }

    /// The oldest revision that is kept, as far as the compactors wrote it down.
    async fn oldest(&self) -> Option<Revision> {
        let client = self.client.load_full();
        let last = bounded(CALL_TIMEOUT, compactor::last(&client))
            .await
            .ok()?
            .ok()??;
        Some(revision(last))
    }

    /// One conditional write: what was done, or what is there instead.
    async fn write(
        &self,
        key: &Key,
        condition: Compare,
        operation: TxnOp,
        size: usize,
    ) -> Result<TxnResponse, StorageError> {
        let txn = Txn::new()
            .when([condition])
            .and_then([operation])
            .or_else([TxnOp::get(self.keys.key(key), None)]);
        bounded(CALL_TIMEOUT, kv(&self.client).txn(txn))
            .await?
            .map_err(|error| of_write(error, size))
    }

    fn current(&self, response: &TxnResponse) -> Result<Option<Entry>, StorageError> {
        match response.op_responses().first() {
            Some(TxnOpResponse::Get(found)) => found.kvs().first().map(|kv| self.keys.entry(kv)).transpose(),
            _ => Ok(None),
        }
    }
}

impl Drop for EtcdStore {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Takes a new client when the files of the TLS identity have changed.
async fn reload(client: Arc<ArcSwap<Client>>, options: Options, mut known: options::TlsFiles) {
    loop {
        tokio::time::sleep(RELOAD).await;
        let renewed = match options.read_tls().await {
            Ok(tls) if tls == known => continue,
            Ok(tls) => options.client(&tls).await.map(|client| (client, tls)),
            Err(error) => Err(error),
        };
        match renewed {
            Ok((new, tls)) => {
                client.store(Arc::new(new));
                known = tls;
            }
            Err(error) => {
                tracing::warn!(%error, "failed to reload the TLS identity for etcd; the old one stays")
            }
        }
    }
}

fn kv(client: &ArcSwap<Client>) -> KvClient {
    // Bounded by the page, not by gRPC's 4 MiB.
    client.load().kv_client().max_decoding_message_size(usize::MAX)
}

async fn bounded<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T, StorageError> {
    tokio::time::timeout(limit, call)
        .await
        .map_err(|_| unavailable(format!("etcd has not answered within {} s", limit.as_secs())))
}

fn header_revision(response: &GetResponse) -> Revision {
    response
        .header()
        .map_or(Revision::ZERO, |header| revision(header.revision()))
}

fn written_at(response: &TxnResponse) -> Revision {
    response
        .header()
        .map_or(Revision::ZERO, |header| revision(header.revision()))
}

fn at_revision(key: &str, expected: Revision) -> Compare {
    Compare::mod_revision(
        key,
        CompareOp::Equal,
        i64::try_from(expected.get()).unwrap_or(i64::MAX),
    )
}

#[async_trait]
impl Storage for EtcdStore {
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        let response = self.read(self.keys.key(key), GetOptions::new(), at).await?;
        Ok(Read {
            entry: response.kvs().first().map(|kv| self.keys.entry(kv)).transpose()?,
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
        let end = self.keys.end(&list.prefix);
        loop {
            let wanted = list.limit.map_or(PAGE, |limit| (limit - entries.len()).min(PAGE));
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(i64::try_from(wanted).unwrap_or(i64::MAX));
            let response = self.read(start, options, at).await?;
            let read_at = match at {
                ReadAt::Exact(revision) => revision,
                _ => header_revision(&response),
            };
            for kv in response.kvs() {
                entries.push(self.keys.entry(kv)?);
            }
            let got = response.kvs().len();
            let remaining = u64::try_from(response.count())
                .unwrap_or_default()
                .saturating_sub(got as u64);
            let full = list.limit.is_some_and(|limit| entries.len() >= limit);
            let (true, false, Some(last)) = (remaining > 0, full, response.kvs().last()) else {
                return Ok(Page {
                    entries,
                    revision: read_at,
                    remaining,
                });
            };
            // The rest of the same moment.
            start = format!("{}\0", String::from_utf8_lossy(last.key()));
            at = ReadAt::Exact(read_at);
        }
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        limits::check_size(&value)?;
        let at = self.keys.key(key);
        let absent = Compare::mod_revision(at.as_str(), CompareOp::Equal, 0);
        let put = TxnOp::put(at, value.to_vec(), None);
        let response = self.write(key, absent, put, value.len()).await?;
        if !response.succeeded() {
            return Err(StorageError::AlreadyExists { key: key.clone() });
        }
        Ok(Entry::new(key.clone(), value, written_at(&response)))
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        limits::check_size(&value)?;
        let at = self.keys.key(key);
        let unchanged = at_revision(&at, expected);
        let put = TxnOp::put(at, value.to_vec(), None);
        let response = self.write(key, unchanged, put, value.len()).await?;
        if !response.succeeded() {
            return Err(StorageError::Conflict {
                key: key.clone(),
                current: self.current(&response)?,
            });
        }
        Ok(Entry::new(key.clone(), value, written_at(&response)))
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        let at = self.keys.key(key);
        let unchanged = at_revision(&at, expected);
        let delete = TxnOp::delete(at, Some(DeleteOptions::new().with_prev_key()));
        let response = self.write(key, unchanged, delete, 0).await?;
        let deleted = match response.op_responses().first() {
            Some(TxnOpResponse::Delete(deleted)) if response.succeeded() => deleted
                .prev_kvs()
                .first()
                .map(|kv| self.keys.entry(kv))
                .transpose()?,
            _ => None,
        };
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
        let mut client = self
            .client
            .load()
            .watch_client()
            .max_decoding_message_size(usize::MAX);
        // Subscribed before the watch is open: a request for progress is never missed.
        let progress = self.progress.subscribe();
        let options = watch::options(&self.keys, prefix, after);
        let stream = bounded(CALL_TIMEOUT, client.watch(self.keys.start(prefix), Some(options)))
            .await?
            .map_err(unavailable)?;
        Ok(watch::events(stream, progress, self.keys.clone()))
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        let client = self.client.clone();
        let key = self.keys.start(&Prefix::root());
        let asked = self.position.ask(async move {
            let options = GetOptions::new().with_count_only();
            let response = kv(&client).get(key, Some(options)).await.map_err(unavailable)?;
            Ok(header_revision(&response))
        });
        // Who waits is bounded, the question is not: it ends with the last who waits for it.
        bounded(CALL_TIMEOUT, asked).await?
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.progress.send_modify(|asked| *asked = asked.wrapping_add(1));
        Ok(())
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        let client = self.client.load_full();
        let to = i64::try_from(revision.get()).unwrap_or(i64::MAX);
        bounded(CALL_TIMEOUT, compactor::compact(&client, to))
            .await?
            .map_err(unavailable)
    }

    async fn check(&self) -> Result<(), StorageError> {
        bounded(
            HEALTH_TIMEOUT,
            self.range(
                self.keys.start(&Prefix::root()),
                GetOptions::new().with_count_only(),
            ),
        )
        .await?
        .map(drop)
        .map_err(unavailable)
    }
}
