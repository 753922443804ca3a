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

/// A token, and the subprotocols without it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offered {
    pub(super) token: String,
    pub(super) others: HeaderValue,
}

/// What a request that asks for a WebSocket offers; `None`: no token.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<Offered>, ProtocolError> {
    if !websocket::is_requested(headers) {
        return Ok(None);
    }
    let (mut encoded, mut others) = (None, Vec::new());
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let text = value.to_str().map_err(|_| ProtocolError::NotText)?;
        for protocol in text.split(',').map(str::trim) {
            match protocol.strip_prefix(PREFIX) {
                None => others.push(protocol),
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
    if others.is_empty() {
        return Err(ProtocolError::NoOther);
    }
    let others = HeaderValue::try_from(others.join(",")).map_err(|_| ProtocolError::NotText)?;
    Ok(Some(Offered { token, others }))
}

#[cfg(test)]
mod tests {
    use http::header::{CONNECTION, UPGRADE};

    use super::*;

    fn offered(protocols: &str) -> Result<Option<Offered>, ProtocolError> {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, "WebSocket".parse().unwrap());
        headers.insert(CONNECTION, "keep-alive, Upgrade".parse().unwrap());
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols.parse().unwrap());
        token(&headers)
    }

    fn with(token: &str, others: &str) -> String {
        format!("{PREFIX}{}{others}", URL_SAFE_NO_PAD.encode(token))
    }

    #[test]
    fn the_token_is_read_and_taken_out() {
        let found = offered(&with("secret", ", v4.channel.k8s.io,b"))
            .unwrap()
            .unwrap();
        assert_eq!(found.token, "secret");
        assert_eq!(found.others, "v4.channel.k8s.io,b");
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
