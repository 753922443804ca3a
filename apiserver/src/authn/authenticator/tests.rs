//! Who is believed, and who is not.

use std::time::{Duration, SystemTime};

use http::{HeaderName, Request};
use rcgen::{DnType, ExtendedKeyUsagePurpose};
use serde_json::json;

use super::*;
use crate::authn::testing::{Authority, Client};
use crate::authn::tokens::ReviewedTokens;
use crate::authn::trust::{Authorities, FrontProxy};
use crate::kubernetes::testing::{Answer, FakeCluster};

const HOUR: Duration = Duration::from_secs(3600);

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn bundle(authority: &Authority) -> Option<Arc<Authorities>> {
    Some(Arc::new(Authorities::parse(authority.pem().as_bytes()).unwrap()))
}

/// As the cluster's ConfigMap says it.
fn proxy(authority: &Authority, allowed_names: &[&str]) -> FrontProxy {
    FrontProxy {
        authorities: bundle(authority),
        allowed_names: owned(allowed_names),
        headers: Headers::new(
            &owned(&["X-Remote-User"]),
            &owned(&["X-Remote-Uid"]),
            &owned(&["X-Remote-Group"]),
            &owned(&["X-Remote-Extra-"]),
        ),
    }
}

fn trusting(trust: Trust) -> Authenticator {
    Authenticator::new(Arc::new(TrustStore::new(trust)), Tokens::None, JoinSet::new())
}

fn with_tokens(trust: Trust) -> Authenticator {
    let tokens = FixedTokens::new([("good".to_owned(), named("token-user"))]);
    Authenticator::new(
        Arc::new(TrustStore::new(trust)),
        Tokens::Fixed(tokens),
        JoinSet::new(),
    )
}

fn named(name: &str) -> User {
    User {
        name: name.into(),
        ..User::default()
    }
}

fn request(headers: &[(&str, &str)]) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        parts.headers.append(name, value.parse().unwrap());
    }
    parts
}

const SPOOFED: &[(&str, &str)] = &[
    ("X-Remote-User", "admin"),
    ("X-Remote-Group", "system:masters"),
    ("X-Remote-Uid", "7"),
    ("X-Remote-Extra-Scopes", "all"),
];

async fn ask(
    authenticator: &Authenticator,
    headers: &[(&str, &str)],
    client: &Client,
) -> Result<User, ApiError> {
    let peer = Peer::new(Some(&client.chain));
    authenticator.authenticate(&mut request(headers), &peer).await
}

/// The front proxy's authority, the clients', and trust in both.
fn cluster() -> (Authority, Authority, Trust) {
    let (proxies, clients) = (Authority::new("front-proxy-ca"), Authority::new("kubernetes"));
    let trust = Trust {
        clients: bundle(&clients),
        front_proxy: proxy(&proxies, &["front-proxy-client"]),
    };
    (proxies, clients, trust)
}

fn is_refused(result: &Result<User, ApiError>) -> bool {
    matches!(result, Err(ApiError::Unauthorized))
}

#[tokio::test]
async fn the_front_proxy_is_believed_and_its_headers_are_gone_afterwards() {
    let (proxies, _, trust) = cluster();
    let client = proxies.client("front-proxy-client");
    let mut parts = request(SPOOFED);
    parts.headers.append("x-remote-group", "devs".parse().unwrap());
    parts
        .headers
        .insert("accept", "application/json".parse().unwrap());
    let peer = Peer::new(Some(&client.chain));
    let user = trusting(trust).authenticate(&mut parts, &peer).await.unwrap();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("admin", "7"));
    assert_eq!(user.groups, ["system:masters", "devs", "system:authenticated"]);
    assert_eq!(user.extra["scopes"], ["all"]);
    assert_eq!(parts.headers.keys().collect::<Vec<_>>(), ["accept"]);
}

#[tokio::test]
async fn a_certificate_says_whose_connection_it_is_before_any_request() {
    let (proxies, clients, trust) = cluster();
    let authenticator = trusting(trust);
    let of = |client: &Client| authenticator.standing(&Peer::new(Some(&client.chain)));
    assert_eq!(of(&proxies.client("front-proxy-client")), Standing::FrontProxy);
    assert_eq!(of(&proxies.client("another-name")), Standing::Unknown);
    assert_eq!(of(&clients.client("front-proxy-client")), Standing::Client);
    let stranger = Authority::new("front-proxy-ca").client("front-proxy-client");
    assert_eq!(of(&stranger), Standing::Unknown);
    assert_eq!(authenticator.standing(&Peer::new(None)), Standing::Unknown);
}

#[tokio::test]
async fn without_a_certificate_the_headers_say_nothing_and_are_gone() {
    let (_, _, trust) = cluster();
    let mut parts = request(SPOOFED);
    let user = trusting(trust)
        .authenticate(&mut parts, &Peer::new(None))
        .await
        .unwrap();
    assert_eq!(user, User::anonymous());
    assert!(is_anonymous(&user));
    assert!(parts.headers.is_empty());
}

#[tokio::test]
async fn a_clients_own_certificate_does_not_make_its_headers_true() {
    let (_, clients, trust) = cluster();
    let client = clients.client_with("alice", |params| {
        params.distinguished_name.push(DnType::OrganizationName, "devs");
    });
    let user = ask(&trusting(trust), SPOOFED, &client).await.unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["devs", "system:authenticated"]);
    let id = &user.extra["authentication.kubernetes.io/credential-id"][0];
    assert_eq!((user.extra.len(), id.len()), (1, "X509SHA256=".len() + 64));
}

#[tokio::test]
async fn nobody_but_the_right_front_proxy_is_believed() {
    let (proxies, _, trust) = cluster();
    let strangers = Authority::new("front-proxy-ca");
    let past = |params: &mut rcgen::CertificateParams| {
        params.not_before = (SystemTime::now() - 3 * HOUR).into();
        params.not_after = (SystemTime::now() - HOUR).into();
    };
    let cases = [
        ("a stranger's authority", strangers.client("front-proxy-client")),
        ("another name", proxies.client("somebody")),
        (
            "a name that only begins right",
            proxies.client("front-proxy-client2"),
        ),
        (
            "a server's certificate",
            proxies.client_with("front-proxy-client", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        ("an expired one", proxies.client_with("front-proxy-client", past)),
        (
            "one of tomorrow",
            proxies.client_with("front-proxy-client", |params| {
                params.not_before = (SystemTime::now() + HOUR).into();
            }),
        ),
        (
            "one that its own client signed",
            Client {
                chain: Authority::below(&strangers, "x")
                    .client("front-proxy-client")
                    .chain,
                key: rcgen::KeyPair::generate().unwrap(),
            },
        ),
    ];
    let authenticator = trusting(trust);
    for (what, client) in cases {
        let answer = ask(&authenticator, SPOOFED, &client).await;
        assert!(is_refused(&answer), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn an_expired_authority_vouches_for_nobody() {
    let expired = Authority::with("front-proxy-ca", |params| {
        params.not_after = (SystemTime::now() - HOUR).into();
    });
    let trust = Trust {
        clients: None,
        front_proxy: proxy(&expired, &[]),
    };
    let answer = ask(&trusting(trust), SPOOFED, &expired.client("front-proxy-client")).await;
    assert!(is_refused(&answer), "{answer:?}");
}

#[tokio::test]
async fn usages_that_are_general_or_absent_are_a_clients_too() {
    let (proxies, _, trust) = cluster();
    let authenticator = trusting(trust);
    for usages in [vec![], vec![ExtendedKeyUsagePurpose::Any]] {
        let client = proxies.client_with("front-proxy-client", |params| params.extended_key_usages = usages);
        assert_eq!(ask(&authenticator, SPOOFED, &client).await.unwrap().name, "admin");
    }
}

#[tokio::test]
async fn a_chain_over_an_authority_between_is_followed() {
    let (proxies, _, trust) = cluster();
    let between = Authority::below(&proxies, "between");
    let mut client = between.client("front-proxy-client");
    let authenticator = trusting(trust);
    assert!(is_refused(&ask(&authenticator, SPOOFED, &client).await));
    client.chain.push(between.der());
    assert_eq!(ask(&authenticator, SPOOFED, &client).await.unwrap().name, "admin");
}

#[tokio::test]
async fn no_allowed_names_means_any_name_of_that_authority() {
    let (proxies, clients, mut trust) = cluster();
    trust.front_proxy.allowed_names.clear();
    let authenticator = trusting(trust);
    assert_eq!(
        ask(&authenticator, SPOOFED, &proxies.client("x"))
            .await
            .unwrap()
            .name,
        "admin"
    );
    assert_eq!(
        ask(&authenticator, SPOOFED, &clients.client("x"))
            .await
            .unwrap()
            .name,
        "x"
    );
}

#[tokio::test]
async fn without_a_front_proxys_authority_no_header_is_believed() {
    let (proxies, clients, mut trust) = cluster();
    trust.front_proxy.authorities = None;
    let authenticator = trusting(trust);
    assert!(is_refused(
        &ask(&authenticator, SPOOFED, &proxies.client("front-proxy-client")).await
    ));
    assert_eq!(
        ask(&authenticator, SPOOFED, &clients.client("alice"))
            .await
            .unwrap()
            .name,
        "alice"
    );
    let nothing = trusting(Trust::default());
    let mut parts = request(SPOOFED);
    let peer = Peer::new(Some(&proxies.client("front-proxy-client").chain));
    assert_eq!(
        nothing.authenticate(&mut parts, &peer).await.unwrap(),
        User::anonymous()
    );
    assert!(parts.headers.is_empty());
}

#[tokio::test]
async fn a_uid_counts_only_where_its_header_is_configured() {
    let (proxies, _, mut trust) = cluster();
    let of = |names: &[&str]| owned(names);
    trust.front_proxy.headers = Headers::new(&of(&["x-remote-user"]), &[], &of(&["x-remote-group"]), &[]);
    let mut parts = request(SPOOFED);
    let peer = Peer::new(Some(&proxies.client("front-proxy-client").chain));
    let user = trusting(trust).authenticate(&mut parts, &peer).await.unwrap();
    assert_eq!((user.uid.as_str(), user.extra.len()), ("", 0));
    assert!(
        parts.headers.is_empty(),
        "the usual headers go although they are not configured"
    );
}

#[tokio::test]
async fn a_front_proxy_that_names_nobody_is_a_client_like_others() {
    let (proxies, clients, trust) = cluster();
    let client = proxies.client("front-proxy-client");
    assert!(is_refused(&ask(&trusting(trust.clone()), &[], &client).await));
    let without_clients = Trust {
        clients: None,
        ..trust
    };
    assert_eq!(
        ask(&trusting(without_clients), &[], &client).await.unwrap(),
        User::anonymous()
    );
    drop(clients);
}

#[tokio::test]
async fn a_wrong_certificate_does_not_spoil_a_good_token() {
    let (_, clients, trust) = cluster();
    let authenticator = with_tokens(trust);
    let stranger = Authority::new("x").client("alice");
    let token = [("Authorization", "Bearer good")];
    assert_eq!(
        ask(&authenticator, &token, &stranger).await.unwrap().name,
        "token-user"
    );
    assert!(is_refused(
        &ask(&authenticator, &[("Authorization", "Bearer bad")], &stranger).await
    ));
    let client = clients.client("alice");
    assert_eq!(
        ask(&authenticator, &token, &client).await.unwrap().name,
        "alice",
        "a certificate comes first"
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_not_anonymous() {
    let authenticator = with_tokens(Trust::default());
    let peer = Peer::new(None);
    for (value, name) in [
        ("Bearer good", Some("token-user")),
        ("Bearer bad", None),
        ("Bearer caf\u{e9}", None),
    ] {
        let mut parts = request(&[]);
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        parts.headers.insert("authorization", value);
        let answer = authenticator.authenticate(&mut parts, &peer).await;
        assert_eq!(answer.as_ref().ok().map(|user| user.name.as_str()), name);
        assert_eq!(parts.headers.is_empty(), name.is_some());
    }
    let mut basic = request(&[("Authorization", "Basic eDp5")]);
    assert_eq!(
        authenticator.authenticate(&mut basic, &peer).await.unwrap(),
        User::anonymous()
    );
    assert!(basic.headers.is_empty());
}

#[tokio::test]
async fn where_tokens_mean_nothing_a_token_is_no_credential() {
    let mut parts = request(&[("Authorization", "Bearer x")]);
    let user = trusting(Trust::default())
        .authenticate(&mut parts, &Peer::new(None))
        .await;
    assert_eq!(user.unwrap(), User::anonymous());
}

#[tokio::test]
async fn a_token_among_a_websockets_protocols_is_one() {
    let authenticator = with_tokens(Trust::default());
    let mut parts = request(&[
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (
            "Sec-WebSocket-Protocol",
            "base64url.bearer.authorization.k8s.io.Z29vZA, x",
        ),
    ]);
    let user = authenticator
        .authenticate(&mut parts, &Peer::new(None))
        .await
        .unwrap();
    assert_eq!(user.name, "token-user");
    assert_eq!(parts.headers["sec-websocket-protocol"], "x");
}

#[tokio::test]
async fn what_the_cluster_reviews_is_believed() {
    let cluster = FakeCluster::new(|request| {
        let mut review = request.body.clone();
        let user = json!({"username": "system:serviceaccount:ns:x", "groups": ["system:serviceaccounts"]});
        review["status"] = json!({"authenticated": true, "user": user});
        Answer::ok(review)
    });
    let tokens = Tokens::Reviewed(ReviewedTokens::new(
        cluster.client.clone(),
        Duration::from_secs(10),
    ));
    let store = Arc::new(TrustStore::new(Trust::default()));
    let authenticator = Authenticator::new(store, tokens, JoinSet::new());
    let mut parts = request(&[("Authorization", "Bearer abc")]);
    let user = authenticator
        .authenticate(&mut parts, &Peer::new(None))
        .await
        .unwrap();
    assert_eq!(user.groups, ["system:serviceaccounts", "system:authenticated"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nobody_could_review_is_not_called_wrong() {
    let wrong = |error: &str| json!({"authenticated": false, "error": error});
    for (token, code) in [
        ("unknown", 401),
        ("expired", 401),
        ("not permitted", 401),
        ("failing", 500),
        ("hanging", 500),
    ] {
        let cluster = FakeCluster::new(move |request| {
            let mut review = request.body.clone();
            match token {
                "not permitted" => return Answer::status(403, "Forbidden", "may not create tokenreviews"),
                "failing" => return Answer::status(500, "InternalError", "etcd is away"),
                "hanging" => return Answer::Never,
                _ => {}
            }
            review["status"] = wrong(if token == "expired" { "token expired" } else { "" });
            Answer::ok(review)
        });
        let reviewed = ReviewedTokens::new(cluster.client.clone(), Duration::from_secs(10));
        let store = Arc::new(TrustStore::new(Trust::default()));
        let authenticator = Authenticator::new(store, Tokens::Reviewed(reviewed), JoinSet::new());
        let mut parts = request(&[("Authorization", &format!("Bearer {}", token.replace(' ', "-")))]);
        let refused = authenticator.authenticate(&mut parts, &Peer::new(None)).await;
        let status = refused.unwrap_err().status();
        assert_eq!(status.code, code, "{token}");
        // What went wrong with the cluster is for the log.
        assert!(!status.message.contains("etcd"), "{}", status.message);
    }
}

#[tokio::test]
async fn open_connections_follow_a_change_of_authorities() {
    let (old, _, trust) = cluster();
    let new = Authority::new("front-proxy-ca-2");
    let store = Arc::new(TrustStore::new(trust));
    let authenticator = Authenticator::new(Arc::clone(&store), Tokens::None, JoinSet::new());
    let chains = [&old, &new].map(|authority| authority.client("front-proxy-client").chain);
    let peers = chains.map(|chain| Peer::new(Some(&chain)));
    let mut hints = authenticator.authority_hints();
    let before = hints.borrow_and_update().len();
    for (round, trusted) in [(0, [true, false]), (1, [true, true]), (2, [false, true])] {
        if round == 1 {
            let both = format!("{}{}", old.pem(), new.pem());
            let both = Arc::new(Authorities::parse(both.as_bytes()).unwrap());
            assert!(store.change(|trust| trust.front_proxy.authorities = Some(both)));
            assert!(hints.has_changed().unwrap());
            assert_eq!(hints.borrow_and_update().len(), before + 1);
        } else if round == 2 {
            assert!(store.change(|trust| trust.front_proxy.authorities = bundle(&new)));
            assert!(
                !store.change(|trust| trust.front_proxy.authorities = bundle(&new)),
                "nothing to change"
            );
        }
        for (peer, trusted) in peers.iter().zip(trusted) {
            let answer = authenticator.authenticate(&mut request(SPOOFED), peer).await;
            assert_eq!(answer.is_ok(), trusted, "round {round}: {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connections_certificate_is_verified_once_in_a_while_not_for_each_request() {
    let (_, clients, trust) = cluster();
    let store = TrustStore::new(trust);
    let peer = Peer::new(Some(&clients.client("alice").chain));
    let first = peer.verdict(&store).unwrap();
    assert!(Arc::ptr_eq(&first, &peer.verdict(&store).unwrap()));
    tokio::time::advance(Duration::from_secs(10)).await;
    let later = peer.verdict(&store).unwrap();
    assert!(!Arc::ptr_eq(&first, &later));
    store.change(|trust| trust.clients = None);
    assert!(!Arc::ptr_eq(&later, &peer.verdict(&store).unwrap()));
}

#[tokio::test]
async fn a_certificate_of_a_user_may_hold_a_uid() {
    let (_, clients, trust) = cluster();
    let uid = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]);
    let client = clients.client_with("alice", |params| params.distinguished_name.push(uid, "1-2-3"));
    assert_eq!(
        ask(&trusting(trust.clone()), &[], &client).await.unwrap().uid,
        "1-2-3"
    );
    let nameless = clients.client_with("", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    let answer = ask(&trusting(trust.clone()), &[], &nameless).await;
    assert!(is_refused(&answer), "it is no front proxy's either: {answer:?}");
    let clients_alone = Trust {
        front_proxy: FrontProxy::default(),
        ..trust
    };
    let answer = ask(&trusting(clients_alone), &[], &nameless).await;
    assert_eq!(answer.unwrap(), User::anonymous());
}

#[test]
fn whoever_is_in_neither_group_is_authenticated() {
    let of = |name: &str, groups: &[&str]| {
        let user = User {
            groups: owned(groups),
            ..named(name)
        };
        authenticated(user).groups
    };
    assert_eq!(of("a", &["g"]), ["g", "system:authenticated"]);
    assert_eq!(of("a", &["system:authenticated"]), ["system:authenticated"]);
    assert_eq!(of("a", &["system:unauthenticated"]), ["system:unauthenticated"]);
    assert!(of("system:anonymous", &[]).is_empty());
}
