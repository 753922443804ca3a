//! Who gets a connection when many want one, and how much may be sent by it.

use std::net::SocketAddr;

use futures::FutureExt as _;
use http::Request;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use annex_apiserver::config::Cluster;

use crate::client::{Client, ClientAuthority, encrypted, encrypted_as};
use crate::cluster::{HELD, serve_in_cluster};
use crate::fixture::{PATIENCE, Served, THINGS, serve, serve_with, thing};

/// A TCP connection from an address of the loopback interface.
async fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

async fn readyz(served: &Served) {
    let answer = timeout(PATIENCE, async { served.stranger().await.get("/readyz").await }).await;
    assert_eq!(answer.expect("a newcomer is answered").code, 200);
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let served = serve_with(|config| config.limits.connections = 16).await;
    let mut known = served.client().await;
    assert_eq!(known.get(THINGS).await.code, 200);
    let mut silent = Vec::new();
    for number in 0..200_u8 {
        // From one address, and from many.
        let last = if number < 100 { 2 } else { number };
        silent.push(from(last, served.address).await);
        if number % 20 == 0 {
            readyz(&served).await;
        }
    }
    readyz(&served).await;
    // Whoever is known stays, and others become known.
    assert_eq!(known.post(THINGS, &thing("one")).await.code, 201);
    assert_eq!(served.client().await.get(THINGS).await.code, 200);
    // The oldest of the silent ones was closed, not the youngest.
    let mut byte = [0];
    let read = timeout(PATIENCE, silent[0].read(&mut byte)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    let youngest = silent.last_mut().unwrap();
    assert!(
        youngest
            .try_read(&mut byte)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    );
}

#[tokio::test]
async fn a_known_client_too_many_is_closed_and_strangers_still_come_in() {
    let served = serve_with(|config| config.limits.connections = 1).await;
    let mut first = served.client().await;
    assert_eq!(first.get("/livez").await.code, 200);
    let mut second = served.client().await;
    let _ = second.open("GET", THINGS, &[], None).await;
    let ended = timeout(PATIENCE, second.connection).await;
    ended.expect("it is closed").unwrap();
    readyz(&served).await;
    assert_eq!(first.get(THINGS).await.code, 200);
    drop(first);
    let stays = async {
        loop {
            let mut client = served.client().await;
            let mut answers = 0;
            while answers < 10 && client.open("GET", THINGS, &[], None).await.is_ok() {
                answers += 1;
            }
            if answers == 10 {
                return;
            }
        }
    };
    timeout(PATIENCE, stays).await.expect("a place is free again");
}

#[tokio::test]
async fn a_stranger_has_250_streams_and_heads_of_128_kib() {
    let served = serve().await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let stream = encrypted(stream, &served.trust, true).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(async move {
        let mut connection = connection;
        let _ = (&mut connection).await;
        connection.max_concurrent_send_streams()
    });
    let mut sender = sender.ready().await.unwrap();
    let request = Request::get("https://localhost/livez").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    drop(sender);
    assert_eq!(timeout(PATIENCE, connection).await.unwrap().unwrap(), 250);

    for http2 in [true, false] {
        // Over HTTP/1.1 hyper may have read as much again when it looks whether there is too much.
        for (length, code) in [(100 * 1024, 200), (300 * 1024, 431)] {
            let mut client = Client::connect(served.address, &served.trust, http2, Some(&served.token)).await;
            let long = "x".repeat(length);
            match client.open("GET", "/livez", &[("x-long", &long)], None).await {
                Ok(answer) => assert_eq!(answer.status(), code, "HTTP/2: {http2}, {length}"),
                Err(error) => assert_eq!(code, 431, "HTTP/2: {http2}, {length}: {error}"),
            }
        }
    }
}

/// hyper's client takes a GOAWAY that comes while it hands its request over for the request's failure.
#[tokio::test]
async fn a_stranger_is_told_to_go_with_the_answer_and_not_before() {
    let served = serve_in_cluster(|_| {}).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let stream = encrypted(stream, &served.trust, true).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let get = |path: &str| Request::get(format!("https://localhost{path}")).body(()).unwrap();
    let (first, _) = sender
        .send_request(get(&format!("{THINGS}/{HELD}")), true)
        .unwrap();
    let asked = timeout(PATIENCE, served.reviewer.asked_of_held.acquire());
    asked.await.unwrap().unwrap().forget();
    // What is under way does not keep a second one from being made.
    sender = sender.ready().await.unwrap();
    let (second, _) = sender.send_request(get("/livez"), true).unwrap();
    assert_eq!(second.await.unwrap().status(), 200);
    served.reviewer.go.add_permits(1);
    assert_eq!(first.await.unwrap().status(), 403);
    let ended = timeout(PATIENCE, connection).await.expect("it is told to go");
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn a_front_proxy_has_as_many_connections_as_it_likes_beside_strangers_of_its_address() {
    let (proxies, others) = (ClientAuthority::new(), ClientAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let authorities = directory.path().join("front-proxy-ca.crt");
    std::fs::write(&authorities, proxies.pem()).unwrap();
    let served = serve_in_cluster(|config| {
        config.limits.connections = 16;
        if let Cluster::Delegated(cluster) = &mut config.cluster {
            cluster.authentication.request_header.client_ca_file = Some(authorities);
        }
    })
    .await;
    let headers = [("x-remote-user", "alice")];
    let proxy = proxies.client("front-proxy-client");
    let mut connections = Vec::new();
    // Of an address 8 may be strangers', and 16 of all in all.
    for _ in 0..40 {
        let mut client = Client::connect_as(served.address, &served.trust, &proxy).await;
        assert_eq!(client.ask("GET", THINGS, &headers, None).await.code, 200);
        connections.push(client);
    }
    // From the same address, with a certificate of the same name that another authority signed.
    let forged = others.client("front-proxy-client");
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let stream = TcpStream::connect(served.address).await.unwrap();
        strangers.push(encrypted_as(stream, &served.trust, false, Some(&forged)).await);
        for client in [0, 39] {
            let answer = connections[client].ask("GET", THINGS, &headers, None).await;
            assert_eq!(answer.code, 200);
        }
    }
    let mut byte = [0];
    // Of the oldest some did not even get through their handshake.
    for oldest in strangers[..12].iter_mut().flatten() {
        let read = timeout(PATIENCE, oldest.read(&mut byte)).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    }
    for youngest in &mut strangers[12..] {
        let stream = youngest.as_mut().expect("it has its place");
        let read = stream.read(&mut byte).now_or_never();
        assert!(read.is_none(), "{read:?}");
    }
    for client in &mut connections {
        assert_eq!(client.ask("GET", THINGS, &headers, None).await.code, 200);
    }
}
