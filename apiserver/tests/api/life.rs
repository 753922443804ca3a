//! How connections and servers end.

use std::time::Duration;

use annex_apiserver::config::Config;
use annex_apiserver::server::tls::{self, PairFiles};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::client::{Client, Trust, read};
use crate::fixture::{PATIENCE, THINGS, serve, serve_with, thing};

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
async fn a_connection_too_many_is_closed() {
    let served = serve_with(|config| config.limits.connections = 1).await;
    let mut first = served.client().await;
    assert_eq!(first.get("/livez").await.code, 200);
    let mut second = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let mut byte = [0];
    let read = timeout(PATIENCE, tokio::io::AsyncReadExt::read(&mut second, &mut byte)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    assert_eq!(first.get("/livez").await.code, 200);
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
