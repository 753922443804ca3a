//! Subresources that connect: streams, WebSockets, requests that go on to somebody else.

use std::time::Duration;

use annex_apiserver::request::Verb;
use annex_apiserver::resource::typed::{Builder, Connect};
use annex_apiserver::response::Incomplete;
use annex_apiserver::rest::remote_command::{Exit, Input};
use annex_apiserver::rest::websocket::Message as Sent;
use annex_apiserver::rest::{self, ConnectRequest};
use annex_apiserver::status::ApiError;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream};
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Client, handshake};
use crate::fixture::{PATIENCE, Served, THINGS, Thing, serve, thing};

/// `log` says the text, and then nothing more, or that it failed; `echo` and `exec` are sessions; `proxy` tells what it was asked.
pub fn connecters(things: Builder<Thing, Thing>) -> Builder<Thing, Thing> {
    let log = Connect::new(|thing: Thing, request| async move {
        let failed = request.parameter("fail").is_some();
        let rest = if failed {
            stream::iter([Err(Incomplete("it broke".into()))]).boxed()
        } else {
            stream::pending().boxed()
        };
        let pieces = stream::iter([Ok(Bytes::from(thing.text))]).chain(rest);
        Ok(rest::stream("text/plain", pieces))
    });
    let echo = Connect::new(|_: Thing, request| async move {
        request.upgrade(&[], |mut socket| async move {
            while let Some(message) = socket.receive().await {
                assert_ne!(message, Sent::Text("panic".into()), "it was told to");
                if message == Sent::Text("keep".into()) {
                    // Somebody else could still write.
                    let sender = socket.sender();
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(sender);
                    });
                    return;
                }
                if message == Sent::Text("end".into()) || socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    });
    let exec = Connect::new(|_: Thing, request: ConnectRequest| async move {
        let code = request.parameter("code").and_then(|code| code.parse().ok());
        request.command(move |mut streams| async move {
            let output = streams.output();
            while let Some(input) = streams.input().await {
                let written = match input {
                    Input::Stdin(bytes) => output.stdout(&bytes).await,
                    Input::Resize(size) => {
                        output
                            .stderr(format!("{}x{}", size.width, size.height).as_bytes())
                            .await
                    }
                    Input::StdinClosed => break,
                };
                if written.is_err() {
                    break;
                }
            }
            code.map_or_else(|| Exit::Failed("no code".into()), Exit::Code)
        })
    });
    let all = [Verb::Get, Verb::Create, Verb::Update, Verb::Patch, Verb::Delete];
    let proxy = Connect::new(|_: Thing, request: ConnectRequest| async move {
        let told = json!({
            "method": request.method.as_str(), "path": request.path, "query": request.query, "uri": request.path_and_query(),
            "body": String::from_utf8_lossy(&request.body), "headers": request.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
        });
        let mut answer = rest::answer("application/json", told.to_string());
        for (name, value) in [
            ("connection", "close, x-hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
            .headers_mut()
            .insert("x-upstream", HeaderValue::from_static("it"));
        Ok(answer)
    });
    let upload = Connect::new(|_: Thing, mut request: ConnectRequest| async move {
        let (mut pieces, mut bytes, mut largest) = (0, 0, 0);
        while let Some(piece) = request.streamed_body.next().await {
            let piece = piece.map_err(|error| ApiError::BadRequest(error.to_string()))?;
            (pieces, bytes, largest) = (pieces + 1, bytes + piece.len(), largest.max(piece.len()));
        }
        let told = json!({"pieces": pieces, "bytes": bytes, "largest": largest, "whole": request.body.len()});
        Ok(rest::answer("application/json", told.to_string()))
    });
    things
        .connect(
            "upload",
            upload.verbs([Verb::Get, Verb::Create]).stream_body(32 << 20),
        )
        .connect("log", log)
        .connect("echo", echo)
        .connect("exec", exec)
        .connect("proxy", proxy.verbs(all).subpath())
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

const ONE: &str = "/apis/test.example.com/v1/namespaces/ns/things/one";

async fn with_one() -> Served {
    let served = serve().await;
    assert_eq!(served.client().await.post(THINGS, &thing("one")).await.code, 201);
    served
}

async fn open(
    served: &Served,
    path: &str,
    protocols: &str,
) -> Result<(Socket, Response<Option<Vec<u8>>>), Error> {
    let stream = handshake(served.address, &served.trust, false).await;
    let mut request = format!("wss://localhost{path}").into_client_request().unwrap();
    let headers = request.headers_mut();
    if !protocols.is_empty() {
        headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
    }
    let token = format!("Bearer {}", served.token);
    headers.insert("authorization", token.parse().unwrap());
    tokio_tungstenite::client_async(request, stream).await
}

async fn next(socket: &mut Socket) -> Option<Message> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("a message comes") {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return Some(message),
            Some(Err(_)) | None => return None,
        }
    }
}

/// What a close frame says.
async fn closed(socket: &mut Socket) -> CloseCode {
    match next(socket).await {
        Some(Message::Close(Some(frame))) => frame.code,
        other => panic!("{other:?} is no end"),
    }
}

/// How many requests are connected to `subresource`, as metrics count them.
async fn connected(served: &Served, subresource: &str) -> String {
    let metrics = served.client().await.get("/metrics").await.body;
    let line = metrics.lines().find(|line| {
        line.starts_with("apiserver_longrunning_requests{")
            && line.contains(&format!("subresource=\"{subresource}\""))
            && line.contains("verb=\"CONNECT\"")
    });
    let count = line.and_then(|line| line.rsplit(' ').next());
    count.unwrap_or_default().to_owned()
}

async fn nobody_is_connected(served: &Served, subresource: &str) {
    let gone = async {
        while connected(served, subresource).await != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it holds nothing any more");
}

#[tokio::test]
async fn a_stream_comes_piece_by_piece_and_counts_as_long_running() {
    let served = with_one().await;
    let mut client = served.client().await;
    let log = format!("{ONE}/log?timeout=1ms");
    let mut answer = client.open("GET", &log, &[], None).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/plain".parse().unwrap())
    );
    let piece = timeout(PATIENCE, answer.body_mut().frame())
        .await
        .expect("the text comes");
    assert_eq!(piece.unwrap().unwrap().into_data().unwrap(), "x");
    assert_eq!(connected(&served, "log").await, "1");
    drop(answer);
    nobody_is_connected(&served, "log").await;
}

#[tokio::test]
async fn a_stream_that_fails_is_seen_to() {
    let served = with_one().await;
    let mut client = served.client().await;
    let whole = async {
        let answer = client.open("GET", &format!("{ONE}/log?fail"), &[], None).await;
        answer?.into_body().collect().await
    };
    assert!(timeout(PATIENCE, whole).await.expect("it ends").is_err());
}

#[tokio::test]
async fn who_drains_breaks_off_streams_and_closes_sessions() {
    let served = with_one().await;
    let mut client = served.client().await;
    let stream = client
        .open("GET", &format!("{ONE}/log"), &[], None)
        .await
        .unwrap();
    let (mut socket, _) = open(&served, &format!("{ONE}/echo"), "").await.unwrap();
    let ended = tokio::spawn(served.running.shutdown());
    assert_eq!(closed(&mut socket).await, CloseCode::Away);
    let _ = socket.close(None).await;
    let whole = timeout(PATIENCE, stream.into_body().collect())
        .await
        .expect("it ends");
    assert!(whole.is_err(), "nobody takes it for whole");
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_session_ends_with_its_connecter_or_its_client() {
    let served = with_one().await;
    let echo = format!("{ONE}/echo");
    let (mut socket, answer) = open(&served, &echo, "a, b").await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            &answer.headers()["sec-websocket-protocol"]
        ),
        (101, &"a".parse().unwrap())
    );
    assert_eq!(connected(&served, "echo").await, "1");
    for message in [Message::text("words"), Message::binary(vec![7; 64 * 1024])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, Some(message));
    }
    socket.send(Message::text("end")).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Normal);
    let (mut socket, _) = open(&served, &echo, "").await.unwrap();
    socket.send(Message::text("keep")).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Normal);
    let (mut socket, _) = open(&served, &echo, "").await.unwrap();
    socket.close(None).await.unwrap();
    assert!(
        matches!(next(&mut socket).await, Some(Message::Close(_))),
        "it is answered"
    );
    let token = "base64url.bearer.authorization.k8s.io.c2VjcmV0, a";
    let (_, answer) = open(&served, &echo, token).await.unwrap();
    assert_eq!(
        answer.headers()["sec-websocket-protocol"],
        "a",
        "a token is nobody's to see"
    );
    let (mut socket, _) = open(&served, &echo, "").await.unwrap();
    socket.send(Message::text("panic")).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Error);
    let (mut socket, _) = open(&served, &echo, "").await.unwrap();
    socket.send(Message::binary(vec![0; 256 * 1024])).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Size);
    let (socket, _) = open(&served, &echo, "").await.unwrap();
    drop(socket);
    nobody_is_connected(&served, "echo").await;
}

#[tokio::test]
async fn a_command_has_its_channels_and_its_exit_code() {
    let served = with_one().await;
    let exec = async |query: &str, protocols: &str| {
        let (socket, answer) = open(&served, &format!("{ONE}/exec?{query}"), protocols)
            .await
            .unwrap();
        let protocol = answer.headers()["sec-websocket-protocol"]
            .to_str()
            .unwrap()
            .to_owned();
        (socket, protocol)
    };
    let (mut socket, protocol) = exec("code=3", "v4.channel.k8s.io,v5.channel.k8s.io").await;
    assert_eq!(protocol, "v5.channel.k8s.io");
    let binary = |bytes: &[u8]| Message::binary(bytes.to_vec());
    assert_eq!(next(&mut socket).await, Some(binary(&[1])), "it runs");
    // A message without a channel, of an unknown one, and a size that is none are passed over.
    for message in [
        &b""[..],
        b"\x09x",
        b"\x04{",
        b"\x00in",
        b"\x04{\"Width\":80,\"Height\":24}",
        b"\xff\x00",
    ] {
        socket.send(binary(message)).await.unwrap();
    }
    assert_eq!(next(&mut socket).await, Some(binary(b"\x01in")));
    assert_eq!(next(&mut socket).await, Some(binary(b"\x0280x24")));
    let status = next(&mut socket).await.unwrap().into_data();
    assert_eq!(status[0], 3);
    let status: Value = serde_json::from_slice(&status[1..]).unwrap();
    assert_eq!(
        (&status["reason"], &status["details"]["causes"][0]),
        (
            &json!("NonZeroExitCode"),
            &json!({"reason": "ExitCode", "message": "3"})
        )
    );
    assert_eq!(closed(&mut socket).await, CloseCode::Normal);

    let (mut socket, protocol) = exec("code=0", "v4.channel.k8s.io").await;
    assert_eq!(protocol, "v4.channel.k8s.io");
    next(&mut socket).await;
    // Nobody can end the input of v4 but by going: this is a message of no channel.
    socket.send(binary(b"\xff\x00")).await.unwrap();
    socket.send(binary(b"\x00still")).await.unwrap();
    assert_eq!(next(&mut socket).await, Some(binary(b"\x01still")));
    drop(socket);
    nobody_is_connected(&served, "exec").await;
}

#[tokio::test]
async fn who_does_not_speak_it_is_told_so_with_a_status() {
    let served = with_one().await;
    let mut client = served.client().await;
    let exec = format!("{ONE}/exec");
    let plain = client.get(&exec).await;
    assert_eq!(plain.code, 400);
    assert!(plain.body.contains("Upgrade request required"), "{plain:?}");
    // As kubectl's fall back: SPDY, over HTTP/1.1.
    let mut old = Client::connect(served.address, &served.trust, false, Some(&served.token)).await;
    let spdy = [
        ("upgrade", "SPDY/3.1"),
        ("connection", "Upgrade"),
        ("x-stream-protocol-version", "v4.channel.k8s.io"),
    ];
    let answer = old.open("GET", &exec, &spdy, None).await.unwrap();
    assert_eq!(answer.status(), 400);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let status: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status["kind"], "Status");
    assert!(
        status["message"].as_str().unwrap().contains("to a WebSocket"),
        "{status}"
    );
    let Err(Error::Http(refused)) = open(&served, &exec, "v1.example.com").await else {
        panic!("it is refused");
    };
    let status: Value = serde_json::from_slice(refused.body().as_deref().unwrap()).unwrap();
    assert_eq!(refused.status(), 403);
    assert!(
        status["message"].as_str().unwrap().ends_with(
            "requested protocol(s) are not supported: [v1.example.com]; supports [v5.channel.k8s.io v4.channel.k8s.io]"
        ),
        "{status}"
    );
}

#[tokio::test]
async fn a_body_that_nobody_could_hold_is_passed_on_piece_by_piece() {
    let served = with_one().await;
    for http2 in [false, true] {
        let mut client = Client::connect(served.address, &served.trust, http2, Some(&served.token)).await;
        let large = json!("x".repeat(30 << 20));
        let told = client.post(&format!("{ONE}/upload"), &large).await;
        assert_eq!(told.code, 200, "{told:?}");
        let told = told.json();
        assert_eq!(
            (&told["bytes"], &told["whole"]),
            (&json!((30 << 20) + 2), &json!(0))
        );
        assert!(told["largest"].as_u64().unwrap() <= 1 << 20, "{told}");
        let too_large = json!("x".repeat(33 << 20));
        let refused = client.post(&format!("{ONE}/upload"), &too_large).await;
        assert_eq!(refused.code, 413, "{refused:?}");
    }
    let empty = served.client().await.get(&format!("{ONE}/upload")).await;
    assert_eq!(empty.json()["pieces"], 0);
}

#[tokio::test]
async fn a_proxy_passes_on_what_it_was_asked() {
    let served = with_one().await;
    let mut client = served.client().await;
    for (method, path, body, told) in [
        ("GET", "", None, json!(["GET", "", "", "", "/"])),
        ("GET", "/", None, json!(["GET", "/", "", "", "/"])),
        (
            "POST",
            "/a/b%20c/?x=1&y=%20",
            Some(json!("words")),
            json!(["POST", "/a/b c/", "x=1&y=%20", "\"words\"", "/a/b%20c/?x=1&y=%20"]),
        ),
        (
            "GET",
            "//evil/x",
            None,
            json!(["GET", "/evil/x", "", "", "/evil/x"]),
        ),
        ("DELETE", "/a", None, json!(["DELETE", "/a", "", "", "/a"])),
    ] {
        let path = format!("{ONE}/proxy{path}");
        let answer = client
            .open(method, &path, &[("x-mine", "1")], body.as_ref())
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-upstream"]),
            (200, &"it".parse().unwrap())
        );
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            json!([
                answer["method"],
                answer["path"],
                answer["query"],
                answer["body"],
                answer["uri"]
            ]),
            told
        );
        let headers = answer["headers"].to_string();
        assert!(
            headers.contains("x-mine") && !headers.contains("authorization"),
            "{answer}"
        );
    }
    for (method, path, code) in [
        ("GET", "/missing/proxy", 404),
        ("POST", "/one/log", 405),
        ("GET", "/one/log/deeper", 404),
        ("GET", "/one/proxy/a/../../b", 400),
        ("GET", "/one/proxy/%2e%2e", 400),
        ("POST", "/one/proxy?dryRun=All", 400),
        ("GET", "/one/nothing", 404),
        ("OPTIONS", "/one/proxy", 405),
    ] {
        let answer = client
            .open(method, &format!("{THINGS}{path}"), &[], None)
            .await
            .unwrap();
        assert_eq!(answer.status(), code, "{method} {path}");
    }
    // Over HTTP/1.1 nobody else takes these out. What is called an upgrade keeps its body.
    let mut old = Client::connect(served.address, &served.trust, false, Some(&served.token)).await;
    let upgrade = [("upgrade", "websocket"), ("connection", "Upgrade")];
    let words = json!("words");
    let answer = old
        .open("POST", &format!("{ONE}/proxy"), &upgrade, Some(&words))
        .await
        .unwrap();
    for name in ["connection", "keep-alive", "x-hop"] {
        assert!(!answer.headers().contains_key(name), "{name}: {answer:?}");
    }
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["body"], "\"words\"");
    let large = json!("x".repeat(4 << 20));
    let answer = client
        .open("POST", &format!("{ONE}/proxy"), &[], Some(&large))
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
}
