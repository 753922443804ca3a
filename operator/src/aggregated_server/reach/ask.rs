//! Asks every kube-apiserver for a server's discovery, which its proxy has to get from the server.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, Config, client::Body};

use super::{
    Ask,
    verdict::{self, Answer},
};
use crate::aggregated_server::control_planes::{self, MAX_CONTROL_PLANES};

/// How long one may take: the proxy waits 5 s for an answer to discovery.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is asked before it is known to take the API for unavailable: where only some do not reach the server, the next one finds it available
/// a moment later.
const ATTEMPTS: u32 = 4;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(300);
/// How much of an answer is read; a server's own may be of any size.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Over the network, as the operator: kube-apiserver keeps its token to itself, and tells the server its name.
#[must_use]
pub fn over_network(client: Client, config: Config) -> Ask {
    Arc::new(move |path| {
        let (client, config) = (client.clone(), config.clone());
        Box::pin(async move { every_one(&client, &config, &path).await })
    })
}

/// Empty where there are less than two: what the only one finds is the condition of the APIService. `None` where it is not known which
/// there are.
async fn every_one(client: &Client, config: &Config, path: &str) -> Option<Vec<(String, Answer)>> {
    let listed = tokio::time::timeout(ANSWER_TIMEOUT, control_planes::addresses(client)).await;
    let mut addresses = listed.ok()?.ok()?;
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(MAX_CONTROL_PLANES);
    if addresses.len() < 2 {
        return Some(Vec::new());
    }
    let answers = addresses.into_iter().map(|address| async move {
        let answer = match control_planes::client_of(config, &address) {
            Ok(client) => one(&client, path).await,
            Err(_) => Answer::Unknown,
        };
        (address, answer)
    });
    Some(join_all(answers).await)
}

async fn one(client: &Client, path: &str) -> Answer {
    for _ in 1..ATTEMPTS {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, once(client, path)).await;
        match answer.ok().flatten() {
            None => return Answer::Unknown,
            Some(Answer::Unknown) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
            Some(answer) => return answer,
        }
    }
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, once(client, path)).await;
    answer.ok().flatten().unwrap_or(Answer::Unknown)
}

/// `None` where it did not answer at all.
async fn once(client: &Client, path: &str) -> Option<Answer> {
    let request = http::Request::get(path).body(Body::empty()).ok()?;
    let (head, body) = client.send(request).await.ok()?.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    // What is larger is no word of the proxy.
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    Some(verdict::interpret(head.status, &String::from_utf8_lossy(&body)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use annex_crds::v1alpha1::Reason;
    use http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::fake_client::{self, fake_client};

    const PATH: &str = "/apis/wardle.example.com/v1alpha1";

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_the_api_for_unavailable_is_asked_again() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let client = fake_client(move |request| {
            assert_eq!(request.path, PATH);
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => fake_client::Answer::Text(StatusCode::SERVICE_UNAVAILABLE, "service unavailable\n"),
                _ => fake_client::Answer::Text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "dial tcp 10.96.0.9:443: i/o timeout\n",
                ),
            }
        });
        let answer = one(&client, PATH).await;
        assert_eq!(answer, Answer::Unreached(Reason::ControlPlaneUnreachable));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_answer_says_nothing_of_the_server() {
        let client = fake_client(|_| fake_client::Answer::Never);
        assert_eq!(one(&client, PATH).await, Answer::Unknown);
    }

    #[tokio::test]
    async fn the_only_control_plane_is_not_asked() {
        let client = fake_client(|request| {
            assert!(request.path.ends_with("/endpointslices"), "{}", request.path);
            let slice = json!({ "metadata": {}, "addressType": "IPv4", "endpoints": [{ "addresses": ["10.0.0.1"] }] });
            fake_client::Answer::ok(json!({ "metadata": {}, "items": [slice] }))
        });
        let config = Config::new("http://127.0.0.1".parse().unwrap());
        assert_eq!(
            over_network(client, config)(PATH.to_owned()).await,
            Some(Vec::new())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn control_planes_that_cannot_be_listed_are_none_that_reach_the_server() {
        for answer in [
            fake_client::Answer::status(403, "Forbidden"),
            fake_client::Answer::Never,
        ] {
            let client = fake_client(move |_| answer.clone());
            let config = Config::new("http://127.0.0.1".parse().unwrap());
            assert_eq!(over_network(client, config)(PATH.to_owned()).await, None);
        }
    }
}
