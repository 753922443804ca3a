//! The rate at which the API server is asked, as that of client-go (flowcontrol's token bucket): so many requests a second, and so
//! many at once after a pause. Watches and the lease have clients of their own, without one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::Request;
use kube::client::Body;
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceExt as _, layer::layer_fn};

/// The longest wait for a turn: as long as an answer may take.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A request was not sent: too many others wait before it.
#[derive(Debug, thiserror::Error)]
#[error("more requests wait for the API server than can be sent within {} s (--kube-api-qps)", LONGEST_WAIT.as_secs())]
pub struct TooManyWait;

/// How often the API server may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, at least 1.
    pub qps: u16,
    /// Requests at once, at least 1.
    pub burst: u16,
}

/// Turns, which come back at the rate. Clones share them.
#[derive(Clone)]
struct Bucket(Arc<Shared>);

struct Shared {
    /// Between two turns.
    interval: Duration,
    /// How much earlier than that a turn may come.
    allowance: Duration,
    /// When the next turn would come without allowance.
    next: Mutex<Instant>,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / u32::from(rate.qps.max(1));
        Self(Arc::new(Shared {
            interval,
            allowance: interval * u32::from(rate.burst.max(1) - 1),
            next: Mutex::new(Instant::now()),
        }))
    }

    /// Takes a turn; how long it is until then.
    fn take(&self) -> Result<Duration, TooManyWait> {
        let now = Instant::now();
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        let wait = turn
            .saturating_duration_since(now)
            .saturating_sub(self.0.allowance);
        if wait > LONGEST_WAIT {
            return Err(TooManyWait);
        }
        *next = turn + self.0.interval;
        Ok(wait)
    }
}

/// A client's service, whose requests wait for their turn, in the order in which they come. Clones share the turns.
pub struct Limited<S> {
    bucket: Bucket,
    service: Arc<tokio::sync::Mutex<S>>,
}

impl<S> Clone for Limited<S> {
    fn clone(&self) -> Self {
        Self {
            bucket: self.bucket.clone(),
            service: Arc::clone(&self.service),
        }
    }
}

impl<S> Service<Request<Body>> for Limited<S>
where
    S: Service<Request<Body>> + Send + 'static,
    S::Response: 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (service, turn) = (Arc::clone(&self.service), self.bucket.take());
        Box::pin(async move {
            let wait = turn?;
            if !wait.is_zero() {
                sleep(wait).await;
            }
            let answer = {
                let mut service = service.lock().await;
                service.ready().await.map_err(Into::into)?.call(request)
            };
            answer.await.map_err(Into::into)
        })
    }
}

/// A layer for a client of the API server.
pub fn limiting<S>(rate: Rate) -> impl Layer<S, Service = Limited<S>> {
    let bucket = Bucket::new(rate);
    layer_fn(move |service| Limited {
        bucket: bucket.clone(),
        service: Arc::new(tokio::sync::Mutex::new(service)),
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::future::join_all;
    use http::Response;
    use tower::service_fn;

    use super::*;

    const RATE: Rate = Rate { qps: 50, burst: 100 };

    /// When each of `count` requests that come at once is sent, or why it is not.
    async fn sent(layer_count: usize) -> Vec<Result<Duration, String>> {
        let began = Instant::now();
        let service =
            service_fn(
                move |_: Request<Body>| async move { Ok::<_, Infallible>(Response::new(began.elapsed())) },
            );
        let limited = limiting(RATE).layer(service);
        let requests = (0..layer_count).map(|_| {
            let mut limited = limited.clone();
            limited.call(Request::new(Body::empty()))
        });
        let answers = join_all(requests).await;
        let times = answers.into_iter().map(|answer| answer.map(Response::into_body));
        times
            .map(|time| time.map_err(|error| error.to_string()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let sent = sent(200).await;
        let at = |index: usize| sent[index].clone().unwrap();
        assert_eq!(at(99), Duration::ZERO);
        assert!(at(100) >= Duration::from_millis(20) && at(100) < Duration::from_millis(40));
        assert!(at(199) >= Duration::from_secs(2) && at(199) < Duration::from_millis(2040));
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_too_long_is_told_at_once() {
        let sent = sent(1200).await;
        // A burst, and what is sent within 20 s.
        assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 1100);
        let refused = sent[1199].clone().unwrap_err();
        assert!(refused.contains("--kube-api-qps"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_back_up_to_the_burst() {
        let bucket = Bucket::new(RATE);
        let at_once = || {
            (0..500)
                .take_while(|_| bucket.take().is_ok_and(|wait| wait.is_zero()))
                .count()
        };
        assert_eq!(at_once(), 100);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(at_once(), 100);
    }
}
