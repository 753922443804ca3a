//! Whether a server can be used past the aggregator: whether it takes the word of whoever connects for who is calling.
//!
//! The aggregator tells a server the user in `X-Remote-User`, and proves with the front proxy's client certificate that it may
//! (k8s.io/apiserver/pkg/authentication/request/headerrequest). A server that believes the header without that certificate obeys
//! everybody who reaches its port. It is found by the difference: the same GET, with the header and without, and no certificate
//! either time. Nothing but discovery is asked for, and, where that is open to everybody, an object that there is not.

use std::net::SocketAddr;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Limits,
    verified::{Header, Response, connect},
};
use crate::pki::Certificate;

/// A user that nobody is, in the group that every server of the usual kind lets do everything.
const CLAIMED: [Header; 2] = [
    ("x-remote-user", "annex-bypass-probe"),
    ("x-remote-group", "system:masters"),
];
/// An object that nobody makes.
const NO_OBJECT: &str = "annex-bypass-probe";
/// The longest name of a resource that is put into a path.
const MAX_RESOURCE: usize = 253;

/// What a server does with what nobody has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bypass {
    /// It refuses whoever proves nothing, whatever they claim to be.
    Refused,
    /// It answers requests for its resources to whoever asks.
    Anonymous,
    /// It takes whoever asks for whom they claim to be.
    Claimed,
}

/// What is asked of whom.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name that it must be vouched for.
    pub server_name: &'a str,
    /// Who must vouch for it.
    pub bundle: &'a [Certificate],
    /// An API group that it serves.
    pub group: &'a str,
    /// And a version of it.
    pub version: &'a str,
}

/// Finds out; `None` where the server's answers do not tell.
pub async fn bypass(target: Target<'_>, now: Timestamp, limits: &Limits) -> Option<Bypass> {
    let Target { group, version, .. } = target;
    let discovery = format!("/apis/{group}/{version}");
    let plain = get(target, &discovery, &[], now, limits).await?;
    let claimed = get(target, &discovery, &CLAIMED, now, limits).await?;
    match judge(plain.status, claimed.status)? {
        // That discovery is open to everybody says nothing of what it lists.
        Bypass::Anonymous => {
            let object = object_path(&discovery, &plain.body)?;
            let plain = get(target, &object, &[], now, limits).await?;
            let claimed = get(target, &object, &CLAIMED, now, limits).await?;
            judge(plain.status, claimed.status)
        }
        found => Some(found),
    }
}

/// Each on a connection of its own: servers of the usual kind close one on which somebody was anonymous.
async fn get(
    target: Target<'_>,
    path: &str,
    headers: &[Header],
    now: Timestamp,
    limits: &Limits,
) -> Option<Response> {
    let connection = connect(target.address, target.server_name, target.bundle, now, limits).await;
    connection.ok()?.get_with(path, headers).await.ok()
}

/// What it means that the same request is answered so without a claim, and so with one.
fn judge(plain: StatusCode, claimed: StatusCode) -> Option<Bypass> {
    let is_refusal = |status| matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let is_answer = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
    match (plain, claimed) {
        // Known by now, though not allowed to.
        (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN) => Some(Bypass::Claimed),
        (plain, claimed) if is_refusal(plain) && is_refusal(claimed) => Some(Bypass::Refused),
        (plain, claimed) if is_refusal(plain) && is_answer(claimed) => Some(Bypass::Claimed),
        (plain, _) if is_answer(plain) => Some(Bypass::Anonymous),
        _ => None,
    }
}

/// The part of an APIResourceList that is read.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

/// The path of an object that there is not, of a resource of this list.
fn object_path(discovery: &str, list: &[u8]) -> Option<String> {
    let list: List = serde_json::from_slice(list).ok()?;
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        !name.is_empty() && name.len() <= MAX_RESOURCE && name.bytes().all(is_part)
    };
    let mut resources = list.resources.iter();
    let resource = resources
        .find(|resource| is_name(&resource.name) && resource.verbs.iter().any(|verb| verb == "get"))?;
    let namespace = if resource.namespaced {
        "/namespaces/default"
    } else {
        ""
    };
    Some(format!("{discovery}{namespace}/{}/{NO_OBJECT}", resource.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pki::testing::{NAME, now},
        probe::testing::{Answer, PATIENT, TestServer, answer, wardle},
    };

    const LIST: &str = r#"{"kind":"APIResourceList","resources":[
        {"name":"flunders/status","namespaced":true,"verbs":["get"]},
        {"name":"../../evil","verbs":["get"]},
        {"name":"reviews","verbs":["create"]},
        {"name":"flunders","namespaced":true,"verbs":["list","get"]}]}"#;
    const OBJECT: &str = "/apis/wardle.example.com/v1/namespaces/default/flunders/annex-bypass-probe";

    async fn asked(
        handler: impl Fn(&http::request::Parts) -> Answer + Clone + Send + Sync + 'static,
    ) -> (Option<Bypass>, TestServer) {
        let (server, bundle) = wardle(handler).await;
        let target = Target {
            address: server.addr,
            server_name: NAME,
            bundle: &bundle,
            group: "wardle.example.com",
            version: "v1",
        };
        (bypass(target, now(), &PATIENT).await, server)
    }

    fn claims(request: &http::request::Parts) -> bool {
        request.headers.contains_key("x-remote-user")
    }

    #[tokio::test]
    async fn who_refuses_everybody_is_protected() {
        let (found, server) = asked(|_| answer(403, "")).await;
        assert_eq!(found, Some(Bypass::Refused));
        let requests = server.seen().requests;
        assert_eq!(requests.len(), 2);
        let is_harmless = |request: &http::request::Parts| {
            request.method == "GET" && !request.headers.contains_key("authorization")
        };
        assert!(requests.iter().all(is_harmless), "{requests:?}");
    }

    #[tokio::test]
    async fn who_believes_a_header_is_found() {
        let (found, _) = asked(|request| answer(if claims(request) { 200 } else { 401 }, LIST)).await;
        assert_eq!(found, Some(Bypass::Claimed));
        // It knows the user, and lets it do nothing.
        let (found, _) = asked(|request| answer(if claims(request) { 403 } else { 401 }, "")).await;
        assert_eq!(found, Some(Bypass::Claimed));
    }

    #[tokio::test]
    async fn where_discovery_is_open_an_object_is_asked_for() {
        let open = |refused: u16, claimed: u16| {
            move |request: &http::request::Parts| match request.uri.path() {
                "/apis/wardle.example.com/v1" => answer(200, LIST),
                OBJECT => answer(if claims(request) { claimed } else { refused }, ""),
                other => answer(418, other.to_owned()),
            }
        };
        for (refused, claimed, expected) in [
            (403, 403, Some(Bypass::Refused)),
            (401, 401, Some(Bypass::Refused)),
            (403, 404, Some(Bypass::Claimed)),
            (404, 404, Some(Bypass::Anonymous)),
            (403, 500, None),
            (503, 503, None),
        ] {
            let (found, server) = asked(open(refused, claimed)).await;
            assert_eq!(found, expected, "{refused} {claimed}");
            assert!(server.seen().requests.len() <= 4);
        }
    }

    #[tokio::test]
    async fn what_tells_nothing_is_not_judged() {
        for code in [302, 404, 500] {
            let (found, _) = asked(move |_| answer(code, "")).await;
            assert_eq!(found, None, "{code}");
        }
        assert_eq!(asked(|_| answer(200, "no list")).await.0, None);
        assert_eq!(asked(|_| answer(200, r#"{"resources":[]}"#)).await.0, None);
    }
}
