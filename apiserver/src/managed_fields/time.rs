//! Times of managers, to the second (Go: `metav1.Time`).

use jiff::Timestamp;

/// When a manager last changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Time {
    seconds: i64,
    text: String,
}

impl Time {
    /// The time that `text` is, in RFC 3339. `None`: it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let time: Timestamp = text.parse().ok()?;
        let is_canonical = text.len() == "2006-01-02T15:04:05Z".len() && text.ends_with('Z');
        Some(Self {
            seconds: time.as_second(),
            text: if is_canonical {
                text.to_owned()
            } else {
                time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
            },
        })
    }

    /// As it is written: RFC 3339 in UTC, without fractions of a second.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Seconds since 1970, by which managers are ordered; 0 where there is no time.
    pub(super) fn seconds(time: Option<&Self>) -> i64 {
        time.map_or(0, |time| time.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_to_the_second() {
        let cases = [
            ("2024-05-01T10:00:00Z", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T12:00:00+02:00", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T10:00:00.75Z", Some("2024-05-01T10:00:00Z")),
            ("yesterday", None),
        ];
        for (text, written) in cases {
            assert_eq!(
                Time::parse(text).map(Time::into_text).as_deref(),
                written,
                "{text}"
            );
        }
        assert_eq!(Time::seconds(Time::parse("1970-01-01T00:01:00Z").as_ref()), 60);
        assert_eq!(Time::seconds(None), 0);
    }
}
