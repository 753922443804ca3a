//! Another client than the store's: etcd's JSON gateway (`/v3/…`), by plain HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::process::Etcd;

/// What the gateway takes and gives bytes as.
pub(crate) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Calls `/v3/METHOD`; the answer has to be a success.
pub(crate) async fn call(etcd: &Etcd, method: &str, body: &Value, token: Option<&str>) -> Value {
    let tcp = tokio::net::TcpStream::connect(etcd.address()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::post(format!("/v3/{method}")).header("host", "127.0.0.1");
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let body = Full::new(Bytes::from(body.to_string()));
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let status = response.status();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(status.is_success(), "{method}: {status} {answer}");
    answer
}

/// What lies at a key.
pub(crate) async fn get(etcd: &Etcd, key: &str) -> Option<String> {
    let answer = call(etcd, "kv/range", &json!({"key": base64(key)}), None).await;
    let value = answer["kvs"][0]["value"].as_str()?;
    Some(String::from_utf8(STANDARD.decode(value).unwrap()).unwrap())
}

/// Turns authentication on: `root`, and a user who may do all under `/` and move the compactors' counter. Returns a token
/// of root's.
pub(crate) async fn enable_authentication(etcd: &Etcd, user: &str, password: &str) -> String {
    let admin = "root of this test alone";
    for (name, password) in [("root", admin), (user, password)] {
        call(
            etcd,
            "auth/user/add",
            &json!({"name": name, "password": password}),
            None,
        )
        .await;
        call(etcd, "auth/role/add", &json!({"name": name}), None).await;
        call(
            etcd,
            "auth/user/grant",
            &json!({"user": name, "role": name}),
            None,
        )
        .await;
    }
    for (from, to) in [("/", "0"), ("compact_rev_key", "")] {
        let permission = json!({"permType": "READWRITE", "key": base64(from), "range_end": base64(to)});
        call(
            etcd,
            "auth/role/grant",
            &json!({"name": user, "perm": permission}),
            None,
        )
        .await;
    }
    call(etcd, "auth/enable", &json!({}), None).await;
    token(etcd, "root", admin).await
}

async fn token(etcd: &Etcd, name: &str, password: &str) -> String {
    let answer = call(
        etcd,
        "auth/authenticate",
        &json!({"name": name, "password": password}),
        None,
    )
    .await;
    answer["token"].as_str().unwrap().to_owned()
}
