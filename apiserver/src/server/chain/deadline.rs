//! How long a request may take.

use std::time::Duration;

use crate::request::parameters::Parameters;
use crate::request::{GoDuration, RequestInfo, Verb};
use crate::status::ApiError;

/// Whether a request may take as long as it likes: a watch, or one that `connects`.
pub(super) fn is_long_running(info: &RequestInfo, connects: bool) -> bool {
    connects || (info.is_resource && info.verb == Verb::Watch)
}

/// How long a request may take that is not long-running. The client may ask for less than `most`, not for more.
pub(super) fn of(query: &str, most: Duration) -> Result<Duration, ApiError> {
    let Some(asked) = Parameters::new(query)
        .first("timeout")
        .filter(|text| !text.is_empty())
    else {
        return Ok(most);
    };
    let asked = GoDuration::parse(&asked).map_err(|error| {
        ApiError::BadRequest(format!("invalid timeout specified in the request URL - {error}"))
    })?;
    let is_less = |asked: &Duration| !asked.is_zero() && *asked < most;
    Ok(asked.to_std().filter(is_less).unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const MOST: Duration = Duration::from_secs(60);

    fn deadline(query: &str) -> Result<Duration, String> {
        of(query, MOST).map_err(|error| error.to_string())
    }

    #[test]
    fn a_client_may_ask_for_less_but_not_for_more() {
        for (query, expected) in [
            ("", MOST),
            ("timeout=", MOST),
            ("timeout=5s", Duration::from_secs(5)),
            ("timeout=2h", MOST),
            ("timeout=0", MOST),
            ("timeout=-5s", MOST),
            ("timeout=1ns", Duration::from_nanos(1)),
        ] {
            assert_eq!(deadline(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_watch_and_what_connects_are_long_running() {
        let is_long = |url: &str, connects| {
            is_long_running(
                &RequestInfo::parse(&Method::GET, &url.parse().unwrap()).unwrap(),
                connects,
            )
        };
        assert!(is_long("/apis/g/v/r?watch=1", false));
        assert!(is_long("/apis/g/v/r/n/log", true));
        assert!(!is_long("/apis/g/v/r/n/status", false));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        assert_eq!(
            deadline("timeout=abc"),
            Err("invalid timeout specified in the request URL - time: invalid duration \"abc\"".into())
        );
    }
}
