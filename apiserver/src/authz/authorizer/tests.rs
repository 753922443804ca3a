//! Authorization against a cluster that answers as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::*;
use crate::kubernetes::testing::{Answer, FakeCluster, Request};
use crate::request::Verb;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

fn answer(request: &Request, status: Value) -> Answer {
    let mut review = request.body.clone();
    review["status"] = status;
    Answer::ok(review)
}

fn cluster(status: Value) -> FakeCluster {
    FakeCluster::new(move |request| {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", REVIEWS)
        );
        answer(request, status.clone())
    })
}

fn authorizer(cluster: &FakeCluster) -> Authorizer {
    Authorizer::new(Options::default(), Some(cluster.client.clone())).unwrap()
}

fn user(name: &str, groups: &[&str]) -> User {
    User {
        name: name.into(),
        uid: "1-2".into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        extra: [("scopes".to_owned(), vec!["a".to_owned()])].into(),
    }
}

fn get(name: &str) -> RequestInfo {
    RequestInfo {
        is_resource: true,
        path_verb: None,
        verb: Verb::Get,
        path: format!("/apis/wardle.example.com/v1alpha1/namespaces/ns/flunders/{name}"),
        method: "get".into(),
        group: "wardle.example.com".into(),
        version: "v1alpha1".into(),
        namespace: "ns".into(),
        resource: "flunders".into(),
        subresource: String::new(),
        subpath: String::new(),
        name: name.into(),
        label_selector: String::new(),
        field_selector: String::new(),
    }
}

fn path(path: &str) -> RequestInfo {
    RequestInfo {
        is_resource: false,
        path_verb: None,
        path: path.into(),
        group: String::new(),
        version: String::new(),
        namespace: String::new(),
        resource: String::new(),
        name: String::new(),
        ..get("")
    }
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_reader_may_get_one_path_and_nothing_more() {
    let authorizer = crate::authz::build(
        Options {
            always_allow_readers: vec![("probe".into(), "/definitionz".into())],
            ..Options::default()
        },
        None,
    )
    .unwrap();
    let asks = async |name: &str, method: http::Method, path: &str| {
        let user = User {
            name: name.into(),
            ..User::default()
        };
        let info = RequestInfo::parse(&method, &path.parse().unwrap()).unwrap();
        authorizer.allows(&user, &info).await.unwrap() == Decision::Allow
    };
    assert!(asks("probe", http::Method::GET, "/definitionz").await);
    assert!(!asks("probe", http::Method::POST, "/definitionz").await);
    assert!(!asks("probe", http::Method::GET, "/metrics").await);
    assert!(!asks("other", http::Method::GET, "/definitionz").await);
}

#[tokio::test]
async fn the_review_says_all_that_is_known() {
    let cluster = cluster(json!({"allowed": true}));
    let authorizer = authorizer(&cluster);
    let asked = authorizer.allows(&user("u", &["g"]), &get("x")).await.unwrap();
    assert_eq!(asked, Decision::Allow);
    let who = json!({"user": "u", "uid": "1-2", "groups": ["g"], "extra": {"scopes": ["a"]}});
    let mut spec = who.clone();
    spec["resourceAttributes"] = json!({"verb": "get", "group": "wardle.example.com", "version": "v1alpha1",
        "resource": "flunders", "namespace": "ns", "name": "x"});
    assert_eq!(cluster.seen()[0].body["spec"], spec);

    authorizer
        .allows(&user("u", &["g"]), &path("/metrics"))
        .await
        .unwrap();
    let mut spec = who;
    spec["nonResourceAttributes"] = json!({"verb": "get", "path": "/metrics"});
    assert_eq!(cluster.seen()[1].body["spec"], spec);
}

#[tokio::test]
async fn who_is_allowed_gets_the_proof() {
    let cluster = cluster(json!({"allowed": true}));
    let authorized = authorizer(&cluster)
        .authorize(user("u", &[]), get("x"), &uri("/x"))
        .await
        .unwrap();
    assert_eq!(
        (authorized.user().name.as_str(), authorized.info().name.as_str()),
        ("u", "x")
    );
}

#[tokio::test]
async fn who_is_not_allowed_is_told_why() {
    for (status, reason) in [
        (json!({"allowed": false}), ""),
        (json!({"allowed": false, "reason": "no rule"}), ": no rule"),
        (
            json!({"allowed": false, "denied": true, "reason": "a rule"}),
            ": a rule",
        ),
    ] {
        let cluster = cluster(status);
        let error = authorizer(&cluster)
            .authorize(user("u", &[]), get("x"), &uri("/x"))
            .await
            .unwrap_err();
        assert_eq!(error.status().code, 403);
        assert!(
            error
                .status()
                .message
                .ends_with(&format!(r#"in the namespace "ns"{reason}"#))
        );
    }
}

#[tokio::test]
async fn masters_and_open_paths_need_no_review() {
    let cluster = FakeCluster::new(|_| Answer::status(403, "Forbidden", "never asked"));
    let authorizer = authorizer(&cluster);
    let masters = user("u", &["a", User::MASTERS]);
    assert_eq!(
        authorizer.allows(&masters, &get("x")).await.unwrap(),
        Decision::Allow
    );
    let anonymous = User::anonymous();
    for open in ["/healthz", "/readyz", "/livez"] {
        assert_eq!(
            authorizer.allows(&anonymous, &path(open)).await.unwrap(),
            Decision::Allow
        );
    }
    assert!(cluster.seen().is_empty());
    // A resource request is never an open path, whatever its path reads.
    let mut disguised = get("x");
    disguised.path = "/healthz".into();
    assert!(authorizer.allows(&anonymous, &disguised).await.is_err());
}

#[tokio::test]
async fn without_a_cluster_all_the_rest_is_denied() {
    let authorizer = Authorizer::new(Options::default(), None).unwrap();
    let error = authorizer
        .check(&user("u", &[]), &get("x"), &uri("/x"))
        .await
        .unwrap_err();
    assert_eq!(error.status().code, 403);
    let masters = user("u", &[User::MASTERS]);
    assert!(authorizer.check(&masters, &get("x"), &uri("/x")).await.is_ok());
}

#[tokio::test]
async fn a_review_that_fails_is_500_as_plain_text() {
    let cluster = FakeCluster::new(|_| Answer::status(403, "Forbidden", "reviews are <forbidden>"));
    let error = authorizer(&cluster)
        .check(&user("u", &[]), &get("x"), &uri("https://host/apis/x?a=1&b=2"))
        .await
        .unwrap_err();
    let text = r#"Internal Server Error: "/apis/x?a=1&amp;b=2": reviews are &lt;forbidden&gt;"#;
    assert_eq!((error.status().code, error.plain_text()), (500, Some(text)));
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_allows_nothing() {
    let cluster = cluster(json!({"allowed": true, "denied": true}));
    let error = authorizer(&cluster)
        .allows(&user("u", &[]), &get("x"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("both allow and deny"));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    let failed = Arc::new(AtomicBool::new(false));
    let cluster = FakeCluster::new(move |request| {
        if failed.swap(true, Ordering::SeqCst) {
            answer(request, json!({"allowed": true}))
        } else {
            Answer::status(500, "InternalError", "not now")
        }
    });
    let decision = authorizer(&cluster).allows(&user("u", &[]), &get("x")).await;
    assert_eq!(decision.unwrap(), Decision::Allow);
    assert_eq!(cluster.count("subjectaccessreviews"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_hangs_is_not_waited_for_longer_than_ten_seconds() {
    let cluster = FakeCluster::new(|_| Answer::Never);
    let begun = tokio::time::Instant::now();
    assert!(
        authorizer(&cluster)
            .allows(&user("u", &[]), &get("x"))
            .await
            .is_err()
    );
    assert!(begun.elapsed() < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn answers_are_kept_for_their_time_by_user_and_question() {
    let cluster = FakeCluster::new(|request| {
        let allowed = request.body["spec"]["resourceAttributes"]["name"] == "yes";
        answer(request, json!({"allowed": allowed}))
    });
    let options = Options {
        authorized_ttl: Duration::from_secs(10),
        unauthorized_ttl: Duration::from_secs(5),
        ..Options::default()
    };
    let authorizer = Authorizer::new(options, Some(cluster.client.clone())).unwrap();
    let (one, other) = (user("one", &[]), user("other", &[]));
    for _ in 0..3 {
        assert_eq!(
            authorizer.allows(&one, &get("yes")).await.unwrap(),
            Decision::Allow
        );
        assert_ne!(
            authorizer.allows(&one, &get("no")).await.unwrap(),
            Decision::Allow
        );
    }
    assert_eq!(cluster.seen().len(), 2);
    authorizer.allows(&other, &get("yes")).await.unwrap();
    assert_eq!(cluster.seen().len(), 3, "another user is another question");
    tokio::time::advance(Duration::from_secs(6)).await;
    authorizer.allows(&one, &get("yes")).await.unwrap();
    assert_eq!(cluster.seen().len(), 3);
    authorizer.allows(&one, &get("no")).await.unwrap();
    assert_eq!(cluster.seen().len(), 4);
    tokio::time::advance(Duration::from_secs(5)).await;
    authorizer.allows(&one, &get("yes")).await.unwrap();
    assert_eq!(cluster.seen().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn failures_and_huge_questions_are_not_kept() {
    let down = Arc::new(AtomicBool::new(true));
    let cluster = FakeCluster::new({
        let down = Arc::clone(&down);
        move |request| {
            if down.load(Ordering::SeqCst) {
                Answer::status(403, "Forbidden", "no")
            } else {
                answer(request, json!({"allowed": true}))
            }
        }
    });
    let authorizer = authorizer(&cluster);
    let one = user("one", &[]);
    assert!(authorizer.allows(&one, &get("x")).await.is_err());
    down.store(false, Ordering::SeqCst);
    assert_eq!(authorizer.allows(&one, &get("x")).await.unwrap(), Decision::Allow);
    let asked = cluster.seen().len();
    let huge = get(&"x".repeat(TOO_LARGE_NAME));
    authorizer.allows(&one, &huge).await.unwrap();
    authorizer.allows(&one, &huge).await.unwrap();
    assert_eq!(cluster.seen().len(), asked + 2);
}

#[tokio::test(start_paused = true)]
async fn what_one_user_asks_leaves_the_questions_of_others_alone() {
    let cluster = FakeCluster::new(|request| {
        if request.body["spec"]["user"] == "alice" {
            answer(request, json!({"allowed": true}))
        } else {
            Answer::Never
        }
    });
    let authorizer = authorizer(&cluster);
    let (mallory, nobody) = (user("mallory", &[]), User::anonymous());
    let asked: Vec<_> = (0..1_000).map(|number| get(&number.to_string())).collect();
    let begun = tokio::time::Instant::now();
    let questions = asked.iter().flat_map(|info| {
        [
            authorizer.allows(&mallory, info),
            authorizer.allows(&nobody, info),
        ]
    });
    let mut attack = Box::pin(futures::future::join_all(questions));
    assert!((&mut attack).now_or_never().is_none());
    let allowed = authorizer.allows(&user("alice", &[]), &get("x")).await;
    assert_eq!(
        (allowed.unwrap(), begun.elapsed()),
        (Decision::Allow, Duration::ZERO)
    );
    // Its own are refused at once, and not for ever.
    let refused = authorizer
        .check(&mallory, &get("more"), &"/x".parse().unwrap())
        .await;
    let status = refused.unwrap_err().status();
    assert_eq!((status.code, status.reason.as_str()), (429, "TooManyRequests"));
    let asked = get("more");
    let refused = authorizer
        .check_further(&mallory, &Attributes::of(&asked))
        .await
        .unwrap_err();
    assert_eq!((refused.status().code, refused.retry_after()), (429, Some(1)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(attack.await.iter().all(Result::is_err));
    assert!(
        begun.elapsed() <= Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn reviews_have_a_rate() {
    let cluster = cluster(json!({"allowed": true}));
    let authorizer = authorizer(&cluster);
    let known = user("alice", &[]);
    let begun = tokio::time::Instant::now();
    for number in 0..480 {
        let asked = get(&number.to_string());
        assert_eq!(authorizer.allows(&known, &asked).await.unwrap(), Decision::Allow);
    }
    // A burst of 320, then 160 a second.
    let elapsed = begun.elapsed().as_secs_f64();
    assert!((0.9..1.2).contains(&elapsed), "{elapsed}");
}

const TOO_LARGE_NAME: usize = 10_000;
