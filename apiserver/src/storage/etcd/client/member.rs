//! One member of an etcd: its connection, made when it is needed, and its version.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::Code;

use super::auth::Auth;
use super::dial::{Connection, DialError, Endpoint};
use super::error::{CallError, is_about_token};
use super::failover::of_member;
use super::lineage::Lineage;
use super::tls::TlsFiles;
use super::version;
use crate::storage::etcd::options::ConnectError;
use crate::storage::etcd::proto::etcdserverpb::StatusRequest;
use crate::storage::etcd::proto::etcdserverpb::maintenance_client::MaintenanceClient;

/// After a connection failed, whoever needs one gets the same error for so long.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a member may take to say its version.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of a member's version.
const UNKNOWN: u8 = 0;
const SOUND: u8 = 1;
const UNSOUND: u8 = 2;

/// A member of the cluster.
#[derive(Debug)]
pub(super) struct Member {
    endpoint: Endpoint,
    tls: Arc<TlsFiles>,
    auth: Arc<Auth>,
    lineage: Arc<Lineage>,
    slot: tokio::sync::Mutex<Slot>,
    progress: AtomicU8,
    /// The version that was said last.
    version: Mutex<String>,
}

#[derive(Debug, Default)]
struct Slot {
    live: Option<Live>,
    failed: Option<(Instant, CallError)>,
}

/// A connection, and what the member behind it said of itself.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) connection: Connection,
    /// Whether it answers requests for progress rightly.
    pub(super) answers_progress: bool,
}

impl Member {
    pub(super) fn new(
        endpoint: &str,
        tls: Arc<TlsFiles>,
        auth: Arc<Auth>,
        lineage: Arc<Lineage>,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            endpoint: Endpoint::parse(endpoint, tls.is_given())?,
            tls,
            auth,
            lineage,
            slot: tokio::sync::Mutex::default(),
            progress: AtomicU8::new(UNKNOWN),
            version: Mutex::default(),
        })
    }

    /// Whether it answers requests for progress rightly; `None`: it was never reached.
    pub(super) fn answers_progress(&self) -> Option<bool> {
        match self.progress.load(Ordering::Acquire) {
            UNKNOWN => None,
            known => Some(known == SOUND),
        }
    }

    /// The connection, made where there is none.
    ///
    /// # Errors
    /// [`CallError::Unreached`], and those of authentication.
    pub(super) async fn live(&self) -> Result<Live, CallError> {
        let mut slot = self.slot.lock().await;
        if let Some(live) = &slot.live
            && !live.connection.is_closed()
        {
            return Ok(live.clone());
        }
        slot.live = None;
        if let Some((at, error)) = &slot.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok(live) => {
                slot.live = Some(live.clone());
                slot.failed = None;
                Ok(live)
            }
            Err(error) => {
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Connects where there is no connection. A member that is away is visited by the call that needs it.
    pub(super) async fn visit(&self) {
        if let Err(error) = self.live().await {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::debug!(%error, cause, "a member of etcd cannot be asked for its version");
        }
    }

    async fn connect(&self) -> Result<Live, CallError> {
        let connection = Connection::dial(&self.endpoint, &self.tls)
            .await
            .map_err(|error| self.unreached(error))?;
        let version = timeout(STATUS_TIMEOUT, self.ask_version(&connection))
            .await
            .map_err(|_| self.unreached(DialError::Overdue))??;
        let answers_progress = version::answers_progress(&version);
        self.progress
            .store(if answers_progress { SOUND } else { UNSOUND }, Ordering::Release);
        self.report(version, answers_progress);
        Ok(Live {
            connection,
            answers_progress,
        })
    }

    /// The member's version. One that refuses to say it has none.
    async fn ask_version(&self, connection: &Connection) -> Result<String, CallError> {
        let token = self.auth.token(connection, None).await?;
        let mut client = MaintenanceClient::with_origin(connection.clone(), connection.origin());
        let answer = client.status(of_member(StatusRequest {}, token.as_ref())).await;
        match answer.map_err(CallError::from) {
            Ok(answer) => {
                let answer = answer.into_inner();
                self.lineage.told(answer.header.as_ref());
                Ok(answer.version)
            }
            Err(CallError::Refused(status)) if status.code() != Code::Unavailable => {
                if let Some(token) = token.filter(|_| is_about_token(status.message())) {
                    self.auth.forget(&token);
                    return Err(self.unreached(DialError::Status(status.message().to_owned())));
                }
                tracing::warn!(member = %self.endpoint.name, reason = status.message(), "etcd does not say its version");
                Ok(String::new())
            }
            Err(error) => Err(self.unreached(DialError::Status(error.to_string()))),
        }
    }

    /// Says once of each version what it means.
    fn report(&self, version: String, answers_progress: bool) {
        let mut known = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == version {
            return;
        }
        let member = &self.endpoint.name;
        if answers_progress {
            tracing::info!(%member, version, "connected to etcd");
        } else {
            tracing::warn!(
                %member, version,
                "this etcd does not answer requests for progress rightly (fixed in 3.4.31 and 3.5.13): consistent reads \
                 go to etcd, not to the watch cache, until it is upgraded"
            );
        }
        *known = version;
    }

    fn unreached(&self, error: DialError) -> CallError {
        CallError::Unreached {
            endpoint: self.endpoint.name.clone(),
            source: Arc::new(error),
        }
    }

    pub(super) const fn auth(&self) -> &Arc<Auth> {
        &self.auth
    }
}
