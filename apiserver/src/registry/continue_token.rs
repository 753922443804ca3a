//! Where a page of a list ended: `storage.EncodeContinue` of k8s.io/apiserver, to the byte, so that a client may go on
//! with another server.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde::{Deserialize, Serialize};

use crate::decode::syntax;
use crate::status::ApiError;
use crate::storage::{Prefix, Revision};

const VERSION: &str = "meta.k8s.io/v1";

/// Go's `base64.RawURLEncoding`, which does not look at the bits that are left over.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The list's revision; `None`: whatever is newest, since the list's own is compacted away.
    pub(super) revision: Option<Revision>,
    /// The key that the list goes on behind, below the list's prefix.
    pub(super) after: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "v", default)]
    version: String,
    #[serde(rename = "rv", default)]
    revision: i64,
    #[serde(default)]
    start: String,
}

impl Place {
    /// The token.
    pub(super) fn encode(&self) -> String {
        let revision = self
            .revision
            .map_or(-1, |revision| i64::try_from(revision.get()).unwrap_or(i64::MAX));
        let wire = Wire {
            version: VERSION.into(),
            revision,
            // The smallest key behind `after`: Go's ranges hold the key that they begin with.
            start: format!("{}\0", self.after),
        };
        // A struct of texts and a number always has a JSON.
        serde_json::to_vec(&wire).map_or_else(|_| String::new(), |json| BASE64.encode(json))
    }

    /// The place that a token names.
    ///
    /// # Errors
    /// 400: it is none, or one that reaches out of the list.
    pub(super) fn decode(token: &str) -> Result<Self, ApiError> {
        Self::read(token).map_err(|why| {
            ApiError::BadRequest(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        })
    }

    fn read(token: &str) -> Result<Self, String> {
        let json = BASE64.decode(token).map_err(base64_error)?;
        let wire: Wire = serde_json::from_slice(&json)
            .map_err(|error| syntax::explain(&json).unwrap_or_else(|| error.to_string()))?;
        if wire.version != VERSION {
            let version = wire.version;
            return Err(format!(
                "server does not recognize this encoded version {version}"
            ));
        }
        if wire.revision == 0 {
            return Err(format!(
                "incorrect encoded start resourceVersion (version {VERSION})"
            ));
        }
        if wire.start.is_empty() {
            return Err(format!("encoded start key empty (version {VERSION})"));
        }
        let start = wire.start.strip_prefix('/').unwrap_or(&wire.start);
        if start.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(wire.start);
        }
        Ok(Self {
            revision: u64::try_from(wire.revision).ok().map(Revision::new),
            after: start.strip_suffix('\0').unwrap_or(start).to_owned(),
        })
    }

    /// The whole text that keys come after, in a list of `prefix`.
    pub(super) fn after_in(&self, prefix: &Prefix) -> String {
        format!("{}{}", prefix.as_str(), self.after)
    }
}

fn base64_error(error: base64::DecodeError) -> String {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    match error {
        InvalidByte(at, _) | InvalidLastSymbol(at, _) => format!("illegal base64 data at input byte {at}"),
        // One character more than makes whole bytes.
        InvalidLength(length) => format!("illegal base64 data at input byte {}", length.saturating_sub(1)),
        InvalidPadding => "illegal base64 data at input byte 0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(json: &str) -> String {
        BASE64.encode(json)
    }

    #[test]
    fn a_token_is_the_one_that_go_writes() {
        let place = Place {
            revision: Some(Revision::new(1)),
            after: "default/a".into(),
        };
        let text = place.encode();
        assert_eq!(
            text,
            token(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"default/a\u0000"}"#)
        );
        assert_eq!(Place::decode(&text).unwrap(), place);
        let prefix = Prefix::resource("g", "r").unwrap();
        assert_eq!(place.after_in(&prefix), "/g/r/default/a");
    }

    #[test]
    fn a_negative_revision_is_the_newest_one() {
        let text = token(r#"{"v":"meta.k8s.io/v1","rv":-1,"start":"a\u0000"}"#);
        assert_eq!(Place::decode(&text).unwrap().revision, None);
        assert_eq!(Place::decode(&text).unwrap().encode(), text);
    }

    /// Cases of k8s.io/apiserver's `storage/continue_test.go`.
    #[test]
    fn what_is_no_place_in_the_list_is_refused() {
        let message = |token: &str| Place::decode(token).unwrap_err().status().message;
        for (json, why) in [
            (
                r#"{"v":"meta1.k8s.io/v1","rv":1,"start":"a"}"#,
                "server does not recognize this encoded version meta1",
            ),
            (
                r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#,
                "incorrect encoded start resourceVersion",
            ),
            (
                r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#,
                "encoded start key empty",
            ),
            (r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}"#, "../x"),
            (r#"{"v":"meta.k8s.io/v1","rv":1,"start":"/../x"}"#, "/../x"),
            (r#"{"v":"meta.k8s.io/v1","rv":1,"start":"x/./y"}"#, "x/./y"),
        ] {
            let expected = format!("invalid continue token: continue key is not valid: {why}");
            assert!(message(&token(json)).starts_with(&expected), "{json}");
        }
        assert_eq!(
            message("asdf$"),
            "invalid continue token: continue key is not valid: illegal base64 data at input byte 4"
        );
        assert!(message("x").ends_with("illegal base64 data at input byte 0"));
        assert!(message(&token("{}")).contains("does not recognize"));
        assert_eq!(Place::decode("").unwrap_err().status().code, 400);
    }
}
