//! Watches over WebSockets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::handshake;
use crate::fixture::{PATIENCE, Served, THINGS, serve, thing};

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn connect(
    served: &Served,
    path: &str,
    protocols: &str,
) -> Result<(Socket, Response<Option<Vec<u8>>>), Error> {
    let stream = handshake(served.address, &served.trust, false).await;
    let mut request = format!("wss://localhost{path}").into_client_request().unwrap();
    let protocols = HeaderValue::from_str(protocols).unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    tokio_tungstenite::client_async(request, stream).await
}

fn bearer(served: &Served) -> String {
    let token = URL_SAFE_NO_PAD.encode(&served.token);
    format!("base64url.bearer.authorization.k8s.io.{token}, base64.binary.k8s.io")
}

async fn next(socket: &mut Socket) -> Option<Message> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("a message comes");
        match message {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return Some(message),
            Some(Err(_)) | None => return None,
        }
    }
}

async fn open_watches(served: &Served) -> bool {
    let metrics = served.client().await.get("/metrics").await.body;
    metrics.lines().any(|line| {
        line.starts_with("apiserver_longrunning_requests{") && line.contains("things") && line.ends_with(" 1")
    })
}

async fn gone(served: &Served) {
    let gone = async {
        while open_watches(served).await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it holds nothing any more");
}

#[tokio::test]
async fn each_event_is_a_message_and_the_token_is_nobody_elses() {
    let served = serve().await;
    let mut client = served.client().await;
    for name in ["one", "two"] {
        assert_eq!(client.post(THINGS, &thing(name)).await.code, 201);
    }
    let watch = format!("{THINGS}?watch=1");
    let (mut socket, answer) = connect(&served, &watch, &bearer(&served)).await.unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "base64.binary.k8s.io");
    assert!(open_watches(&served).await);
    client.post(THINGS, &thing("three")).await;
    for name in ["one", "two", "three"] {
        let message = next(&mut socket).await.unwrap();
        let event: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["metadata"]["name"]),
            (&"ADDED".into(), &name.into())
        );
    }
    socket.close(None).await.unwrap();
    gone(&served).await;
}

#[tokio::test]
async fn a_server_that_drains_says_goodbye() {
    let served = serve().await;
    let watch = format!("{THINGS}?watch=1");
    let (mut socket, _) = connect(&served, &watch, &bearer(&served)).await.unwrap();
    let ended = tokio::spawn(served.running.shutdown());
    assert!(matches!(next(&mut socket).await, Some(Message::Close(_))));
    let _ = socket.close(None).await;
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_client_has_nothing_to_say() {
    let served = serve().await;
    let watch = format!("{THINGS}?watch=1");
    let (mut socket, _) = connect(&served, &watch, &bearer(&served)).await.unwrap();
    socket.send(Message::text("ignored")).await.unwrap();
    served.client().await.post(THINGS, &thing("one")).await;
    assert!(next(&mut socket).await.is_some(), "the watch goes on");
    let _ = socket.send(Message::binary(vec![0; 64 * 1024])).await;
    while next(&mut socket).await.is_some() {}
    gone(&served).await;
}

#[tokio::test]
async fn what_is_refused_is_refused_before_the_protocol_changes() {
    let served = serve().await;
    let code = async |path: &str, protocols: &str| match connect(&served, path, protocols).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok((_, answer)) => answer.status().as_u16(),
    };
    let watch = format!("{THINGS}?watch=1");
    assert_eq!(code(&watch, "a").await, 403);
    let unknown = format!(
        "base64url.bearer.authorization.k8s.io.{}, a",
        URL_SAFE_NO_PAD.encode("unknown")
    );
    assert_eq!(code(&watch, &unknown).await, 401);
    assert_eq!(
        code(&format!("{watch}&labelSelector=(("), &bearer(&served)).await,
        400
    );
    assert_eq!(code(&watch, &format!("{}, other", bearer(&served))).await, 400);
    // What is no watch is answered as ever.
    assert_eq!(code(THINGS, &bearer(&served)).await, 200);
}
