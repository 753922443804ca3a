//! Tokens that the cluster knows: TokenReview, with its answers kept for a while, good ones and bad ones, as
//! k8s.io/apiserver's cached token authenticator (pkg/authentication/token/cache) keeps them.
//!
//! A token that was accepted once is reviewed again beside others of its like alone; one that nobody has seen before waits
//! with those that somebody makes up.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::Client;

use super::{Digest, Digests, TokenRejected};
use crate::flowcontrol::RateLimiter;
use crate::kubernetes::{ReviewBudgets, ReviewFailed, create_review};
use crate::lookup::{Singleflight, TtlCache};
use crate::request::User;

/// Go keeps as many as there are; this is its own margin for the largest clusters.
const KEPT: usize = 32_768;

/// `TokenRequestTimeout`, with all tries, and the bound of a lookup that many wait for.
const TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(30);

/// How long a token is remembered that was accepted: what the tokens of service accounts live for.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A user, or none.
type Known = Option<Arc<User>>;
type Answer = Result<Known, TokenRejected>;

/// Asks the cluster.
pub(in crate::authn) struct ReviewedTokens {
    client: Client,
    digests: Digests,
    kept: Arc<TtlCache<Digest, Known>>,
    accepted: Arc<TtlCache<Digest, ()>>,
    asking: Singleflight<Digest, Answer>,
    budgets: ReviewBudgets,
    ttl: Duration,
}

impl ReviewedTokens {
    /// Keeps answers for `ttl`, good or bad; failures never.
    pub(in crate::authn) fn new(client: Client, ttl: Duration) -> Self {
        Self {
            client,
            digests: Digests::new(),
            kept: Arc::new(TtlCache::new(KEPT)),
            accepted: Arc::new(TtlCache::new(KEPT)),
            asking: Singleflight::new(LONGEST),
            budgets: ReviewBudgets::new(),
            ttl,
        }
    }

    /// The user of `token`.
    pub(in crate::authn) async fn user(&self, token: &str) -> Result<User, TokenRejected> {
        let digest = self.digests.of(token);
        let known = match self.kept.get(&digest) {
            Some(known) => known,
            // Boxed: a request whose token is known must not be as large as one that waits for the cluster.
            None => self.ask(digest, token).boxed().await?,
        };
        known.as_deref().cloned().ok_or(TokenRejected::Invalid)
    }

    async fn ask(&self, digest: Digest, token: &str) -> Answer {
        let budget = self.budgets.of(self.accepted.get(&digest).is_some());
        // Nothing is begun for what would be refused at once.
        if budget.is_full(&digest) && !self.asking.is_under_way(&digest) {
            return Err(TokenRejected::Busy);
        }
        let (client, kept, ttl) = (self.client.clone(), Arc::clone(&self.kept), self.ttl);
        let (accepted, budget) = (Arc::clone(&self.accepted), budget.clone());
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let lookup = async move {
            let _room = budget.room(&digest).await.map_err(|_| TokenRejected::Busy)?;
            let known = answered(&client, &review, budget.rate()).await?;
            kept.insert(digest, known.clone(), ttl);
            if known.is_some() {
                accepted.insert(digest, (), REMEMBERED);
            }
            Ok(known)
        };
        let joined = self.asking.join(&digest, lookup).await;
        joined.unwrap_or_else(|error| Err(TokenRejected::Unanswered(error.to_string())))
    }
}

async fn answered(client: &Client, review: &TokenReview, rate: &RateLimiter) -> Answer {
    let answered = create_review(client, review, TIMEOUT, rate).await;
    let status = answered.map_err(rejected)?.status.unwrap_or_default();
    known(status)
}

fn rejected(error: ReviewFailed) -> TokenRejected {
    match error {
        ReviewFailed::Refused(text) => TokenRejected::Refused(text),
        ReviewFailed::Unanswered(_) | ReviewFailed::TimedOut(_) => {
            TokenRejected::Unanswered(error.to_string())
        }
    }
}

fn known(status: TokenReviewStatus) -> Answer {
    if !status.authenticated.unwrap_or_default() {
        return match status.error.filter(|error| !error.is_empty()) {
            Some(error) => Err(TokenRejected::Refused(error)),
            None => Ok(None),
        };
    }
    let user = status.user.unwrap_or_default();
    Ok(Some(Arc::new(User {
        name: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    })))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::{Value, json};

    use super::*;
    use crate::kubernetes::testing::{Answer as Response, FakeCluster};

    const TTL: Duration = Duration::from_secs(10);

    fn cluster(status: impl Fn(&str) -> Value + Send + Sync + 'static) -> FakeCluster {
        FakeCluster::new(move |request| {
            assert_eq!(request.path, "/apis/authentication.k8s.io/v1/tokenreviews");
            let mut review = request.body.clone();
            review["status"] = status(review["spec"]["token"].as_str().unwrap());
            Response::ok(review)
        })
    }

    fn good(token: &str) -> Value {
        json!({"authenticated": true, "user": {"username": token, "uid": "u", "groups": ["g"],
               "extra": {"k": ["v"]}}})
    }

    fn tokens(cluster: &FakeCluster) -> ReviewedTokens {
        ReviewedTokens::new(cluster.client.clone(), TTL)
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_token_is_asked_for_once_in_its_time() {
        let cluster = cluster(good);
        let tokens = tokens(&cluster);
        for _ in 0..3 {
            let user = tokens.user("alice").await.unwrap();
            assert_eq!((user.name.as_str(), user.uid.as_str()), ("alice", "u"));
            assert_eq!(
                (user.groups, user.extra["k"].clone()),
                (vec!["g".to_owned()], vec!["v".to_owned()])
            );
        }
        assert_eq!(cluster.seen().len(), 1);
        assert_eq!(tokens.user("bob").await.unwrap().name, "bob");
        tokio::time::advance(TTL).await;
        tokens.user("alice").await.unwrap();
        assert_eq!(cluster.seen().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_token_is_known_for_its_time_too() {
        let cluster = cluster(|_| json!({"authenticated": false}));
        let tokens = tokens(&cluster);
        for _ in 0..3 {
            assert!(matches!(tokens.user("bad").await, Err(TokenRejected::Invalid)));
        }
        assert_eq!(cluster.seen().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn errors_are_not_kept() {
        let cluster = cluster(|_| json!({"authenticated": false, "error": "token expired"}));
        let tokens = tokens(&cluster);
        for _ in 0..2 {
            let error = tokens.user("bad").await.unwrap_err();
            assert_eq!(error.to_string(), "token expired");
        }
        assert_eq!(cluster.seen().len(), 2);

        let down = Arc::new(AtomicBool::new(true));
        let cluster = FakeCluster::new({
            let down = Arc::clone(&down);
            move |request| {
                if down.load(Ordering::SeqCst) {
                    return Response::status(403, "Forbidden", "may not create tokenreviews");
                }
                let mut review = request.body.clone();
                review["status"] = good("alice");
                Response::ok(review)
            }
        });
        let tokens = self::tokens(&cluster);
        let error = tokens.user("alice").await.unwrap_err();
        assert_eq!(error.to_string(), "may not create tokenreviews");
        down.store(false, Ordering::SeqCst);
        assert_eq!(tokens.user("alice").await.unwrap().name, "alice");
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_show_the_same_token_at_once_are_one_question() {
        let cluster = cluster(good);
        let tokens = tokens(&cluster);
        let users = futures::future::join_all((0..50).map(|_| tokens.user("alice"))).await;
        assert!(users.iter().all(Result::is_ok));
        assert_eq!(cluster.seen().len(), 1);
    }

    /// A cluster that answers for alice alone.
    fn slow_cluster() -> FakeCluster {
        FakeCluster::new(|request| {
            let mut review = request.body.clone();
            let token = review["spec"]["token"].as_str().unwrap().to_owned();
            if token != "alice" {
                return Response::Never;
            }
            review["status"] = good(&token);
            Response::ok(review)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_nobody_knows_wait_for_each_other_alone() {
        let cluster = slow_cluster();
        let tokens = tokens(&cluster);
        tokens.user("alice").await.unwrap();
        tokio::time::advance(TTL).await;
        let made_up: Vec<String> = (0..1_000).map(|number| format!("random {number}")).collect();
        let begun = tokio::time::Instant::now();
        let mut attack = Box::pin(futures::future::join_all(
            made_up.iter().map(|token| tokens.user(token)),
        ));
        assert!((&mut attack).now_or_never().is_none());
        // It was accepted before: although its answer is not kept any more it waits for none of them.
        tokens.user("alice").await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // Who was never accepted is with the others.
        assert!(matches!(tokens.user("bob").await, Err(TokenRejected::Busy)));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let answers = attack.await;
        let busy = answers
            .iter()
            .filter(|answer| matches!(answer, Err(TokenRejected::Busy)))
            .count();
        assert_eq!(
            (answers.len(), busy),
            (1_000, 960),
            "all but those that were asked for"
        );
        assert_eq!(cluster.seen().len(), 2 + 40);
    }

    #[tokio::test(start_paused = true)]
    async fn reviews_have_a_rate() {
        let cluster = cluster(|_| json!({"authenticated": false}));
        let tokens = tokens(&cluster);
        let begun = tokio::time::Instant::now();
        for number in 0..200 {
            assert!(matches!(
                tokens.user(&format!("bad {number}")).await,
                Err(TokenRejected::Invalid)
            ));
        }
        // A burst of 80, then 40 a second.
        let elapsed = begun.elapsed().as_secs_f64();
        assert!((2.9..3.3).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_hangs_is_an_error_in_time() {
        let cluster = FakeCluster::new(|_| Response::Never);
        let begun = tokio::time::Instant::now();
        let rejected = tokens(&cluster).user("alice").await.unwrap_err();
        assert!(matches!(rejected, TokenRejected::Unanswered(_)), "{rejected:?}");
        assert!(begun.elapsed() <= LONGEST);
    }
}
