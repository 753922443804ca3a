//! Reviews: objects that are created to be answered.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::PostParams;
use kube::{Api, Client, Resource};
use rand::Rng as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure;
use crate::flowcontrol::RateLimiter;

/// `WebhookRetryBackoff` of k8s.io/apiserver: the first wait, its growth, and how often is tried.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const GROWTH: f64 = 1.5;
const JITTER: f64 = 0.2;
const TRIES: u32 = 5;

/// Why a review has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReviewFailed {
    /// The cluster refused it: this server may not ask, or asks wrongly.
    #[error("{0}")]
    Refused(String),
    /// The cluster could not be reached, or could not answer.
    #[error("{0}")]
    Unanswered(String),
    /// No answer came in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// Has the cluster answer `review`, within `timeout` with all tries, each of which takes its turn of `rate`.
///
/// # Errors
/// There is no answer; what may pass was tried again.
pub(crate) async fn create_review<R>(
    client: &Client,
    review: &R,
    timeout: Duration,
    rate: &RateLimiter,
) -> Result<R, ReviewFailed>
where
    R: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let api: Api<R> = Api::all(client.clone());
    let answer = tokio::time::timeout(timeout, until_answered(&api, review, rate)).await;
    match answer {
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(error)) if is_refusal(&error) => Err(ReviewFailed::Refused(failure(&error))),
        Ok(Err(error)) => Err(ReviewFailed::Unanswered(failure(&error))),
        Err(_) => Err(ReviewFailed::TimedOut(timeout)),
    }
}

async fn until_answered<R>(api: &Api<R>, review: &R, rate: &RateLimiter) -> Result<R, kube::Error>
where
    R: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        rate.turn().await;
        match api.create(&PostParams::default(), review).await {
            Err(error) if may_pass(&error) => tracing::debug!(%error, "a review failed, trying again"),
            answer => return answer,
        }
        let jitter = 1.0 + rand::rng().random_range(0.0..JITTER);
        tokio::time::sleep(wait.mul_f64(jitter)).await;
        wait = wait.mul_f64(GROWTH);
    }
    rate.turn().await;
    api.create(&PostParams::default(), review).await
}

/// Whether the cluster has said no, rather than nothing.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429)
}

/// Connection reset, 500, 429, timeouts, and whatever says when to come back.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            matches!(status.code, 429 | 500 | 504)
                || status
                    .details
                    .as_ref()
                    .is_some_and(|details| details.retry_after_seconds > 0)
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        _ => false,
    }
}
