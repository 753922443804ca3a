//! Whether a resource that nobody serves here is about to be served. Two replicas learn of a definition at different moments: between
//! them one would answer 404, which garbage collection takes for the end of an owner. So who does not know a resource asks the cluster for
//! the definition by name, and its own storage for objects of one that is gone.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use annex_schema::names;
use kube::Client;

use super::kept;
use super::live::{self, Live, TIMEOUT};
use crate::flowcontrol::RateLimiter;
use crate::lookup::{Singleflight, TtlCache};
use crate::request::RequestInfo;
use crate::server::installer::Installer;
use crate::status::ApiError;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(1);
/// How many are.
const MOST_KEPT: usize = 1_000;
/// How long the cluster and the storage may take together.
const LONGEST: Duration = TIMEOUT.saturating_mul(2);
/// Questions in a second, and at once.
const RATE: (u32, u32) = (20, 100);
/// Bytes of a name that a definition can have.
const LONGEST_NAME: usize = 253;

/// What the cluster has by a name.
#[derive(Clone, Debug)]
enum Answer {
    /// No definition of this server, nor objects of one.
    Absent,
    /// One with these served versions, or objects of one that had them.
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
    /// Where what is stored is asked, once something is served.
    installer: OnceLock<Weak<Installer>>,
}

impl Lookup {
    pub(super) fn new(server: String, client: Client) -> Self {
        Self {
            server,
            client,
            kept: TtlCache::new(MOST_KEPT),
            under_way: Singleflight::new(LONGEST),
            rate: Arc::new(RateLimiter::new(RATE.0, RATE.1)),
            installer: OnceLock::new(),
        }
    }

    /// Asks this one's storage, from now on, whether objects are there of what the cluster does not have.
    pub(super) fn ask_storage_of(&self, installer: &Arc<Installer>) {
        self.installer.get_or_init(|| Arc::downgrade(installer));
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
        let installer = self.installer.get().and_then(Weak::upgrade);
        let answer = self.under_way.join(
            &name,
            async move { ask(client, &asked, &server, installer).await },
        );
        let answer = answer.await.unwrap_or(Answer::Unknown);
        self.kept.insert(name, answer.clone(), KEPT);
        answer
    }
}

async fn ask(client: Client, name: &str, server: &str, installer: Option<Arc<Installer>>) -> Answer {
    match live::get(client, name, server).await {
        Live::Is(seen) => Answer::Serves(seen.served_versions.into()),
        Live::Absent => stored(name, installer).await,
        Live::Unknown => Answer::Unknown,
    }
}

/// The answer where the cluster has no definition: objects that are stored by one are there still. It was taken away without them, with the
/// definitions' own CustomResourceDefinition for instance, and they are served again once it is back.
async fn stored(name: &str, installer: Option<Arc<Installer>>) -> Answer {
    let storage = match installer {
        Some(installer) => installer.storage().await,
        None => None,
    };
    let Some(storage) = storage else {
        return Answer::Unknown;
    };
    match kept::with_objects(&*storage, name).await {
        Ok(None) => Answer::Absent,
        Ok(Some(kept)) => {
            let versions = kept.definition.spec.versions.iter();
            let served = versions.filter(|version| version.served);
            Answer::Serves(served.map(|version| version.name.clone()).collect())
        }
        Err(error) => {
            tracing::warn!(definition = name, %error, "it is not known whether objects of a definition that is gone are stored");
            Answer::Unknown
        }
    }
}
