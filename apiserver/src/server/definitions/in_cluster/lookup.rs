//! Whether a resource that nobody serves here is about to be served. Two replicas learn of a definition at different moments: between
//! them one would answer 404, which garbage collection takes for the end of an owner. So who does not know a resource asks the cluster for
//! the definition by name.

use std::sync::Arc;
use std::time::Duration;

use annex_schema::names;
use kube::core::DynamicObject;
use kube::{Api, Client};

use super::seen::{Seen, api_resource};
use crate::flowcontrol::RateLimiter;
use crate::kubernetes::failure;
use crate::lookup::{Singleflight, TtlCache};
use crate::request::RequestInfo;
use crate::status::ApiError;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(1);
/// How many are.
const MOST_KEPT: usize = 1_000;
/// How long the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions in a second, and at once.
const RATE: (u32, u32) = (20, 100);
/// Bytes of a name that a definition can have.
const LONGEST_NAME: usize = 253;

/// What the cluster has by a name.
#[derive(Clone, Debug)]
enum Answer {
    /// No definition of this server.
    Absent,
    /// One with these served versions.
    Serves(Arc<[String]>),
    /// It does not say.
    Unknown,
}

/// Asks the cluster for definitions, one by one.
pub(super) struct Lookup {
    server: String,
    client: Client,
    kept: TtlCache<String, Answer>,
    under_way: Singleflight<String, Answer>,
    rate: Arc<RateLimiter>,
}

impl Lookup {
    pub(super) fn new(server: String, client: Client) -> Self {
        Self {
            server,
            client,
            kept: TtlCache::new(MOST_KEPT),
            under_way: Singleflight::new(TIMEOUT),
            rate: Arc::new(RateLimiter::new(RATE.0, RATE.1)),
        }
    }

    /// The answer for a resource that is not served here.
    pub(super) async fn unknown(&self, info: &RequestInfo) -> ApiError {
        let name = format!("{}.{}", info.resource, info.group);
        let is_name = name.len() <= LONGEST_NAME && names::dns_subdomain_name(&name).is_empty();
        if !is_name {
            return ApiError::UnknownPath;
        }
        match self.of(name).await {
            Answer::Absent => ApiError::UnknownPath,
            Answer::Serves(versions) if !versions.contains(&info.version) => ApiError::UnknownPath,
            Answer::Serves(_) | Answer::Unknown => ApiError::ServiceUnavailable {
                message: "the request has been made before all known HTTP paths have been installed, please try again"
                    .to_owned(),
                retry_after: 1,
            },
        }
    }

    async fn of(&self, name: String) -> Answer {
        if let Some(answer) = self.kept.get(&name) {
            return answer;
        }
        if !self.under_way.is_under_way(&name) && !self.rate.has_turn() {
            return Answer::Unknown;
        }
        let (server, client, asked) = (self.server.clone(), self.client.clone(), name.clone());
        let answer = self
            .under_way
            .join(&name, async move { ask(client, &asked, &server).await });
        let answer = answer.await.unwrap_or(Answer::Unknown);
        self.kept.insert(name, answer.clone(), KEPT);
        answer
    }
}

async fn ask(client: Client, name: &str, server: &str) -> Answer {
    let api: Api<DynamicObject> = Api::all_with(client, &api_resource());
    match api.get(name).await {
        Ok(found) => match Seen::of(found, server) {
            Some(seen) => Answer::Serves(seen.served_versions.into()),
            None => Answer::Absent,
        },
        Err(error) if is_not_found(&error, name) => Answer::Absent,
        Err(error) => {
            tracing::warn!(
                definition = name,
                error = failure(&error),
                "it is not known whether there is a definition"
            );
            Answer::Unknown
        }
    }
}

/// Whether there is no object of this name. Where nobody knows the kind it is not known what there is.
fn is_not_found(error: &kube::Error, name: &str) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let is_about = status
        .details
        .as_ref()
        .is_some_and(|details| details.name == name);
    status.code == 404 && is_about
}
