//! A unary call: to which member, how often, for how long.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Uri;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use super::auth::Token;
use super::dial::Connection;
use super::error::CallError;
use super::member::{Live, Member};
use super::{Client, RECEIVE_LIMIT, Repeat, SEND_LIMIT};
use crate::storage::etcd::proto::etcdserverpb::kv_client::KvClient;

/// What one attempt at a call needs.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) connection: Connection,
    pub(super) answers_progress: bool,
    token: Option<Token>,
}

impl Call {
    pub(super) const fn new(connection: Connection, token: Option<Token>, answers_progress: bool) -> Self {
        Self {
            connection,
            answers_progress,
            token,
        }
    }

    /// The message with what every call carries: the token, and that a member without a leader is to refuse it rather
    /// than to let it wait.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = of_member(message, self.token.as_ref());
        request
            .metadata_mut()
            .insert("hasleader", MetadataValue::from_static("true"));
        request
    }

    /// A client of keys and values with the limits of messages.
    pub(super) fn limited(
        &self,
        client: impl FnOnce(Connection, Uri) -> KvClient<Connection>,
    ) -> KvClient<Connection> {
        client(self.connection.clone(), self.connection.origin())
            .max_decoding_message_size(RECEIVE_LIMIT)
            .max_encoding_message_size(SEND_LIMIT)
    }
}

/// The message with the token: what a member answers without a leader too.
pub(super) fn of_member<T>(message: T, token: Option<&Token>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", (**token).clone());
    }
    request
}

impl Client {
    /// Makes a call on the member that is preferred, and on others where that is of use, within `limit` in all.
    pub(super) async fn unary<T, F>(
        &self,
        repeat: Repeat,
        limit: Duration,
        call: impl Fn(Call) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let deadline = Instant::now() + limit;
        let members = self.members.len();
        // One that does not answer must leave time for another.
        let share = limit / u32::try_from(members.min(3)).unwrap_or(1);
        let mut attempts = 0;
        loop {
            let preferred = self.preferred.load(Ordering::Relaxed);
            let member = &self.members[preferred % members];
            let patience = deadline.min(Instant::now() + share);
            let error = match timeout_at(patience, member.live()).await {
                Ok(Ok(live)) => {
                    let until = match repeat {
                        Repeat::Safe => patience,
                        Repeat::Unsafe => deadline,
                    };
                    match timeout_at(until, on(member, &live, &call)).await {
                        Ok(Ok(answer)) => return Ok(answer),
                        Ok(Err(error)) => error,
                        Err(_) => CallError::Overdue(limit),
                    }
                }
                Ok(Err(error)) => error,
                Err(_) => CallError::Unsent("no connection in time".into()),
            };
            if !error.blames_member() {
                return Err(error);
            }
            // Once for all calls that failed there together.
            let next = preferred.wrapping_add(1);
            let _ = self
                .preferred
                .compare_exchange(preferred, next, Ordering::Relaxed, Ordering::Relaxed);
            attempts += 1;
            let may_repeat = repeat == Repeat::Safe || error.was_not_sent();
            if attempts >= members || !may_repeat || Instant::now() >= deadline {
                return Err(error);
            }
        }
    }
}

/// One attempt; a second one where etcd does not know the token.
async fn on<T, F>(member: &Member, live: &Live, call: &impl Fn(Call) -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, Status>>,
{
    let attempt = |token| Call::new(live.connection.clone(), token, live.answers_progress);
    let token = member.auth().token(&live.connection, None).await?;
    match call(attempt(token.clone())).await.map_err(CallError::from) {
        Err(error) if error.wants_token() && member.auth().can_renew() => {
            let token = member.auth().token(&live.connection, token.as_ref()).await?;
            Ok(call(attempt(token)).await?)
        }
        answer => answer,
    }
}
