//! How long a request may take.

use std::time::Duration;

use crate::request::parameters::Parameters;
use crate::request::{GoDuration, RequestInfo, Verb};
use crate::status::ApiError;

/// Whether a request may take as long as it likes: a watch.
pub(super) fn is_long_running(info: &RequestInfo) -> bool {
    info.is_resource && info.verb == Verb::Watch
}

/// How long a request may take; `None`: as long as it likes. The client may ask for less than `most`, not for more.
pub(super) fn of(info: &RequestInfo, query: &str, most: Duration) -> Result<Option<Duration>, ApiError> {
    if is_long_running(info) {
        return Ok(None);
    }
    let Some(asked) = Parameters::new(query)
        .first("timeout")
        .filter(|text| !text.is_empty())
    else {
        return Ok(Some(most));
    };
    let asked = GoDuration::parse(&asked).map_err(|error| {
        ApiError::BadRequest(format!("invalid timeout specified in the request URL - {error}"))
    })?;
    let is_less = |asked: &Duration| !asked.is_zero() && *asked < most;
    Ok(Some(asked.to_std().filter(is_less).unwrap_or(most)))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const MOST: Duration = Duration::from_secs(60);

    fn deadline(url: &str) -> Result<Option<Duration>, String> {
        let uri: http::Uri = url.parse().unwrap();
        let info = RequestInfo::parse(&Method::GET, &uri).unwrap();
        of(&info, uri.query().unwrap_or_default(), MOST).map_err(|error| error.to_string())
    }

    #[test]
    fn a_client_may_ask_for_less_but_not_for_more() {
        for (url, expected) in [
            ("/apis/g/v/r/n", MOST),
            ("/apis/g/v/r/n?timeout=", MOST),
            ("/apis/g/v/r/n?timeout=5s", Duration::from_secs(5)),
            ("/apis/g/v/r/n?timeout=2h", MOST),
            ("/apis/g/v/r/n?timeout=0", MOST),
            ("/apis/g/v/r/n?timeout=-5s", MOST),
            ("/healthz?timeout=1ns", Duration::from_nanos(1)),
        ] {
            assert_eq!(deadline(url), Ok(Some(expected)), "{url}");
        }
    }

    #[test]
    fn a_watch_has_none_whatever_it_says() {
        assert_eq!(deadline("/apis/g/v/r?watch=1&timeout=nonsense"), Ok(None));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        assert_eq!(
            deadline("/apis?timeout=abc"),
            Err("invalid timeout specified in the request URL - time: invalid duration \"abc\"".into())
        );
    }
}
