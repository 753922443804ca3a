//! The server over loopback, asked by its own client: each mode's contract on the wire.

use std::net::Ipv4Addr;

use serde_json::Value;

use self::fixture::{Pki, Running, client_identity, request_args};
use super::*;

mod fixture;

const NAME: &str = "server.ns.svc";
const DISCOVERY: &str = "/apis/g.example.com/v1";

#[tokio::test]
async fn serves_discovery_and_stops_when_told() {
    let pki = Pki::new();
    let server = Running::start(&pki, pki.args(Mode::Serve)).await;
    let answered = server.get(DISCOVERY, &["--token=any"]).await.expect("answered");
    assert_eq!(answered.status.as_u16(), 200);
    let list: Value = serde_json::from_slice(&answered.body).expect("JSON");
    assert_eq!(list["kind"], "APIResourceList");
    assert_eq!(server.status("/openapi/v2", &[]).await, 404);
    let secure = server.secure;
    server.stop().await;
    assert!(
        tokio::net::TcpStream::connect(secure).await.is_err(),
        "the port is closed"
    );
}

#[tokio::test]
async fn records_headers_tokens_and_the_peer_of_any_ca() {
    let pki = Pki::new();
    let stranger = Pki::new();
    stranger.sign("client", "front-proxy-client", "nobody");
    let server = Running::start(&pki, pki.args(Mode::Serve)).await;
    let identity = client_identity(&stranger, "client");
    server
        .status("/apis?a=b", &["--token=secret", "--header=X-Remote-User: jane"])
        .await;
    server.status("/nowhere", &[&identity[0], &identity[1]]).await;

    let recorded = server.recorded().await;
    assert_eq!(recorded.len(), 2);
    assert_eq!(
        (recorded[0].method.as_str(), recorded[0].path.as_str()),
        ("GET", "/apis?a=b")
    );
    let has = |name: &str, value: &str| recorded[0].headers.contains(&(name.to_owned(), value.to_owned()));
    assert!(
        has("authorization", "Bearer secret") && has("x-remote-user", "jane"),
        "{recorded:?}"
    );
    assert_eq!(recorded[0].peer_common_name, None);
    assert_eq!(
        recorded[1].peer_common_name.as_deref(),
        Some("front-proxy-client")
    );
    let other = request_args(&format!("http://{}/", server.record), &[]);
    assert_eq!(
        client::request(other).await.expect("answered").status.as_u16(),
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn an_untrusting_server_refuses_the_front_proxy_after_the_handshake() {
    let pki = Pki::new();
    pki.sign("client", "front-proxy-client", "nobody");
    let server = Running::start(&pki, pki.args(Mode::UntrustingFrontProxy)).await;
    let identity = client_identity(&pki, "client");
    assert_eq!(server.status(DISCOVERY, &["--token=probe"]).await, 200);
    assert_eq!(server.status(DISCOVERY, &[&identity[0], &identity[1]]).await, 401);
    server.stop().await;
}

#[tokio::test]
async fn other_version_and_unready_answer_as_such() {
    let pki = Pki::new();
    let server = Running::start(&pki, pki.args(Mode::OtherVersion)).await;
    assert_eq!(server.status(DISCOVERY, &[]).await, 404);
    server.stop().await;
    let server = Running::start(&pki, pki.args(Mode::Unready)).await;
    let answered = server.get("/readyz?verbose", &[]).await.expect("answered");
    assert_eq!(answered.status.as_u16(), 500);
    assert!(String::from_utf8_lossy(&answered.body).contains("[-]etcd failed: reason withheld"));
    assert_eq!(server.status(DISCOVERY, &[]).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn slow_discovery_keeps_its_caller_waiting_and_nobody_else() {
    let pki = Pki::new();
    let args = ServeArgs {
        delay_seconds: Some(3600),
        ..pki.args(Mode::SlowDiscovery)
    };
    let server = Running::start(&pki, args).await;
    let slow = server.get(DISCOVERY, &["--timeout-seconds=1"]).await;
    assert!(matches!(slow, Err(client::Error::TimedOut(1))), "{slow:?}");
    assert_eq!(server.status("/apis", &[]).await, 200);
    server.task.abort();

    let args = ServeArgs {
        delay_seconds: Some(0),
        ..pki.args(Mode::SlowDiscovery)
    };
    let server = Running::start(&pki, args).await;
    assert_eq!(
        server.status(DISCOVERY, &[]).await,
        200,
        "slow, but it does answer"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_unless_the_caller_looks_away() {
    let pki = Pki::new();
    let args = ServeArgs {
        tls_cert_file: None,
        tls_private_key_file: None,
        ..pki.args(Mode::WrongSan)
    };
    let server = Running::start(&pki, args).await;
    let refused = server.get(DISCOVERY, &[]).await;
    assert!(matches!(refused, Err(client::Error::Handshake(_))), "{refused:?}");
    let answered = server.ask(DISCOVERY, &["--insecure"]).await.expect("answered");
    assert_eq!(answered.status.as_u16(), 200);
    let untold = server.ask(DISCOVERY, &[]).await;
    assert!(matches!(untold, Err(client::Error::NoTrust)), "{untold:?}");
    server.stop().await;
}

/// Which name the server's certificate has is seen by which one the client accepts.
async fn serves_name(server: &Running, name: &str) -> bool {
    let ca = format!("--ca={}", server.ca.display());
    server.ask("/livez", &[&ca, "--resolve-sni", name]).await.is_ok()
}

#[tokio::test]
async fn a_new_certificate_is_served_at_once_and_a_garbled_one_never() {
    let pki = Pki::new();
    let fixed = Running::start(
        &pki,
        ServeArgs {
            no_reload: true,
            ..pki.args(Mode::Serve)
        },
    )
    .await;
    let server = Running::start(&pki, pki.args(Mode::Serve)).await;
    assert!(serves_name(&server, NAME).await && serves_name(&fixed, NAME).await);

    pki.sign("tls", "renewed", "renewed.ns.svc");
    assert!(serves_name(&server, "renewed.ns.svc").await && !serves_name(&server, NAME).await);
    assert!(serves_name(&fixed, NAME).await, "told not to reload");

    std::fs::write(pki.path("tls", "crt"), "garbled").expect("written");
    assert!(
        serves_name(&server, "renewed.ns.svc").await,
        "the last good one stays"
    );
    std::fs::remove_file(pki.path("tls", "key")).expect("removed");
    assert!(serves_name(&server, "renewed.ns.svc").await);

    pki.sign("tls", "cured", "cured.ns.svc");
    assert!(serves_name(&server, "cured.ns.svc").await);
    server.stop().await;
    fixed.stop().await;
}

#[tokio::test]
async fn refuse_opens_no_port_and_crash_crashes() {
    let pki = Pki::new();
    // Whoever holds the port proves that the server does not want it.
    let taken = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bound");
    let port = taken.local_addr().expect("an address").port();
    let refuse = ServeArgs {
        secure_port: port,
        ..pki.args(Mode::Refuse)
    };
    run(refuse, std::future::ready(())).await.expect("ended well");
    let serve = ServeArgs {
        secure_port: port,
        ..pki.args(Mode::Serve)
    };
    let error = run(serve, std::future::ready(()))
        .await
        .expect_err("the port is taken");
    assert!(matches!(error, Error::Listen { .. }), "{error}");

    let crash = ServeArgs {
        delay_seconds: Some(0),
        ..pki.args(Mode::Crash)
    };
    let crashed = run(crash.clone(), std::future::pending()).await;
    assert!(matches!(crashed, Err(Error::Crashed)), "{crashed:?}");
    let patient = ServeArgs {
        delay_seconds: Some(3600),
        ..crash
    };
    run(patient, std::future::ready(()))
        .await
        .expect("told to end before it crashed");
}

#[tokio::test]
async fn what_cannot_be_served_is_an_error_at_the_start() {
    let pki = Pki::new();
    let without = ServeArgs {
        tls_cert_file: None,
        ..pki.args(Mode::Serve)
    };
    assert!(matches!(
        listen::Server::bind(without).await,
        Err(Error::NoCertificate(Mode::Serve))
    ));
    let absent = ServeArgs {
        tls_cert_file: Some("/does/not/exist".into()),
        ..pki.args(Mode::Serve)
    };
    assert!(matches!(
        listen::Server::bind(absent).await,
        Err(Error::Read { .. })
    ));
    std::fs::write(pki.path("tls", "key"), "garbled").expect("written");
    let garbled = listen::Server::bind(pki.args(Mode::Serve)).await;
    assert!(matches!(garbled, Err(Error::Certificate(tls::Error::Key(_)))));
}
