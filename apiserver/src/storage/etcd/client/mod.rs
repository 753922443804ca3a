//! A client of etcd's gRPC API (`go.etcd.io/etcd/client/v3`) with the calls that a storage backend makes, and no others.
//!
//! ```text
//! Client: failover, deadlines, tokens --> Member: one connection --> dial: TCP, TLS, HTTP/2, Maintenance.Status
//! ```
//!
//! Every unary call has a deadline. What was not sent goes to the next member; a read that was sent as well, but never a
//! write, of which nobody knows whether it took place. Messages have limits: [`RECEIVE_LIMIT`] and [`SEND_LIMIT`].

mod auth;
mod dial;
mod error;
mod failover;
mod lineage;
mod member;
mod tls;
mod version;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use prost::Message as _;
use rand::Rng as _;

pub(super) use error::CallError;
pub(super) use lineage::{History, Lineage};
pub(super) use watch::WatchStream;

use self::auth::Auth;
use self::member::Member;
use self::tls::TlsFiles;
use super::options::{ConnectError, Options};
use super::proto::etcdserverpb::kv_client::KvClient;
use super::proto::etcdserverpb::{
    CompactionRequest, RangeRequest, RangeResponse, TxnRequest, TxnResponse, WatchCreateRequest,
};

/// The largest message that is taken in. A page of a list that is larger is asked for in smaller ones; an event, with
/// what was there before, is twice etcd's `--max-request-bytes` (1.5 MiB) at most.
pub(super) const RECEIVE_LIMIT: usize = 64 << 20;
/// The largest message that is sent: whatever a request may bring and etcd may be configured to take.
pub(super) const SEND_LIMIT: usize = 16 << 20;

/// How long a call may take. An etcd that elects a leader takes one or two seconds.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a call may be made again where it is not known whether it took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing, or nothing more the second time.
    Safe,
    /// It is a write.
    Unsafe,
}

/// The members of one etcd.
#[derive(Debug)]
pub(super) struct Client {
    members: Vec<Member>,
    /// The number of the member that is asked first, counted on with every failure.
    preferred: AtomicUsize,
    lineage: Arc<Lineage>,
}

impl Client {
    /// A client that connects when it is first used, and again whenever it must.
    ///
    /// # Errors
    /// See [`ConnectError`]; an etcd that does not answer is none.
    pub(super) async fn new(options: &Options) -> Result<Self, ConnectError> {
        if options.endpoints.is_empty() {
            return Err(ConnectError::NoEndpoint);
        }
        let tls = Arc::new(TlsFiles::new(options)?);
        tls.check().await?;
        let auth = Arc::new(Auth::new(options.credentials.clone()));
        auth.check().await?;
        let lineage = Arc::new(Lineage::default());
        let members = options
            .endpoints
            .iter()
            .map(|endpoint| Member::new(endpoint, tls.clone(), auth.clone(), lineage.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            // Servers of one configuration do not all choose the same member.
            preferred: AtomicUsize::new(rand::rng().random_range(0..members.len())),
            members,
            lineage,
        })
    }

    /// Which history of the store the members tell.
    pub(super) const fn lineage(&self) -> &Arc<Lineage> {
        &self.lineage
    }

    /// Whether all members that were ever reached answer requests for progress rightly, and one was.
    pub(super) fn answers_progress(&self) -> bool {
        let mut known = self
            .members
            .iter()
            .filter_map(Member::answers_progress)
            .peekable();
        known.peek().is_some() && known.all(|sound| sound)
    }

    /// Connects to each member that it is not connected to, and so learns its version.
    pub(super) async fn visit(&self) {
        futures::future::join_all(self.members.iter().map(Member::visit)).await;
    }

    /// A linearizable read.
    pub(super) async fn range(
        &self,
        request: RangeRequest,
        limit: Duration,
    ) -> Result<RangeResponse, CallError> {
        let seen = self.lineage.seen();
        let response = self
            .unary(Repeat::Safe, limit, |call| {
                let request = call.request(request.clone());
                async move {
                    let answer = call.limited(KvClient::with_origin).range(request).await?;
                    Ok(answer.into_inner())
                }
            })
            .await?;
        self.lineage.linearizable(seen, response.header.as_ref());
        Ok(response)
    }

    /// A transaction, which may write.
    pub(super) async fn txn(&self, request: TxnRequest, limit: Duration) -> Result<TxnResponse, CallError> {
        let size = request.encoded_len();
        if size > SEND_LIMIT {
            return Err(CallError::TooLarge(size));
        }
        let seen = self.lineage.seen();
        let response = self
            .unary(Repeat::Unsafe, limit, |call| {
                let request = call.request(request.clone());
                async move {
                    let answer = call.limited(KvClient::with_origin).txn(request).await?;
                    Ok(answer.into_inner())
                }
            })
            .await?;
        self.lineage.linearizable(seen, response.header.as_ref());
        Ok(response)
    }

    /// Forgets the history before `revision`.
    pub(super) async fn compact(&self, revision: i64, limit: Duration) -> Result<(), CallError> {
        self.unary(Repeat::Safe, limit, |call| {
            let request = call.request(CompactionRequest { revision });
            async move {
                call.limited(KvClient::with_origin).compact(request).await?;
                Ok(())
            }
        })
        .await
    }

    /// Opens a watch; it is made when this returns.
    pub(super) async fn watch(
        &self,
        create: WatchCreateRequest,
        limit: Duration,
    ) -> Result<WatchStream, CallError> {
        self.unary(Repeat::Safe, limit, |call| watch::open(call, create.clone()))
            .await
    }
}
