//! The token in a request.

use http::header::{AUTHORIZATION, HeaderMap};

/// A header that is no text, and so no token that anybody issued.
#[derive(Debug, thiserror::Error)]
#[error("the Authorization header is not text")]
pub(super) struct NotText;

/// The token after `Bearer`; `None`: there is none.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<&str>, NotText> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let mut parts = value.to_str().map_err(|_| NotText)?.trim().splitn(3, ' ');
    let is_bearer = parts
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    let token = parts.next().filter(|token| is_bearer && !token.is_empty());
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        token(&headers).unwrap().map(str::to_owned)
    }

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("  bEARER abc  ").as_deref(), Some("abc"));
        assert_eq!(of("Bearer abc rest").as_deref(), Some("abc"));
        for none in ["", "Bearer", "Bearer ", "Bearer  abc", "Basic abc", "abc"] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(token(&HeaderMap::new()).unwrap(), None);
    }
}
