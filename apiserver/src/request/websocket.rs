//! The server's side of a WebSocket's opening handshake, RFC 6455 section 4.2. Go: `golang.org/x/net/websocket`, hybi.go, as
//! `endpoints/handlers/watch.go` uses it.

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What a client asks for that wants a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    accept: HeaderValue,
    protocols: Vec<String>,
}

/// A WebSocket as it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    accept: HeaderValue,
    protocol: Option<String>,
}

/// A handshake that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The version is another than 13.
    #[error("missing or bad WebSocket Version")]
    Version,
    /// There is no key, or it is none.
    #[error("mismatch challenge/response")]
    Key,
    /// More than one subprotocol is offered, where none is chosen.
    #[error("missing or bad WebSocket-Protocol")]
    Protocol,
    /// None that is offered is spoken.
    #[error("requested protocol(s) are not supported: [{offered}]; supports [{supported}]")]
    Unsupported {
        /// What the client offers.
        offered: String,
        /// What is spoken.
        supported: String,
    },
}

impl Offer {
    /// The handshake in the head of a request; `None`: it asks for no WebSocket.
    ///
    /// # Errors
    /// It asks for one in a way that RFC 6455 does not allow.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, HandshakeError> {
        if !is_requested(headers) {
            return Ok(None);
        }
        if headers
            .get(SEC_WEBSOCKET_VERSION)
            .is_none_or(|version| version != "13")
        {
            return Err(HandshakeError::Version);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty());
        let key = key.ok_or(HandshakeError::Key)?;
        let accept =
            HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| HandshakeError::Key)?;
        let protocols = protocols(headers).map(str::to_owned).collect();
        Ok(Some(Self { accept, protocols }))
    }

    /// With the subprotocol that is offered, whatever it is.
    ///
    /// # Errors
    /// There are several.
    pub fn only(self) -> Result<Handshake, HandshakeError> {
        if self.protocols.len() > 1 {
            return Err(HandshakeError::Protocol);
        }
        Ok(Handshake {
            accept: self.accept,
            protocol: self.protocols.into_iter().next(),
        })
    }

    /// With the first of `supported` that is offered; where none is, with the first that is offered, or none.
    ///
    /// # Errors
    /// None of them is offered.
    pub fn choose(self, supported: &[&str]) -> Result<Handshake, HandshakeError> {
        let protocol = if supported.is_empty() {
            self.protocols.into_iter().next()
        } else {
            let is_offered = |wanted: &&&str| self.protocols.iter().any(|offered| offered == **wanted);
            let chosen = supported.iter().find(is_offered);
            let Some(chosen) = chosen else {
                return Err(HandshakeError::Unsupported {
                    offered: self.protocols.join(" "),
                    supported: supported.join(" "),
                });
            };
            Some((*chosen).to_owned())
        };
        Ok(Handshake {
            accept: self.accept,
            protocol,
        })
    }
}

impl Handshake {
    /// The subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Writes the head of the answer that accepts it, whose status is 101.
    pub fn accept(self, headers: &mut HeaderMap) {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        // It came in a header.
        if let Some(protocol) = self
            .protocol
            .and_then(|protocol| HeaderValue::try_from(protocol).ok())
        {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
    }
}

/// Whether a request asks for a WebSocket.
#[must_use]
pub fn is_requested(headers: &HeaderMap) -> bool {
    let lists = |name, word: &str| values(headers, &name).any(|part| part.eq_ignore_ascii_case(word));
    lists(UPGRADE, "websocket") && lists(CONNECTION, "upgrade")
}

/// The subprotocols that a client offers, in its order.
fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    values(headers, &SEC_WEBSOCKET_PROTOCOL).filter(|protocol| !protocol.is_empty())
}

/// What a header lists, in one field or in several (RFC 9110, section 5.6.1); what is no text is passed over.
pub(crate) fn values<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(http::HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn asking(more: &[(http::HeaderName, &str)]) -> HeaderMap {
        let mut fields = vec![(UPGRADE, "WebSocket"), (CONNECTION, "keep-alive, Upgrade")];
        fields.extend_from_slice(more);
        headers(&fields)
    }

    #[test]
    fn the_key_of_rfc_6455_is_answered_as_it_says() {
        let asking = asking(&[
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (SEC_WEBSOCKET_PROTOCOL, "chat"),
        ]);
        let mut answer = HeaderMap::new();
        let offer = Offer::of(&asking).unwrap().unwrap();
        offer.only().unwrap().accept(&mut answer);
        assert_eq!(answer[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer[SEC_WEBSOCKET_PROTOCOL], "chat");
        assert_eq!(
            (&answer[UPGRADE], &answer[CONNECTION]),
            (&"websocket".parse().unwrap(), &"Upgrade".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_handshake_is_told_from_what_asks_for_none() {
        assert_eq!(Offer::of(&HeaderMap::new()), Ok(None));
        assert_eq!(Offer::of(&headers(&[(UPGRADE, "websocket")])), Ok(None));
        assert_eq!(Offer::of(&asking(&[])), Err(HandshakeError::Version));
        let version = (SEC_WEBSOCKET_VERSION, "13");
        assert_eq!(
            Offer::of(&asking(std::slice::from_ref(&version))),
            Err(HandshakeError::Key)
        );
        let two = [
            version,
            (SEC_WEBSOCKET_KEY, "x"),
            (SEC_WEBSOCKET_PROTOCOL, "a, b"),
        ];
        let offer = Offer::of(&asking(&two)).unwrap().unwrap();
        assert_eq!(offer.clone().only(), Err(HandshakeError::Protocol));
        // The server's order counts.
        let chosen = |supported: &[&str]| offer.clone().choose(supported).map(|chosen| chosen.protocol);
        assert_eq!(chosen(&["b", "a"]), Ok(Some("b".into())));
        assert_eq!(chosen(&[]), Ok(Some("a".into())));
        assert_eq!(
            chosen(&["c", "d"]).unwrap_err().to_string(),
            "requested protocol(s) are not supported: [a b]; supports [c d]"
        );
    }
}
