//! Authentication by name and password: `clientv3/auth.go` and the token credentials of Go's client.
//!
//! A token is fetched when a call first needs one, and again when etcd does not know it any more: after a restart, when
//! it has expired, when users or roles were changed. The password is read from its file each time.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tonic::metadata::{Ascii, MetadataValue};

use super::dial::Connection;
use super::error::CallError;
use crate::storage::etcd::options::{ConnectError, Credentials};
use crate::storage::etcd::proto::etcdserverpb::AuthenticateRequest;
use crate::storage::etcd::proto::etcdserverpb::auth_client::AuthClient;

/// What a call shows. It is one of the cluster, not of a member.
pub(super) type Token = Arc<MetadataValue<Ascii>>;

/// Who this client is, and the token that proves it.
#[derive(Debug)]
pub(super) struct Auth {
    credentials: Option<Credentials>,
    token: ArcSwapOption<MetadataValue<Ascii>>,
    /// Held by who fetches one.
    turn: tokio::sync::Mutex<()>,
}

impl Auth {
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            token: ArcSwapOption::empty(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Whether the password can be read.
    pub(super) async fn check(&self) -> Result<(), ConnectError> {
        match &self.credentials {
            Some(credentials) => password(credentials).await.map(drop),
            None => Ok(()),
        }
    }

    /// The token to show; fetched over `connection` where there is none, or where it is `refused`. `None`: etcd wants none
    /// of this client.
    pub(super) async fn token(
        &self,
        connection: &Connection,
        refused: Option<&Token>,
    ) -> Result<Option<Token>, CallError> {
        let Some(credentials) = &self.credentials else {
            return Ok(None);
        };
        if let Some(token) = self.known(refused) {
            return Ok(Some(token));
        }
        let _turn = self.turn.lock().await;
        if let Some(token) = self.known(refused) {
            return Ok(Some(token));
        }
        let token = fetch(connection, credentials).await?.map(Arc::new);
        self.token.store(token.clone());
        Ok(token)
    }

    fn known(&self, refused: Option<&Token>) -> Option<Token> {
        let known = self.token.load_full()?;
        let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, &known));
        (!is_refused).then_some(known)
    }

    /// etcd does not know the token: the next call fetches one.
    pub(super) fn forget(&self, refused: &Token) {
        let known = self.token.load();
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, refused)) {
            self.token.store(None);
        }
    }

    /// Whether a refusal of the token can be answered by another one.
    pub(super) const fn can_renew(&self) -> bool {
        self.credentials.is_some()
    }
}

async fn password(credentials: &Credentials) -> Result<String, ConnectError> {
    let text = tokio::fs::read_to_string(&credentials.password_file)
        .await
        .map_err(|source| ConnectError::File {
            path: credentials.password_file.clone(),
            source,
        })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// `None`: the etcd has authentication turned off, and wants none.
async fn fetch(
    connection: &Connection,
    credentials: &Credentials,
) -> Result<Option<MetadataValue<Ascii>>, CallError> {
    let failed = |error: &dyn ToString| CallError::Authentication(error.to_string().into());
    let request = AuthenticateRequest {
        name: credentials.user.clone(),
        password: password(credentials).await.map_err(|error| failed(&error))?,
    };
    let mut client = AuthClient::with_origin(connection.clone(), connection.origin());
    match client.authenticate(request).await {
        Ok(answer) => {
            let token = MetadataValue::try_from(answer.into_inner().token).map_err(|error| failed(&error))?;
            Ok(Some(token))
        }
        Err(status) if status.message().contains("authentication is not enabled") => Ok(None),
        Err(status) => match CallError::from(status) {
            CallError::Refused(status) if status.code() != tonic::Code::Unavailable => {
                Err(failed(&status.message()))
            }
            error => Err(error),
        },
    }
}
