//! A watch: one stream of etcd's with one watcher on it.

use futures::channel::mpsc;
use tonic::{Status, Streaming};

use super::error::is_about_token;
use super::failover::Call;
use super::{CallError, RECEIVE_LIMIT};
use crate::storage::etcd::proto::etcdserverpb::watch_client::WatchClient;
use crate::storage::etcd::proto::etcdserverpb::watch_request::RequestUnion;
use crate::storage::etcd::proto::etcdserverpb::{
    WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};

/// Requests that wait to be sent: one that waits stands for all that would be made meanwhile.
const REQUESTS: usize = 1;

/// An open watch.
#[derive(Debug)]
pub(in crate::storage::etcd) struct WatchStream {
    responses: Streaming<WatchResponse>,
    requests: mpsc::Sender<WatchRequest>,
    answers_progress: bool,
}

/// Opens a watch and waits until etcd has made it.
pub(super) async fn open(call: Call, create: WatchCreateRequest) -> Result<WatchStream, Status> {
    let (mut requests, sent) = mpsc::channel(REQUESTS);
    // The channel is empty.
    let _ = requests.try_send(WatchRequest {
        request_union: Some(RequestUnion::CreateRequest(create)),
    });
    let mut client = WatchClient::with_origin(call.connection.clone(), call.connection.origin())
        .max_decoding_message_size(RECEIVE_LIMIT);
    let mut responses = client.watch(call.request(sent)).await?.into_inner();
    let first = responses.message().await?;
    match first {
        Some(response) if response.canceled && is_about_token(&response.cancel_reason) => {
            Err(Status::unauthenticated(response.cancel_reason))
        }
        Some(response) if response.canceled && response.compact_revision == 0 => Err(Status::unavailable(
            format!("etcd refused the watch: {}", response.cancel_reason),
        )),
        Some(response) if response.created => Ok(WatchStream {
            responses,
            requests,
            answers_progress: call.answers_progress,
        }),
        _ => Err(Status::unavailable("etcd ended the watch before it was made")),
    }
}

impl WatchStream {
    /// What etcd tells next; `None` at the end of the stream.
    pub(in crate::storage::etcd) async fn next(&mut self) -> Result<Option<WatchResponse>, CallError> {
        self.responses.message().await.map_err(CallError::from)
    }

    /// Asks the member to tell its progress. One that would not answer rightly is not asked.
    pub(in crate::storage::etcd) fn request_progress(&mut self) {
        if self.answers_progress {
            // Where one waits to be sent, its answer comes after this call.
            let _ = self.requests.try_send(WatchRequest {
                request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})),
            });
        }
    }
}
