//! Whether a server serves a group-version, asked as the kube-aggregator asks.

use http::StatusCode;
use serde::Deserialize;

use super::error_text::tidy;
use super::verified::{Connection, RequestError, Response, Token};

/// The answer to a discovery request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// 200 with an APIResourceList of the group-version.
    Served,
    /// 404, or a success that is not this group-version's list.
    NotServed {
        /// What came instead.
        found: String,
    },
    /// 401: the server does not accept the token. It need not know TokenReview, so this proves nothing.
    Unauthorized,
    /// 403: the server knows the probe's identity and lets it see nothing. This proves nothing either.
    Forbidden,
    /// No complete answer within the time that the kube-aggregator would wait.
    TooSlow,
    /// A code from 500 on.
    ServerError {
        /// The HTTP status code.
        code: u16,
        /// The server's words, at most 200 characters.
        text: String,
    },
    /// Any other code, such as a redirect, which the kube-aggregator does not follow.
    Unexpected {
        /// The HTTP status code.
        code: u16,
        /// The server's words, at most 200 characters.
        text: String,
    },
    /// The request failed or its answer was too large.
    Failed(RequestError),
}

/// Asks for the resources of `group` in `version`. What the server says never carries the token back.
pub async fn group_version(
    connection: &mut Connection,
    group: &str,
    version: &str,
    token: Option<&Token>,
) -> Discovery {
    match connection.get(&format!("/apis/{group}/{version}"), token).await {
        Ok(response) => {
            let redact = |text: &str| token.map_or_else(|| text.to_owned(), |token| token.redact(text));
            classify(&response, &format!("{group}/{version}"), redact)
        }
        Err(RequestError::TimedOut) => Discovery::TooSlow,
        Err(error) => Discovery::Failed(error),
    }
}

/// The part of an APIResourceList, or of a Status, that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    group_version: String,
    #[serde(default)]
    message: String,
}

fn classify(response: &Response, wanted: &str, redact: impl Fn(&str) -> String) -> Discovery {
    let answer = serde_json::from_slice::<Answer>(&response.body).ok();
    let words = || {
        let body = || String::from_utf8_lossy(&response.body).into_owned();
        let message = answer
            .as_ref()
            .map(|answer| answer.message.clone())
            .filter(|text| !text.is_empty());
        tidy(&redact(&message.unwrap_or_else(body)))
    };
    let code = response.status.as_u16();
    match response.status {
        StatusCode::UNAUTHORIZED => Discovery::Unauthorized,
        StatusCode::FORBIDDEN => Discovery::Forbidden,
        StatusCode::NOT_FOUND => Discovery::NotServed {
            found: "404 Not Found".to_owned(),
        },
        status if status.is_success() => match &answer {
            Some(list) if list.kind != "APIResourceList" => not_a_list(),
            Some(list) if list.group_version == wanted => Discovery::Served,
            Some(list) => {
                let found = format!("an APIResourceList of `{}`", tidy(&redact(&list.group_version)));
                Discovery::NotServed { found }
            }
            None => not_a_list(),
        },
        status if status.is_server_error() => Discovery::ServerError { code, text: words() },
        _ => Discovery::Unexpected { code, text: words() },
    }
}

fn not_a_list() -> Discovery {
    Discovery::NotServed {
        found: "something that is no APIResourceList".to_owned(),
    }
}

#[cfg(test)]
mod tests;
