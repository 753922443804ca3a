//! Asking the cluster: SubjectAccessReview, with its answers kept for a while.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use kube::Client;

use super::attributes::ResourceAttributes as Asked;
use super::{Attributes, Decision, Options, ReviewError, selectors};
use crate::flowcontrol::RateLimiter;
use crate::kubernetes::{ReviewBudgets, create_review};
use crate::lookup::{Singleflight, TtlCache};
use crate::request::User;

/// As in Go: answers kept, and the size from which on a question's answer is not kept.
const KEPT: usize = 8192;
const TOO_LARGE: usize = 10_000;

/// `ClientTimeout` of the delegated authorizer; here with all tries.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A question under way may be answered to many, and outlives the one who asked first.
const LONGEST: Duration = Duration::from_secs(30);

type Answer = Result<Decision, ReviewError>;

/// Asks the cluster.
pub(super) struct AccessReviews {
    client: Client,
    kept: Arc<TtlCache<Box<[u8]>, Decision>>,
    asking: Singleflight<Box<[u8]>, Answer>,
    budgets: ReviewBudgets,
    authorized_ttl: Duration,
    unauthorized_ttl: Duration,
}

impl AccessReviews {
    pub(super) fn new(client: Client, options: &Options) -> Self {
        Self {
            client,
            kept: Arc::new(TtlCache::new(KEPT)),
            asking: Singleflight::new(LONGEST),
            budgets: ReviewBudgets::new(),
            authorized_ttl: options.authorized_ttl,
            unauthorized_ttl: options.unauthorized_ttl,
        }
    }

    /// What the cluster says, or said a moment ago.
    pub(super) async fn review(&self, user: &User, asked: &Attributes<'_>) -> Answer {
        let key = asked.key(user);
        match self.kept.get(&key) {
            Some(decision) => Ok(decision),
            // Boxed: a request that has its answer must not be as large as one that waits for the cluster.
            None => self.ask(key, user, asked).boxed().await,
        }
    }

    async fn ask(&self, key: Box<[u8]>, user: &User, asked: &Attributes<'_>) -> Answer {
        let budget = self.budgets.of(!user.is_in(User::UNAUTHENTICATED));
        // Nothing is begun for what would be refused at once.
        if budget.is_full(&user.name) && !self.asking.is_under_way(&key) {
            return Err(ReviewError::busy());
        }
        let (client, kept) = (self.client.clone(), Arc::clone(&self.kept));
        let (budget, flow) = (budget.clone(), user.name.clone());
        let (authorized, unauthorized) = (self.authorized_ttl, self.unauthorized_ttl);
        let review = review_of(user, asked);
        let keep = (asked.size() < TOO_LARGE).then(|| key.clone());
        let lookup = async move {
            let _room = budget.room(&flow).await.map_err(|_| ReviewError::busy())?;
            let decision = answered(&client, review, budget.rate()).await?;
            if let Some(key) = keep {
                let time = match decision {
                    Decision::Allow => authorized,
                    Decision::Deny(_) | Decision::NoOpinion(_) => unauthorized,
                };
                kept.insert(key, decision.clone(), time);
            }
            Ok(decision)
        };
        let joined = self.asking.join(&key, lookup).await;
        joined.unwrap_or_else(|error| Err(ReviewError::new(error.to_string())))
    }
}

async fn answered(client: &Client, review: SubjectAccessReview, rate: &RateLimiter) -> Answer {
    let answered = create_review(client, &review, TIMEOUT, rate).await;
    let status = answered
        .map_err(|error| ReviewError::new(error.to_string()))?
        .status
        .unwrap_or_default();
    let SubjectAccessReviewStatus {
        allowed,
        denied,
        reason,
        ..
    } = status;
    let reason = reason.unwrap_or_default();
    match (allowed, denied.unwrap_or_default()) {
        (true, true) => Err(ReviewError::new(
            "webhook subject access review returned both allow and deny response".to_owned(),
        )),
        (false, true) => Ok(Decision::Deny(reason)),
        (true, false) => Ok(Decision::Allow),
        (false, false) => Ok(Decision::NoOpinion(reason)),
    }
}

fn review_of(user: &User, asked: &Attributes<'_>) -> SubjectAccessReview {
    let mut spec = SubjectAccessReviewSpec {
        user: given(&user.name),
        uid: given(&user.uid),
        groups: (!user.groups.is_empty()).then(|| user.groups.clone()),
        extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
        ..SubjectAccessReviewSpec::default()
    };
    match asked {
        Attributes::Path { verb, path } => {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                path: given(path),
                verb: given(verb),
            });
        }
        Attributes::Resource(asked) => spec.resource_attributes = Some(resource_attributes(asked)),
    }
    SubjectAccessReview {
        spec,
        ..SubjectAccessReview::default()
    }
}

fn resource_attributes(asked: &Asked<'_>) -> ResourceAttributes {
    ResourceAttributes {
        verb: given(&asked.verb),
        group: given(asked.group),
        version: given(asked.version),
        resource: given(asked.resource),
        subresource: given(asked.subresource),
        namespace: given(asked.namespace),
        name: given(asked.name),
        field_selector: selectors::fields(asked.field_selector),
        label_selector: selectors::labels(asked.label_selector),
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
