//! How connections and servers end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use annex_apiserver::config::Config;
use annex_apiserver::server::tls::{self, PairFiles};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::client::{Client, Trust, encrypted, read};
use crate::fixture::{PATIENCE, Served, THINGS, serve, serve_with, thing};

#[tokio::test]
async fn who_drains_finishes_what_runs_and_ends_watches_cleanly() {
    let served = serve().await;
    let (mut writer, mut watcher) = (served.client().await, served.client().await);
    let watch = watcher
        .open("GET", &format!("{THINGS}?watch=1"), &[], None)
        .await
        .unwrap();
    let write = tokio::spawn(async move { writer.post(THINGS, &thing("waits")).await.code });
    let _arrived = timeout(PATIENCE, served.arrived.acquire()).await.unwrap();
    let go = served.go.clone();
    let ended = tokio::spawn(served.running.shutdown());
    // It ends without an error while the write still runs.
    let watched = timeout(PATIENCE, read(watch)).await.expect("the watch ends");
    assert_eq!(watched.code, 200);
    assert!(!ended.is_finished(), "the write is waited for");
    go.add_permits(1);
    assert_eq!(write.await.unwrap(), 201);
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
    assert!(tokio::net::TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn who_leaves_says_so_and_goes_on_serving_for_a_while() {
    let served = serve_with(|config| config.shutdown_delay = Duration::from_secs(3)).await;
    let mut client = served.client().await;
    let ended = tokio::spawn(served.running.shutdown());
    let ready = async {
        loop {
            let ready = client.get("/readyz").await;
            if ready.code != 200 {
                return ready;
            }
        }
    };
    let ready = timeout(PATIENCE, ready).await.expect("it is no longer ready");
    assert!(ready.body.contains("[-]shutdown failed"), "{ready:?}");
    assert_eq!(client.get("/livez").await.code, 200);
    assert_eq!(client.post(THINGS, &thing("late")).await.code, 201);
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
}

/// Writes a new self-signed pair to where the server looks for it; its authority.
fn write_pair(directory: &std::path::Path) -> Trust {
    let made = tls::self_signed(&["localhost".to_owned()], &["127.0.0.1".parse().unwrap()]).unwrap();
    std::fs::write(directory.join("tls.crt"), &made.certificate_pem).unwrap();
    std::fs::write(directory.join("tls.key"), &made.key_pem).unwrap();
    Trust::new(made.authority_pem.as_bytes())
}

#[tokio::test]
async fn a_new_certificate_sends_clients_away_and_takes_nothing_from_them() {
    let files = tempfile::tempdir().unwrap();
    let old = write_pair(files.path());
    let certificate = PairFiles {
        certificates: files.path().join("tls.crt"),
        key: files.path().join("tls.key"),
    };
    let served = serve_with(|config: &mut Config| config.tls.certificate = Some(certificate)).await;
    let mut client = Client::connect(served.address, &old, true, Some(&served.token)).await;
    let mut watch = client
        .open("GET", &format!("{THINGS}?watch=1"), &[], None)
        .await
        .unwrap();

    let new = write_pair(files.path());
    let refused = async {
        // A client that was told to go away opens no more streams.
        while client.open("GET", "/livez", &[], None).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused)
        .await
        .expect("the client is told to go away");
    let mut again = Client::connect(served.address, &new, true, Some(&served.token)).await;
    assert_ne!(again.leaf, client.leaf);
    assert_eq!(again.post(THINGS, &thing("new")).await.code, 201);
    // The watch that was open on the old connection goes on.
    let frame = timeout(PATIENCE, watch.frame())
        .await
        .expect("an event comes")
        .unwrap()
        .unwrap();
    let event: serde_json::Value = serde_json::from_slice(frame.data_ref().unwrap()).unwrap();
    assert_eq!(event["object"]["metadata"]["name"], "new");
}

#[tokio::test]
async fn objects_survive_in_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let storage = annex_apiserver::storage::embedded::Options::new(directory.path());
    for (code, name) in [(404, "one"), (200, "one")] {
        let options = storage.clone();
        let served = serve_with(|config| {
            config.storage.backend = annex_apiserver::config::Backend::Embedded(options);
        })
        .await;
        let mut client = served.client().await;
        assert_eq!(client.get(&format!("{THINGS}/{name}")).await.code, code);
        if code == 404 {
            assert_eq!(client.post(THINGS, &thing(name)).await.code, 201);
        }
        served.running.shutdown().await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let served = serve_with(|config| config.limits.request_timeout = Duration::from_secs(5)).await;
    let mut other = served.client().await;
    for number in 0..12 {
        let mut large = thing(&format!("large-{number}"));
        large["text"] = "x".repeat(1 << 20).into();
        assert_eq!(other.post(THINGS, &large).await.code, 201);
    }
    let mut lazy = served.client().await;
    let untaken = lazy.open("GET", THINGS, &[], None).await.unwrap();
    let given_up = async {
        let line = "resource=\"things\",scope=\"namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 1";
        while !other.get("/metrics").await.body.contains(line) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, given_up).await.expect("the answer is given up");
    assert!(
        untaken.into_body().collect().await.is_err(),
        "the client sees that it is not whole"
    );
}

/// Where new connections go, as endpoints and the proxies that follow them have it.
type Endpoint = Arc<Mutex<(SocketAddr, Trust, String)>>;

fn endpoint_of(served: &Served) -> (SocketAddr, Trust, String) {
    (served.address, served.trust.clone(), served.token.clone())
}

/// Creates things without a pause and without trying again, until `stop`; how many, and what failed. A request that was
/// never sent, since its connection had said goodbye, is sent by the next connection.
async fn create(
    endpoint: Endpoint,
    http2: bool,
    number: usize,
    stop: Arc<AtomicBool>,
) -> (usize, Vec<String>) {
    let (mut created, mut failures) = (0, Vec::new());
    let mut client: Option<Client> = None;
    while !stop.load(Ordering::SeqCst) {
        let mut connection = match client.take() {
            Some(client) => client,
            None => {
                let (address, trust, token) = endpoint.lock().unwrap().clone();
                match Client::try_connect(address, &trust, http2, Some(&token)).await {
                    Ok(client) => client,
                    Err(error) => {
                        failures.push(format!("connect: {error}"));
                        continue;
                    }
                }
            }
        };
        let name = format!("c{number}-{created}");
        match connection.open("POST", THINGS, &[], Some(&thing(&name))).await {
            Ok(answer) => {
                let says_close = answer.headers().contains_key("connection");
                match answer.status().as_u16() {
                    201 => created += 1,
                    code => failures.push(format!("{code}")),
                }
                if let Err(error) = answer.into_body().collect().await {
                    failures.push(format!("body: {error}"));
                }
                client = (!says_close).then_some(connection);
            }
            Err(error) if error.is_canceled() || error.is_closed() => {}
            Err(error) => failures.push(format!("{error:?}")),
        }
    }
    (created, failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_one_replica_takes_over_from_another() {
    let config = |config: &mut Config| config.shutdown_delay = Duration::from_secs(2);
    let (old, new) = (serve_with(config).await, serve_with(config).await);
    let endpoint: Endpoint = Arc::new(Mutex::new(endpoint_of(&old)));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| tokio::spawn(create(endpoint.clone(), number % 2 == 0, number, stop.clone())))
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut probe = old.client().await;
    let ended = tokio::spawn(old.running.shutdown());
    while probe.get("/readyz").await.code == 200 {}
    // Some come to the old one even now.
    tokio::time::sleep(Duration::from_millis(500)).await;
    *endpoint.lock().unwrap() = endpoint_of(&new);
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::SeqCst);
    let mut total = 0;
    for client in clients {
        let (created, failures) = client.await.unwrap();
        assert!(failures.is_empty(), "{failures:?}");
        total += created;
    }
    assert!(total > 100, "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_many_watchers_ends_in_time_and_tells_nobody_half_an_event() {
    const CONNECTIONS: usize = 20;
    const WATCHES: usize = 50;
    let served = serve_with(|config| config.shutdown_delay = Duration::from_secs(1)).await;
    let path = format!("https://localhost{THINGS}?watch=1");
    let mut watches = Vec::new();
    let mut stalled = Vec::new();
    for number in 0..CONNECTIONS {
        let stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let stream = encrypted(stream, &served.trust, true).await.unwrap();
        let mut builder = h2::client::Builder::new();
        // Some take a few bytes, and no more.
        let is_stalled = number % 4 == 0;
        builder.initial_window_size(if is_stalled { 10 } else { 1 << 20 });
        builder.initial_connection_window_size(1 << 26);
        let (mut sender, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        for _ in 0..WATCHES {
            sender = sender.ready().await.unwrap();
            let request = http::Request::get(&path)
                .header("authorization", format!("Bearer {}", served.token))
                .body(())
                .unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            let response = timeout(PATIENCE, response).await.unwrap().unwrap();
            assert_eq!(response.status(), 200);
            if is_stalled {
                stalled.push(response);
            } else {
                watches.push(tokio::spawn(events(response.into_body())));
            }
        }
    }
    let mut writer = served.client().await;
    let busy = tokio::spawn(async move {
        let mut number = 0;
        while writer
            .open("POST", THINGS, &[], Some(&thing(&format!("n-{number}"))))
            .await
            .is_ok()
        {
            number += 1;
        }
    });
    let begun = Instant::now();
    served.running.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    for watch in watches {
        let events = timeout(PATIENCE, watch).await.expect("it ends").unwrap();
        assert!(events.expect("it ends cleanly") > 0);
    }
    timeout(PATIENCE, busy).await.expect("connections end").unwrap();
    drop(stalled);
}

/// How many events came, each of them whole.
async fn events(mut body: h2::RecvStream) -> Result<usize, h2::Error> {
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    assert!(text.last().is_none_or(|last| *last == b'\n'), "half an event");
    let mut count = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).expect("a whole event");
        count += 1;
    }
    Ok(count)
}
