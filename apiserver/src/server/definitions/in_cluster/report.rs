//! What a replica says of its definitions, for the operator: `GET /definitionz`.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Serialize;

use super::InCluster;
use super::rewriting::Rewritten;
use super::standing::{Standing, Standings};
use crate::registry::Registry;
use crate::server::served::Served;
use crate::status::ApiError;

/// Where it is.
pub(in crate::server) const PATH: &str = "/definitionz";

/// Bytes of all errors, and of each at least: the operator reads a megabyte.
const ERRORS: usize = 256 * 1024;
const LEAST_OF_ERROR: usize = 64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    name: &'a str,
    uid: &'a str,
    /// Of what is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
    served: bool,
    /// Why the newest generation is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    stored_versions: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewriting: Option<Rewritten>,
    /// Whether nothing is created any more, since the definition is being deleted: creates are refused, and the last one has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    terminating: bool,
    /// How many objects are left of a definition that is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<u64>,
}

/// The report of these definitions, as JSON.
///
/// # Errors
/// It cannot be encoded.
pub(super) async fn of(
    standings: &Standings,
    served: &Served,
    definitions: &InCluster,
) -> Result<Bytes, ApiError> {
    let wrong = standings.values().filter(|standing| standing.error.is_some());
    let most_of_error = (ERRORS / wrong.count().max(1)).max(LEAST_OF_ERROR);
    let mut items = Vec::with_capacity(standings.len());
    for (name, standing) in standings {
        let registry = served.endpoints.registry(&standing.group_resource());
        let terminating = standing.is_terminating();
        items.push(Item {
            name,
            uid: &standing.seen.uid,
            generation: standing.serving.as_ref().map(|serving| serving.generation),
            served: standing.serving.is_some(),
            error: standing.error.as_deref().map(|error| cut(error, most_of_error)),
            stored_versions: &standing.stored_versions,
            rewriting: definitions.rewriting.of(name),
            terminating,
            objects: match terminating {
                true => left(standing, registry.as_deref(), definitions).await,
                false => None,
            },
        });
    }
    let report = Report {
        api_version: "annex.dev/v1alpha1",
        kind: "DefinitionReport",
        items,
    };
    let json = serde_json::to_vec(&report);
    json.map(Bytes::from)
        .map_err(|error| ApiError::Internal(error.to_string()))
}

/// How many objects are left; `None`: that is not known. A definition that was never served has none, whatever one of the same name has
/// left.
async fn left(standing: &Standing, registry: Option<&Registry>, definitions: &InCluster) -> Option<u64> {
    match registry {
        _ if !standing.has_served => Some(0),
        Some(registry) => registry.count_stored().await.ok(),
        None => definitions.left.of(&standing.seen.uid),
    }
}

/// A text's beginning, of so many bytes at most.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{Definitions, SERVER, definition, seen};
    use super::*;
    use crate::endpoint::Endpoints;
    use crate::server::documents::Documents;

    #[tokio::test]
    async fn however_many_are_wrong_the_operator_can_read_it() {
        let cluster = Definitions::new([]).cluster;
        let definitions = InCluster::new(SERVER.to_owned(), cluster.client);
        let info = crate::openapi::Info {
            title: "test".into(),
            version: "1".into(),
        };
        let served = Served {
            endpoints: Endpoints::new(0),
            documents: Arc::new(Documents::new(&[], &info, &[], "")),
            caches: Vec::new(),
        };
        let wrong = |number: usize| {
            let seen = seen(&definition(&format!("lamps{number}"), "color"));
            let standing = Standing {
                error: Some("\u{e9}".repeat(2048)),
                seen: Arc::new(seen),
                serving: None,
                has_served: false,
                creates: Arc::default(),
                stored_versions: BTreeSet::new(),
            };
            (standing.seen.name.clone(), standing)
        };
        let few: Standings = (0..10).map(wrong).collect();
        let json = of(&few, &served, &definitions).await.unwrap();
        assert!(json.len() > 10 * 4096, "{}", json.len());
        let many: Standings = (0..super::super::informer::MOST).map(wrong).collect();
        let json = of(&many, &served, &definitions).await.unwrap();
        assert!(json.len() < 1024 * 1024, "{}", json.len());
    }
}
