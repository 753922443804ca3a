//! What one replica of a server says that it serves: `GET /definitionz`, over a connection whose certificate the published bundle
//! vouches for.

use std::{collections::HashMap, net::SocketAddr};

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    pki::Certificate,
    probe::{
        Limits,
        verified::{self, ProbeError, RequestError, Token},
    },
};

/// Where it is told.
const PATH: &str = "/definitionz";

/// A `DefinitionReport` of `annex.dev/v1alpha1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Document")]
pub struct Report {
    /// Of each definition, by its uid: all definitions are looked up in it at each look.
    pub items: HashMap<String, Item>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    items: Vec<Item>,
}

impl From<Document> for Report {
    fn from(document: Document) -> Self {
        document.items.into_iter().collect()
    }
}

impl FromIterator<Item> for Report {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        let items = items.into_iter().map(|item| (item.uid.clone(), item));
        Self {
            items: items.collect(),
        }
    }
}

/// What is said of one definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Whether it is served.
    pub served: bool,
    /// The generation that is served.
    pub generation: Option<i64>,
    /// Why the newest is not.
    pub error: Option<String>,
    /// The versions that objects may be stored in.
    pub stored_versions: Vec<String>,
    /// Its deletion was seen, and no object is created any more.
    pub terminating: bool,
    /// How many objects are left then.
    pub objects: Option<u64>,
}

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub struct Question {
    /// The replica.
    pub address: SocketAddr,
    /// The name in the handshake.
    pub server_name: String,
    /// Who must vouch for it.
    pub bundle: Vec<Certificate>,
    /// Who asks.
    pub token: Token,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no verified connection.
    #[error(transparent)]
    Connect(#[from] ProbeError),
    /// There is no answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It is no report.
    #[error("{PATH} answers {0}")]
    Status(StatusCode),
    /// It cannot be read.
    #[error("{PATH} answers something else than a DefinitionReport")]
    Form,
    /// It took too long in all.
    #[error("no complete answer in time")]
    TimedOut,
}

/// Asks a replica.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(question: &Question, limits: &Limits, now: Timestamp) -> Result<Report, AskError> {
    let asked = async {
        let Question {
            address,
            server_name,
            bundle,
            token,
        } = question;
        let mut connection = verified::connect(*address, server_name, bundle, now, limits).await?;
        let answer = connection.get(PATH, Some(token)).await?;
        if answer.status != StatusCode::OK {
            return Err(AskError::Status(answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|_| AskError::Form)
    };
    tokio::time::timeout(limits.whole, asked)
        .await
        .unwrap_or(Err(AskError::TimedOut))
}
