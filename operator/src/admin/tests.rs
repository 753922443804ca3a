//! The endpoints over sockets of this machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

use super::{
    listener::{MAX_CONNECTIONS, MAX_HEAD},
    *,
};

/// The addresses of both endpoints.
#[derive(Clone, Copy)]
struct Addresses {
    health: SocketAddr,
    metrics: SocketAddr,
}

async fn started() -> (Addresses, Admin, JoinSet<Infallible>) {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (health, metrics) = (listen(any).await.unwrap(), listen(any).await.unwrap());
    let addresses = Addresses {
        health: health.local_addr().unwrap(),
        metrics: metrics.local_addr().unwrap(),
    };
    let admin = Admin {
        health: Health::new(),
        metrics: Metrics::new(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(admin.clone().serve_health(health));
    tasks.spawn(admin.clone().serve_metrics(metrics));
    (addresses, admin, tasks)
}

/// Sends bytes and reads until the server closes the connection.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let response = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: annex\r\n\r\n")).await;
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn livez_is_ok_from_the_start_and_verbose_on_request() {
    let (Addresses { health: address, .. }, _, _task) = started().await;
    assert_eq!(get(address, "/livez").await, (200, "ok".to_owned()));
    let verbose = "[+]ping ok\n[+]reconcile ok\nlivez check passed\n";
    assert_eq!(get(address, "/livez?verbose").await, (200, verbose.to_owned()));
    assert_eq!(get(address, "/livez?exclude=x&verbose=true").await.1, verbose);
}

#[tokio::test]
async fn readyz_follows_the_process() {
    let (Addresses { health: address, .. }, admin, _task) = started().await;
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, 500);
    assert_eq!(
        body,
        "[-]kubernetes-api failed: the API server has not been reached yet\n\
         [-]crd failed: the AggregatedServer resource is not served yet\n\
         [+]informer-sync ok\n[+]shutdown ok\nreadyz check failed\n"
    );
    admin.health.set_reached();
    assert_eq!(get(address, "/readyz").await.0, 500);
    admin.health.set_installed();
    assert_eq!(get(address, "/readyz").await, (200, "ok".to_owned()));
    admin.health.watches().begin("Pod");
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, 500);
    assert!(
        body.contains("[-]informer-sync failed: not listed yet: Pod\n"),
        "{body}"
    );
    admin.health.watches().succeeded("Pod", true);
    assert_eq!(get(address, "/readyz").await.0, 200);
    admin.health.set_shutting_down();
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, 500);
    assert!(
        body.contains("[-]shutdown failed: the process is shutting down\n"),
        "{body}"
    );
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn metrics_have_the_openmetrics_media_type() {
    let (Addresses { metrics: address, .. }, _, _task) = started().await;
    let response = exchange(address, "GET /metrics HTTP/1.0\r\n\r\n").await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_lowercase()
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(
        body.contains("annex_leader 0\n") && body.ends_with("# EOF\n"),
        "{body}"
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let (Addresses { health: address, .. }, _, _task) = started().await;
    assert_eq!(get(address, "/").await.0, 404);
    assert_eq!(get(address, "/livez/").await.0, 404);
    assert_eq!(get(address, "/metrics").await.0, 404);
    let post = "POST /readyz HTTP/1.1\r\nHost: annex\r\nContent-Length: 0\r\n\r\n";
    let response = exchange(address, post).await;
    assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    assert!(
        response.to_lowercase().contains("\r\nallow: get, head\r\n"),
        "{response}"
    );
    let head = exchange(address, "HEAD /livez HTTP/1.1\r\nHost: annex\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let (Addresses { health: address, .. }, _, _task) = started().await;
    let response = exchange(
        address,
        &format!("GET /livez HTTP/1.1\r\nX: {}\r\n", "x".repeat(MAX_HEAD)),
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
}

/// What the kubelet and Prometheus meet beside someone who opens connections and says nothing.
#[tokio::test]
async fn five_hundred_silent_connections_keep_nobody_out() {
    let (addresses, admin, _task) = started().await;
    admin.health.set_reached();
    admin.health.set_installed();
    let mut silent = Vec::new();
    for number in 0..500 {
        silent.push(TcpStream::connect(addresses.health).await.unwrap());
        silent.push(TcpStream::connect(addresses.metrics).await.unwrap());
        if number % 50 == 49 {
            let began = Instant::now();
            assert_eq!(get(addresses.health, "/livez").await.0, 200);
            assert_eq!(get(addresses.health, "/readyz").await.0, 200);
            assert_eq!(get(addresses.metrics, "/metrics").await.0, 200);
            // The kubelet waits for five seconds.
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
    }
    // All of them are closed, most of them to make room.
    assert!(silent.len() > MAX_CONNECTIONS);
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0; 512]).await.unwrap_or_default(), 0);
    }
}
