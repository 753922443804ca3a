//! The time by which certificates are issued and judged: the API server's, as the `Date` of its answers tells it (RFC 9110, 6.6.1).
//!
//! Who verifies a certificate in the end is a kube-apiserver, by its own clock. The clock of the node that the operator happens to
//! run on decides about nothing: of it only durations are taken, from the monotonic one.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, Response, header::DATE};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::time::Instant;
use tower::{Layer, ServiceExt as _, layer::layer_fn, util::MapResponse};

/// How far a `Date` may be from what is expected without meaning anything: it has whole seconds, and an answer takes its time.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(3);

/// A difference between the API server's clock and this machine's that a person should know of.
pub const NOTABLE_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How long a time that does not go on from the one before must have been told before it is believed: a single answer, of
/// something between here and the API server for example, sets no clock.
const BELIEVED_AFTER: Duration = Duration::from_secs(2);

/// The API server's clock. Clones share it.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<State>>);

#[derive(Clone, Copy, Default)]
struct State {
    current: Option<Reading>,
    /// A time that does not agree with the current one.
    other: Option<Reading>,
}

/// A time of the API server, and when it was told.
#[derive(Clone, Copy)]
struct Reading {
    time: Timestamp,
    at: Instant,
}

impl Reading {
    /// Whether `date`, told at `at`, may be what goes on from it.
    fn is_near(&self, date: Timestamp, at: Instant) -> bool {
        self.after(at).duration_since(date).abs() <= TOLERANCE
    }

    fn after(&self, at: Instant) -> Timestamp {
        let passed = at.saturating_duration_since(self.at);
        self.time.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Clock {
    /// The API server's time. Before its first answer, which comes before the first pass, this machine's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.reading()
            .map_or_else(Timestamp::now, |reading| reading.after(Instant::now()))
    }

    /// How far this machine's clock is ahead of the API server's; behind it where negative. `None` before the first answer.
    #[must_use]
    pub fn skew(&self) -> Option<SignedDuration> {
        let reading = self.reading()?;
        Some(Timestamp::now().duration_since(reading.after(Instant::now())))
    }

    /// Takes note of the `Date` among an answer's headers, if there is one.
    pub fn observe(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            self.observe_date(date, Instant::now());
        }
    }

    /// Time goes on evenly: one that was told earlier is kept as long as those told since agree with it.
    fn observe_date(&self, date: Timestamp, at: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = Reading { time: date, at };
        let Some(current) = state.current else {
            state.current = Some(told);
            return;
        };
        if current.is_near(date, at) {
            // What is ahead of it came faster.
            if date > current.after(at) {
                state.current = Some(told);
            }
            state.other = None;
            return;
        }
        match state.other.filter(|other| other.is_near(date, at)) {
            None => state.other = Some(told),
            Some(other) if at.saturating_duration_since(other.at) >= BELIEVED_AFTER => {
                *state = State {
                    current: Some(told),
                    other: None,
                };
            }
            Some(_) => {}
        }
    }

    fn reading(&self) -> Option<Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).current
    }
}

/// The `Date` among an answer's headers, if there is one that can be read.
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    // What HTTP calls IMF-fixdate is RFC 2822's form but for the zone, whose obsolete name "GMT" both know.
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}

/// A layer for a client of the API server, which lets `clock` see every answer.
pub fn observing<S, B>(
    clock: Clock,
) -> impl Layer<S, Service = MapResponse<S, impl FnOnce(Response<B>) -> Response<B> + Clone>>
where
    S: tower::Service<http::Request<kube::client::Body>, Response = Response<B>>,
{
    layer_fn(move |service: S| {
        let clock = clock.clone();
        service.map_response(move |response: Response<B>| {
            clock.observe(response.headers());
            response
        })
    })
}

/// A difference of clocks, for a person: what it is about, and the same for as long as it lasts.
#[must_use]
pub fn about(difference: SignedDuration) -> String {
    let difference = difference.unsigned_abs();
    let seconds = difference.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// Whether `skew` is one that a person should know of; once told, until it is half of that.
#[must_use]
pub fn is_notable(skew: SignedDuration, told: bool) -> bool {
    skew.abs() > if told { NOTABLE_SKEW / 2 } else { NOTABLE_SKEW }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(date: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))])
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_is_read_as_http_writes_it() {
        assert_eq!(
            date(&headers("Sun, 06 Nov 1994 08:49:37 GMT")),
            Some(time("1994-11-06T08:49:37Z"))
        );
        assert_eq!(date(&headers("yesterday")), None);
        assert_eq!(date(&HeaderMap::new()), None);
    }

    #[test]
    fn it_is_the_api_servers_time_that_goes_on() {
        let clock = Clock::default();
        assert_eq!(clock.skew(), None);
        let (told, start) = (time("2001-01-01T00:00:00Z"), Instant::now());
        clock.observe_date(told, start);
        let now = clock.now();
        assert!(now >= told && now.duration_since(told) < SignedDuration::from_hours(1));
        assert!(is_notable(clock.skew().unwrap(), false));
        let forty = SignedDuration::from_secs(-40);
        assert!(is_notable(forty, true) && !is_notable(forty, false));

        let after = |seconds| start + Duration::from_secs(seconds);
        let at = |seconds| told.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let expected = |seconds| clock.reading().unwrap().after(after(seconds));
        // An answer that is slow, or a second that is cut off, turns no clock back.
        clock.observe_date(at(8), after(10));
        assert_eq!(expected(10), at(10));
        // What was behind, such as the first answer, gives way to what is ahead.
        clock.observe_date(at(12), after(11));
        assert_eq!(expected(11), at(12));
        // A single answer of something else sets no clock.
        clock.observe_date(at(-500), after(20));
        assert_eq!(expected(20), at(21));
        clock.observe_date(at(22), after(21));
        clock.observe_date(at(-499), after(22));
        assert_eq!(expected(22), at(23));
        // A clock that was set is followed, in both directions.
        clock.observe_date(at(-497), after(24));
        assert_eq!(expected(24), at(-497));
        clock.observe_date(at(100_000), after(30));
        clock.observe_date(at(100_003), after(33));
        assert_eq!(expected(34), at(100_004));
    }

    #[test]
    fn a_difference_is_told_roughly() {
        for (seconds, expected) in [
            (61, "61 s"),
            (-3000, "50 min"),
            (7200, "2 h"),
            (31_536_000, "365 days"),
        ] {
            assert_eq!(about(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[tokio::test]
    async fn a_client_shows_it_every_answer() {
        let clock = Clock::default();
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            let response = Response::builder().header(DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
            Ok::<_, std::convert::Infallible>(response.body(kube::client::Body::empty()).unwrap())
        });
        let service = observing(clock.clone()).layer(service);
        let request = http::Request::new(kube::client::Body::empty());
        service.oneshot(request).await.unwrap();
        assert!(clock.now() < time("1994-11-06T09:49:37Z"));
    }
}
