//! A token in a WebSocket's subprotocols, where browsers can set no other header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};

use crate::request::websocket;

const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// Why the subprotocols make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProtocolError {
    /// Several tokens.
    #[error("multiple base64.bearer.authorization tokens specified")]
    SeveralTokens,
    /// Not base64url.
    #[error("invalid base64.bearer.authorization token encoding")]
    Encoding,
    /// Not text.
    #[error("invalid base64.bearer.authorization token")]
    NotText,
    /// Nothing else to answer with.
    #[error("missing additional subprotocol")]
    NoOther,
}

/// The token of a request that asks for a WebSocket; `None`: there is none.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<String>, ProtocolError> {
    if !websocket::is_requested(headers) {
        return Ok(None);
    }
    let (mut encoded, mut has_others) = (None, false);
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let text = value.to_str().map_err(|_| ProtocolError::NotText)?;
        for protocol in text.split(',').map(str::trim) {
            match protocol.strip_prefix(PREFIX) {
                None => has_others = true,
                Some(_) if encoded.is_some() => return Err(ProtocolError::SeveralTokens),
                Some(token) => encoded = Some(token),
            }
        }
    }
    let Some(encoded) = encoded else {
        return Ok(None);
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| ProtocolError::Encoding)?;
    let token = String::from_utf8(bytes).map_err(|_| ProtocolError::NotText)?;
    if token.is_empty() {
        return Ok(None);
    }
    if !has_others {
        return Err(ProtocolError::NoOther);
    }
    Ok(Some(token))
}

/// Leaves subprotocols that hold a token out, and what is no text, whether the token was asked for or not.
pub(super) fn strip(headers: &mut HeaderMap) {
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return;
    }
    let others: Vec<&str> = websocket::values(headers, &SEC_WEBSOCKET_PROTOCOL)
        .filter(|protocol| !protocol.starts_with(PREFIX) && !protocol.is_empty())
        .collect();
    match HeaderValue::try_from(others.join(",")) {
        Ok(others) if !others.is_empty() => headers.insert(SEC_WEBSOCKET_PROTOCOL, others),
        _ => headers.remove(SEC_WEBSOCKET_PROTOCOL),
    };
}

#[cfg(test)]
mod tests {
    use http::header::{CONNECTION, UPGRADE};

    use super::*;

    fn asking(protocols: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, "WebSocket".parse().unwrap());
        headers.insert(CONNECTION, "keep-alive, Upgrade".parse().unwrap());
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols.parse().unwrap());
        headers
    }

    fn offered(protocols: &str) -> Result<Option<String>, ProtocolError> {
        token(&asking(protocols))
    }

    fn with(token: &str, others: &str) -> String {
        format!("{PREFIX}{}{others}", URL_SAFE_NO_PAD.encode(token))
    }

    #[test]
    fn the_token_is_read_and_taken_out() {
        let found = offered(&with("secret", ", v4.channel.k8s.io,b"))
            .unwrap()
            .unwrap();
        assert_eq!(found, "secret");
        for (protocols, left) in [
            (
                with("secret", ", v4.channel.k8s.io,b"),
                Some("v4.channel.k8s.io,b"),
            ),
            (with("", ""), None),
            ("a".to_owned(), Some("a")),
        ] {
            let mut headers = asking(&protocols);
            strip(&mut headers);
            let found = headers.get(SEC_WEBSOCKET_PROTOCOL);
            assert_eq!(found.map(|value| value.to_str().unwrap()), left, "{protocols}");
        }
        assert_eq!(offered("v4.channel.k8s.io"), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert_eq!(offered(&with("a", "")), Err(ProtocolError::NoOther));
        let two = format!("{}, {}", with("a", ""), with("b", ",x"));
        assert_eq!(offered(&two), Err(ProtocolError::SeveralTokens));
        assert_eq!(offered(&format!("{PREFIX}%%, x")), Err(ProtocolError::Encoding));
        let no_text = format!("{PREFIX}{}, x", URL_SAFE_NO_PAD.encode([0xff]));
        assert_eq!(offered(&no_text), Err(ProtocolError::NotText));
    }

    #[test]
    fn without_a_websocket_it_says_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, with("secret", ",x").parse().unwrap());
        assert_eq!(token(&headers), Ok(None));
    }
}
