//! What the server answers: a pure function of the mode and the request.
//!
//! As small as kube-aggregator allows: discovery in its legacy form (asked for the aggregated form it says 406, and
//! the aggregator falls back), no OpenAPI, health checks in Kubernetes' words, and one read-only resource.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::args::Mode;

/// The name of the only object.
pub const OBJECT: &str = "self";

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Api {
    mode: Mode,
    group: String,
    version: String,
    discovery_delay: Duration,
}

/// A response before it is HTTP.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long to wait before it is sent.
    pub delay: Duration,
    /// HTTP status.
    pub status: StatusCode,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Api {
    /// An API of `group` and `version`, broken as `mode` says; `discovery_delay` is for [`Mode::SlowDiscovery`].
    pub fn new(mode: Mode, group: &str, version: &str, discovery_delay: Duration) -> Self {
        let other = if version == "v9" { "v8" } else { "v9" };
        let version = if mode == Mode::OtherVersion {
            other
        } else {
            version
        };
        Self {
            mode,
            group: group.to_owned(),
            version: version.to_owned(),
            discovery_delay,
        }
    }

    /// The answer to a request that came with a client certificate or without.
    pub fn answer(&self, request: &Parts, has_client_certificate: bool) -> Answer {
        let from_front_proxy = has_client_certificate || request.headers.contains_key("x-remote-user");
        if self.mode == Mode::UntrustingFrontProxy && from_front_proxy {
            return failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized");
        }
        if !matches!(request.method, Method::GET | Method::HEAD) || watches(request) {
            return failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            );
        }
        let segments: Vec<&str> = request
            .uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        if let [check @ ("livez" | "readyz" | "healthz")] = segments.as_slice() {
            return self.health(check, request.uri.query().unwrap_or_default());
        }
        if self.mode == Mode::ObeyedHeader && !request.headers.contains_key("x-remote-user") {
            return failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized");
        }
        let Some(document) = self.document(&segments, &request.headers) else {
            let message = "the server could not find the requested resource";
            return failure(StatusCode::NOT_FOUND, "NotFound", message);
        };
        if !accepts_json(&request.headers) {
            let message = "only the following media types are accepted: application/json";
            return failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message);
        }
        let mut answer = json_answer(StatusCode::OK, &document);
        if self.mode == Mode::SlowDiscovery && segments.len() == 3 {
            answer.delay = self.discovery_delay;
        }
        answer
    }

    /// The document at a path, for a caller that is who the headers say.
    fn document(&self, segments: &[&str], headers: &HeaderMap) -> Option<Value> {
        let (root, rest) = segments.split_first()?;
        if *root != "apis" {
            return None;
        }
        match rest {
            [] => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [self.group()]})),
            [group] if *group == self.group => {
                let mut document = self.group();
                document["kind"] = json!("APIGroup");
                document["apiVersion"] = json!("v1");
                Some(document)
            }
            [group, version, rest @ ..] if *group == self.group && *version == self.version => match rest {
                [] => Some(self.resources()),
                ["echoes"] => Some(json!({
                    "kind": "EchoList",
                    "apiVersion": self.group_version(),
                    "metadata": {"resourceVersion": "1"},
                    "items": [self.echo(headers)],
                })),
                ["echoes", name] if *name == OBJECT => Some(self.echo(headers)),
                _ => None,
            },
            _ => None,
        }
    }

    fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    fn group(&self) -> Value {
        let version = json!({"groupVersion": self.group_version(), "version": self.version});
        json!({"name": self.group, "versions": [version], "preferredVersion": version})
    }

    fn resources(&self) -> Value {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": self.group_version(),
            "resources": [{
                "name": "echoes",
                "singularName": "echo",
                "namespaced": false,
                "kind": "Echo",
                "verbs": ["get", "list"],
            }],
        })
    }

    /// Who the front proxy says is calling. Nothing here depends on it, so nothing verifies it.
    fn echo(&self, headers: &HeaderMap) -> Value {
        let values = |name: &str| -> Vec<String> {
            headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect()
        };
        json!({
            "kind": "Echo",
            "apiVersion": self.group_version(),
            "metadata": {"name": OBJECT, "resourceVersion": "1"},
            "user": values("x-remote-user").first(),
            "groups": values("x-remote-group"),
        })
    }

    /// A health check in the words of k8s.io/apiserver: `ok`, a list on demand, always the list on failure.
    fn health(&self, check: &str, query: &str) -> Answer {
        // A liveness probe must not restart what is only unready.
        let failed = self.mode == Mode::Unready && check != "livez";
        let (status, body) = if failed {
            let lines = "[+]ping ok\n[-]etcd failed: reason withheld\n";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("{lines}{check} check failed\n"),
            )
        } else if has_parameter(query, "verbose") {
            (
                StatusCode::OK,
                format!("[+]ping ok\n[+]etcd ok\n{check} check passed\n"),
            )
        } else {
            (StatusCode::OK, "ok".to_owned())
        };
        Answer {
            delay: Duration::ZERO,
            status,
            content_type: "text/plain; charset=utf-8",
            body,
        }
    }
}

/// A `metav1.Status` that says why not.
pub(super) fn failure(status: StatusCode, reason: &str, message: &str) -> Answer {
    let document = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status.as_u16(),
    });
    json_answer(status, &document)
}

pub(super) fn json_answer(status: StatusCode, document: &Value) -> Answer {
    let body = format!("{document}\n");
    Answer {
        delay: Duration::ZERO,
        status,
        content_type: "application/json",
        body,
    }
}

fn has_parameter(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// Watching is a verb of its own, and not one of this resource's.
fn watches(request: &Parts) -> bool {
    let query = request.uri.query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "watch" | "watch=true" | "watch=1"))
}

/// Whether the caller takes plain JSON, that is, a range for it without `as=` (another shape of the document).
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    ranges.peek().is_none()
        || ranges.flat_map(|value| value.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let json = matches!(parts.next(), Some("application/json" | "application/*" | "*/*"));
            json && !parts.any(|parameter| parameter.starts_with("as="))
        })
}

#[cfg(test)]
mod tests;
