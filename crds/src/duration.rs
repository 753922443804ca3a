//! Durations as Go writes them (`720h`, `1h30m`, `43800h0m0s`), the form that `metav1.Duration` has in Kubernetes objects.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest text that is read, in characters. The longest that Go itself writes has 24.
pub const MAX_LENGTH: usize = 32;

/// What a text must match; the schema carries it, and [`parse`] accepts nothing else.
pub const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$";

/// Go's `time.Duration` is a signed count of nanoseconds in 64 bits: about 292 years.
const MAX_NANOS: u128 = i64::MAX as u128;

const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Units by their text, in nanoseconds. Both micro signs of Unicode are in use.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", NANOS_PER_MICRO),
    ("\u{b5}s", NANOS_PER_MICRO),
    ("\u{3bc}s", NANOS_PER_MICRO),
    ("ms", NANOS_PER_MILLI),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

/// A duration that Go's `time.ParseDuration` reads and `time.Duration.String` writes: not negative, at most about
/// 292 years, in nanoseconds. The unsigned subset without a bare `0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(Duration);

/// Why a text is no [`GoDuration`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no text.
    #[error("a duration must not be empty")]
    Empty,
    /// The text has more than [`MAX_LENGTH`] characters.
    #[error("a duration has at most {MAX_LENGTH} characters")]
    TooLong,
    /// The text begins with a sign.
    #[error("duration {0:?} must not have a sign")]
    Signed(String),
    /// A number was expected where something else stands.
    #[error("duration {text:?} has no number before {rest:?}")]
    NumberMissing {
        /// The whole text.
        text: String,
        /// What was found instead.
        rest: String,
    },
    /// A number is not followed by a known unit.
    #[error("duration {text:?} needs a unit after {number}: h, m, s, ms, us or ns")]
    UnitMissing {
        /// The whole text.
        text: String,
        /// The number without a unit.
        number: String,
    },
    /// The duration is longer than Go can hold.
    #[error("a duration is at most 2562047h47m16.854775807s")]
    OutOfRange,
}

impl GoDuration {
    /// A number of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(Duration::from_secs(seconds as u64))
    }

    /// The same duration in the standard library's type.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

/// Reads a duration.
///
/// # Errors
/// The text is not of the form [`PATTERN`], too long, or names more than Go can hold.
pub fn parse(text: &str) -> Result<GoDuration, ParseError> {
    if text.is_empty() {
        return Err(ParseError::Empty);
    }
    if text.chars().count() > MAX_LENGTH {
        return Err(ParseError::TooLong);
    }
    if text.starts_with(['-', '+']) {
        return Err(ParseError::Signed(text.to_owned()));
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(|| ParseError::NumberMissing {
            text: text.to_owned(),
            rest: rest.to_owned(),
        })?;
        let (unit, after) = split_unit(after).ok_or_else(|| ParseError::UnitMissing {
            text: text.to_owned(),
            number: number.to_owned(),
        })?;
        nanos = nanos.saturating_add(scale(number, unit));
        rest = after;
    }
    from_nanos(nanos)
}

/// Splits the leading `digits[.digits]` off.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    if whole == 0 {
        return None;
    }
    let fraction = match text[whole..].starts_with('.') {
        true => digits(whole + 1),
        false => 0,
    };
    // A point without digits behind it stays in the rest, where no unit begins with one.
    let end = if fraction == 0 {
        whole
    } else {
        whole + 1 + fraction
    };
    Some(text.split_at(end))
}

/// Splits the leading unit off and gives its length in nanoseconds.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    // A unit reaches to the next digit or the end, so that `m` is not taken for the beginning of `ms`.
    UNITS.iter().find_map(|(unit, nanos)| {
        let rest = text.strip_prefix(unit)?;
        (rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit())).then_some((*nanos, rest))
    })
}

/// `number` × `unit` in nanoseconds; what is less than one is dropped, what is too much saturates.
fn scale(number: &str, unit: u64) -> u128 {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| {
        text.bytes().fold(0_u128, |value, digit| {
            value.saturating_mul(10).saturating_add(u128::from(digit - b'0'))
        })
    };
    // 18 digits are finer than any unit needs; the product stays far below 2^128.
    let fraction = &fraction[..fraction.len().min(18)];
    let divisor = (0..fraction.len()).fold(1_u128, |value, _| value * 10);
    let unit = u128::from(unit);
    digits(whole)
        .saturating_mul(unit)
        .saturating_add(digits(fraction) * unit / divisor)
}

fn from_nanos(nanos: u128) -> Result<GoDuration, ParseError> {
    if nanos > MAX_NANOS {
        return Err(ParseError::OutOfRange);
    }
    let nanos = u64::try_from(nanos).map_err(|_| ParseError::OutOfRange)?;
    Ok(GoDuration(Duration::from_nanos(nanos)))
}

impl FromStr for GoDuration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text)
    }
}

impl TryFrom<Duration> for GoDuration {
    type Error = ParseError;

    fn try_from(duration: Duration) -> Result<Self, ParseError> {
        from_nanos(duration.as_nanos())
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

/// As `time.Duration.String`: `720h0m0s`, `1.5s`, `250ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::from(self.0.subsec_nanos());
        let seconds = self.0.as_secs();
        let text = match (seconds, nanos) {
            (0, 0) => "0s".to_owned(),
            (0, 1..NANOS_PER_MICRO) => format!("{nanos}ns"),
            (0, NANOS_PER_MICRO..NANOS_PER_MILLI) => decimal(nanos, NANOS_PER_MICRO) + "\u{b5}s",
            (0, _) => decimal(nanos, NANOS_PER_MILLI) + "ms",
            (1..60, _) => decimal(seconds * NANOS_PER_SECOND + nanos, NANOS_PER_SECOND) + "s",
            (60..3600, _) => format!("{}m{}s", seconds / 60, second(seconds, nanos)),
            (_, _) => format!(
                "{}h{}m{}s",
                seconds / 3600,
                seconds / 60 % 60,
                second(seconds, nanos)
            ),
        };
        f.pad(&text)
    }
}

/// The seconds within a minute, with their fraction.
fn second(seconds: u64, nanos: u64) -> String {
    decimal(seconds % 60 * NANOS_PER_SECOND + nanos, NANOS_PER_SECOND)
}

/// `value / unit` without trailing zeros; `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": MAX_LENGTH })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u128 {
        parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).0.as_nanos()
    }

    #[test]
    fn reads_what_go_reads() {
        const S: u128 = 1_000_000_000;
        for (text, expected) in [
            ("720h", 720 * 3600 * S),
            ("1h30m", 5400 * S),
            ("43800h0m0s", 43800 * 3600 * S),
            ("15s", 15 * S),
            ("0s", 0),
            ("1.5h", 5400 * S),
            ("0.100000000000000000000h", 360 * S),
            ("1m1ms", 60 * S + 1_000_000),
            ("1ms1m", 60 * S + 1_000_000),
            ("10ns", 10),
            ("7us", 7_000),
            ("7\u{b5}s", 7_000),
            ("7\u{3bc}s", 7_000),
            ("0.9ns", 0),
            ("2562047h47m16.854775807s", MAX_NANOS),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for (text, expected) in [
            ("", "a duration must not be empty"),
            ("-1h", "duration \"-1h\" must not have a sign"),
            ("+1h", "duration \"+1h\" must not have a sign"),
            ("0", "duration \"0\" needs a unit after 0: h, m, s, ms, us or ns"),
            (
                "3d",
                "duration \"3d\" needs a unit after 3: h, m, s, ms, us or ns",
            ),
            (
                "1h30",
                "duration \"1h30\" needs a unit after 30: h, m, s, ms, us or ns",
            ),
            (
                "1.h",
                "duration \"1.h\" needs a unit after 1: h, m, s, ms, us or ns",
            ),
            (
                "1 h",
                "duration \"1 h\" needs a unit after 1: h, m, s, ms, us or ns",
            ),
            (
                "1hs",
                "duration \"1hs\" needs a unit after 1: h, m, s, ms, us or ns",
            ),
            ("h", "duration \"h\" has no number before \"h\""),
            (".5s", "duration \".5s\" has no number before \".5s\""),
            (" 1h", "duration \" 1h\" has no number before \" 1h\""),
            (
                "2562047h47m16.854775808s",
                "a duration is at most 2562047h47m16.854775807s",
            ),
            (
                "99999999999999999999999999999h",
                "a duration is at most 2562047h47m16.854775807s",
            ),
            (
                "1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s",
                "a duration has at most 32 characters",
            ),
        ] {
            assert_eq!(
                parse(text).map_err(|e| e.to_string()),
                Err(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn writes_as_go_does_and_reads_it_back() {
        for (text, expected) in [
            ("720h", "720h0m0s"),
            ("90m", "1h30m0s"),
            ("61s", "1m1s"),
            ("1500ms", "1.5s"),
            ("59s999999999ns", "59.999999999s"),
            ("250ms", "250ms"),
            ("1500us", "1.5ms"),
            ("1100ns", "1.1\u{b5}s"),
            ("999ns", "999ns"),
            ("0h", "0s"),
            ("1h100ms", "1h0m0.1s"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration.to_string(), expected, "{text}");
            assert_eq!(parse(expected), Ok(duration), "{expected}");
        }
    }

    #[test]
    fn is_a_string_in_json() {
        let read: GoDuration = serde_json::from_str("\"1h30m\"").unwrap();
        assert_eq!(read, GoDuration::from_secs(5400));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"1h30m0s\"");
        let escaped: GoDuration = serde_json::from_str(r#""7\u00b5s""#).unwrap();
        assert_eq!(escaped.as_duration(), Duration::from_micros(7));
        assert!(serde_json::from_value::<GoDuration>(serde_json::json!(5)).is_err());
        assert!(serde_json::from_value::<GoDuration>(serde_json::json!("5")).is_err());
    }

    #[test]
    fn takes_durations_that_go_can_hold() {
        assert_eq!(
            GoDuration::try_from(Duration::from_secs(60)),
            Ok(GoDuration::from_secs(60))
        );
        assert_eq!(GoDuration::try_from(Duration::MAX), Err(ParseError::OutOfRange));
        assert_eq!(
            Duration::from(GoDuration::from_secs(u32::MAX)),
            Duration::from_secs(u64::from(u32::MAX))
        );
    }

    #[test]
    fn schema_bounds_the_text() {
        let schema = GoDuration::json_schema(&mut SchemaGenerator::default()).to_value();
        assert_eq!(schema["type"], "string");
        assert_eq!(schema["maxLength"], 32);
        assert_eq!(schema["pattern"], PATTERN);
    }
}
