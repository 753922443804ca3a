//! One client, whatever it does, leaves the others their turn.

use std::sync::atomic::Ordering;
use std::time::Duration;

use annex_apiserver::config::Cluster;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::json;
use tokio::time::timeout;

use crate::client::{Client, handshake};
use crate::cluster::{InCluster, serve_in_cluster};
use crate::fixture::{PATIENCE, THINGS, thing};

/// A client that chooses what it reads and sends, frame by frame.
struct Raw {
    sender: SendRequest<Bytes>,
    token: Option<String>,
}

impl Raw {
    /// `window`: bytes that it takes of each answer.
    async fn connect(served: &InCluster, token: Option<&str>, window: u32) -> Self {
        let stream = handshake(served.address, &served.trust, true).await;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(window)
            .max_concurrent_reset_streams(1_000)
            .handshake(stream)
            .await
            .unwrap();
        tokio::spawn(async { drop(connection.await) });
        Self {
            sender,
            token: token.map(str::to_owned),
        }
    }

    /// A request; the body is still to be sent, unless there is none. `None`: the server wants no more of them.
    async fn open(
        &mut self,
        method: &str,
        path: &str,
        length: Option<usize>,
    ) -> Option<(ResponseFuture, SendStream<Bytes>)> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        self.sender = self.sender.clone().ready().await.ok()?;
        self.sender
            .send_request(request.body(()).unwrap(), method == "GET")
            .ok()
    }
}

async fn code(client: &mut Client, path: &str) -> u16 {
    timeout(PATIENCE, client.get(path)).await.expect("an answer").code
}

#[tokio::test]
async fn who_does_not_read_refusals_holds_nobody_up() {
    let served = serve_in_cluster(|_| {}).await;
    let mut user = served.user("alice").await;
    assert_eq!(code(&mut user, THINGS).await, 200);
    // Answers come, and not one byte of a body can be sent.
    let mut attacker = Raw::connect(&served, None, 0).await;
    let mut heads = FuturesUnordered::new();
    let mut streams = Vec::new();
    for _ in 0..420 {
        if let Some((head, stream)) = attacker.open("GET", THINGS, None).await {
            heads.push(head);
            streams.push(stream);
        }
    }
    let mut untaken = Vec::new();
    while let Some(head) = timeout(PATIENCE, heads.next()).await.expect("each is answered") {
        untaken.extend(head.ok());
    }
    assert!(untaken.iter().all(|answer| answer.status() == 403));
    assert!(!untaken.is_empty());
    assert_eq!(code(&mut served.stranger().await, "/readyz").await, 200);
    assert_eq!(code(&mut user, THINGS).await, 200);
    assert_eq!(code(&mut served.user("bob").await, "/version").await, 200);
}

#[tokio::test]
async fn who_does_not_read_small_answers_holds_no_seats() {
    let served = serve_in_cluster(|config| {
        config.limits.reading = 2;
        config.limits.writing = 2;
    })
    .await;
    let mut user = served.user("mallory").await;
    assert_eq!(user.post(THINGS, &thing("small")).await.code, 201);
    let one = format!("{THINGS}/small");
    let mut attacker = Raw::connect(&served, Some("user:mallory"), 0).await;
    let mut untaken = Vec::new();
    // More than there are seats; all of them are answered, and no body is taken.
    for _ in 0..8 {
        let (answer, stream) = attacker.open("GET", &one, None).await.expect("a stream");
        let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
        assert_eq!(answer.status(), 200);
        untaken.push((answer, stream));
    }
    assert_eq!(code(&mut user, &one).await, 200);
}

#[tokio::test]
async fn bodies_that_never_come_hold_no_seats() {
    let served = serve_in_cluster(|_| {}).await;
    let mut attacker = Raw::connect(&served, Some("user:mallory"), 65_535).await;
    let mut open = Vec::new();
    for _ in 0..210 {
        open.push(attacker.open("POST", THINGS, None).await.expect("a stream"));
    }
    // What was opened before it has been seen when this is answered.
    let (answer, _) = attacker.open("GET", THINGS, None).await.expect("a stream");
    assert_eq!(answer.await.unwrap().status(), 200);
    let mut other = served.user("alice").await;
    assert_eq!(other.post(THINGS, &thing("one")).await.code, 201);
    // Its own goes on when it comes.
    let (answer, mut body) = open.pop().unwrap();
    body.send_data(thing("late").to_string().into(), true).unwrap();
    assert_eq!(
        timeout(PATIENCE, answer)
            .await
            .expect("an answer")
            .unwrap()
            .status(),
        201
    );
}

#[tokio::test]
async fn large_bodies_that_never_end_leave_room_for_those_of_others() {
    let served = serve_in_cluster(|_| {}).await;
    let mut attacker = Raw::connect(&served, Some("user:mallory"), 65_535).await;
    let mut answers = FuturesUnordered::new();
    let mut bodies = Vec::new();
    for _ in 0..12 {
        let (answer, mut body) = attacker
            .open("POST", THINGS, Some(3 * 1024 * 1024))
            .await
            .expect("a stream");
        // More than may come without asking, and less than was announced.
        body.send_data(vec![b' '; 100_000].into(), false).unwrap();
        answers.push(answer);
        bodies.push(body);
    }
    let refused = timeout(PATIENCE, answers.next()).await.expect("one is refused");
    let refused = refused.unwrap().unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let mut large = thing("large");
    large["text"] = "x".repeat(1 << 20).into();
    let mut other = served.user("alice").await;
    assert_eq!(other.post(THINGS, &large).await.code, 201);
}

#[tokio::test]
async fn one_user_has_half_of_the_seats_and_what_waits_too_long_comes_again() {
    let served = serve_in_cluster(|config| {
        config.limits.reading = 2;
        config.limits.writing = 2;
    })
    .await;
    let mut working = Vec::new();
    for _ in 0..2 {
        let mut client = served.user("mallory").await;
        working.push(tokio::spawn(async move {
            client.post(THINGS, &thing("waits")).await.code
        }));
    }
    let arrived = timeout(PATIENCE, served.arrived.acquire_many(2)).await;
    drop(arrived.expect("both are worked on"));
    let mut third = served.user("mallory").await;
    let refused = third.get(THINGS).await;
    assert_eq!((refused.code, refused.header("retry-after")), (429, "1"));
    assert_eq!(refused.body, "Too many requests, please try again later.\n");
    // Who asks whether it lives needs no seat, and others have theirs.
    assert_eq!(code(&mut third, "/readyz").await, 200);
    assert_eq!(code(&mut served.stranger().await, "/readyz").await, 200);
    let mut other = served.user("alice").await;
    assert_eq!(other.post(THINGS, &thing("one")).await.code, 201);
    let metrics = loop {
        // A request is counted when its answer is out, which its client may know a little earlier.
        let metrics = other.get("/metrics").await.body;
        let refused = "apiserver_request_total{code=\"429\"";
        if metrics
            .lines()
            .any(|line| line.starts_with(refused) && line.contains("verb=\"LIST\""))
        {
            break metrics;
        }
    };
    for line in [
        "apiserver_flowcontrol_current_executing_requests{flow_schema=\"global-default\",priority_level=\"global-default\"} 3",
        "apiserver_flowcontrol_rejected_requests_total{flow_schema=\"global-default\",priority_level=\"global-default\",reason=\"time-out\"} 1",
        "apiserver_flowcontrol_nominal_limit_seats{priority_level=\"global-default\"} 4",
        "apiserver_flowcontrol_request_wait_duration_seconds_count{execute=\"false\",flow_schema=\"global-default\",priority_level=\"global-default\"} 1",
        "apiserver_current_inflight_requests{request_kind=\"mutating\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    // It waited in vain, and that is no part of how well the server serves.
    let seconds = |name: &str| {
        let start = format!("apiserver_request_{name}_seconds_sum{{");
        let of_list = |line: &&str| line.starts_with(&start) && line.contains("verb=\"LIST\"");
        let line = metrics.lines().find(of_list).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let (all, indicator) = (seconds("duration"), seconds("sli_duration"));
    assert!(all - indicator > 4.9, "{all} {indicator}");
    served.go.add_permits(1);
    for task in working {
        assert!(matches!(task.await.unwrap(), 201 | 409));
    }
    assert_eq!(code(&mut third, THINGS).await, 200, "its seats are free again");
}

#[tokio::test]
async fn a_list_that_is_not_read_holds_its_own_seats_alone() {
    let served = serve_in_cluster(|config| {
        config.limits.reading = 8;
        config.limits.writing = 0;
    })
    .await;
    let mut other = served.user("alice").await;
    for number in 0..401 {
        let mut large = thing(&format!("thing-{number}"));
        large["text"] = "x".repeat(10_000).into();
        assert_eq!(other.post(THINGS, &large).await.code, 201);
    }
    // Half of the seats, which are its own.
    let mut attacker = Raw::connect(&served, Some("user:mallory"), 65_535).await;
    let (answer, stream) = attacker.open("GET", THINGS, None).await.expect("a stream");
    let untaken = answer.await.unwrap();
    assert_eq!(untaken.status(), 200);
    assert_eq!(served.user("mallory").await.get("/version").await.code, 429);
    assert_eq!(code(&mut other, &format!("{THINGS}/thing-1")).await, 200);
    assert_eq!(other.get(&format!("{THINGS}?limit=100")).await.code, 200);
    // Nobody wants it any more.
    drop((untaken, stream));
    assert_eq!(served.user("mallory").await.get("/version").await.code, 200);
}

#[tokio::test]
async fn initial_events_that_are_not_read_hold_their_own_seats_alone() {
    let served = serve_in_cluster(|config| {
        config.limits.reading = 8;
        config.limits.writing = 0;
    })
    .await;
    let mut other = served.user("alice").await;
    for number in 0..401 {
        let mut large = thing(&format!("thing-{number}"));
        large["text"] = "x".repeat(1_000).into();
        assert_eq!(other.post(THINGS, &large).await.code, 201);
    }
    // The handles of the objects that are still to be told are held for each watcher. Seats bound them: a half is one user's.
    let watch_list = format!(
        "{THINGS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut attacker = Raw::connect(&served, Some("user:mallory"), 65_535).await;
    let (answer, stream) = attacker.open("GET", &watch_list, None).await.expect("a stream");
    let untaken = answer.await.unwrap();
    assert_eq!(untaken.status(), 200);
    let mut again = served.user("mallory").await;
    let refused = again.open("GET", &watch_list, &[], None).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(code(&mut other, &format!("{THINGS}/thing-1")).await, 200);
    // Nobody wants them any more.
    drop((untaken, stream));
    assert_eq!(served.user("mallory").await.get("/version").await.code, 200);
}

#[tokio::test]
async fn tokens_that_somebody_makes_up_leave_known_users_alone() {
    let served = serve_in_cluster(|config| {
        // Nothing is kept: each request of a known user is a review.
        if let Cluster::Delegated(cluster) = &mut config.cluster {
            cluster.authentication.token_cache_ttl = Duration::ZERO;
        }
    })
    .await;
    let mut known = served.user("alice").await;
    assert_eq!(code(&mut known, THINGS).await, 200);
    let mut attackers = Vec::new();
    let mut answers = FuturesUnordered::new();
    for number in 0..1_000 {
        let token = format!("random-{number}");
        if number % 200 == 0 {
            attackers.push(Raw::connect(&served, None, 65_535).await);
        }
        let attacker = attackers.last_mut().unwrap();
        attacker.token = Some(token);
        if let Some((answer, _)) = attacker.open("GET", THINGS, None).await {
            answers.push(answer);
        }
    }
    // As many as may wait are waiting; all others are told to come again.
    let refused = timeout(PATIENCE, answers.next()).await.expect("an answer");
    let refused = refused.unwrap().unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    let before = served.reviewer.known.load(Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(code(&mut known, THINGS).await, 200);
    }
    assert_eq!(served.reviewer.known.load(Ordering::SeqCst) - before, 10);
    let unknown = served.reviewer.unknown.load(Ordering::SeqCst);
    assert!((1..=80).contains(&unknown), "{unknown} reviews");
}

#[tokio::test]
async fn watches_are_bounded_for_each_user_and_hold_no_seats() {
    let served = serve_in_cluster(|config| {
        config.limits.watches = 4;
        config.limits.reading = 2;
        config.limits.writing = 0;
    })
    .await;
    let mut watcher = served.user("mallory").await;
    let path = format!("{THINGS}?watch=1");
    let mut open = Vec::new();
    for _ in 0..2 {
        let watch = watcher.open("GET", &path, &[], None).await.unwrap();
        assert_eq!(watch.status(), 200);
        open.push(watch);
    }
    assert_eq!(watcher.get(&path).await.code, 429);
    let mut other = served.user("alice").await;
    let others = other.open("GET", &path, &[], None).await.unwrap();
    assert_eq!(others.status(), 200);
    // There are two seats, and three watches.
    assert_eq!(watcher.get(THINGS).await.code, 200);
    drop(open);
    let again = async {
        while watcher.open("GET", &path, &[], None).await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again)
        .await
        .expect("their places are free again");
    assert_eq!(
        other
            .post(THINGS, &json!({"metadata": {"name": "seen"}}))
            .await
            .code,
        201
    );
    drop(others);
}
