//! Durations as Go writes them: `1h30m`, `1.5s`, `-2ms`. In flags and in the `timeout` parameter.

use std::time::Duration;

/// A duration of Go, in nanoseconds; it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(i64);

/// What is no duration, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoDurationError {
    /// Nothing that looks like one.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that there is not.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// `None`: it is negative.
    #[must_use]
    pub fn to_std(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }

    /// Reads what Go's `time.ParseDuration` reads.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, GoDurationError> {
        let invalid = || GoDurationError::Invalid(text.to_owned());
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        if unsigned == "0" {
            return Ok(Self(0));
        }
        if unsigned.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let (nanos, behind) = take_term(rest, text)?;
            total = total
                .checked_add(nanos)
                .filter(|sum| *sum <= 1 << 63)
                .ok_or_else(invalid)?;
            rest = behind;
        }
        if negative {
            return Ok(Self(0_i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn take_term<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), GoDurationError> {
    let invalid = || GoDurationError::Invalid(text.to_owned());
    let (whole, behind) = take_digits(rest);
    let (fraction, behind) = match behind.strip_prefix('.') {
        Some(behind) => take_digits(behind),
        None => ("", behind),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let unit_end = behind
        .find(|character: char| character == '.' || character.is_ascii_digit())
        .unwrap_or(behind.len());
    let (unit, behind) = behind.split_at(unit_end);
    if unit.is_empty() {
        return Err(GoDurationError::MissingUnit(text.to_owned()));
    }
    let Some((_, nanos)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
        return Err(GoDurationError::UnknownUnit {
            unit: unit.to_owned(),
            text: text.to_owned(),
        });
    };
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| invalid())?
    };
    let sum = whole
        .checked_mul(nanos)
        .and_then(|whole| whole.checked_add(part_of(fraction, nanos)))
        .ok_or_else(invalid)?;
    Ok((sum, behind))
}

fn take_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// `0.fraction` of a unit; what is finer than a nanosecond is cut off.
fn part_of(fraction: &str, nanos: u64) -> u64 {
    // More digits than these say nothing about nanoseconds of an hour.
    let digits = &fraction[..fraction.len().min(18)];
    let number = digits.parse::<u128>().unwrap_or_default();
    let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or_default());
    u64::try_from(number * u128::from(nanos) / scale).unwrap_or_default()
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl std::str::FromStr for GoDuration {
    type Err = GoDurationError;

    fn from_str(text: &str) -> Result<Self, GoDurationError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> i64 {
        GoDuration::parse(text).expect(text).0
    }

    fn error(text: &str) -> String {
        GoDuration::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-2ms", -2_000_000),
            ("+3us", 3_000),
            ("1\u{b5}s", 1_000),
            ("5m0s", 300_000_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_in_the_words_of_go() {
        assert_eq!(error("abc"), r#"time: invalid duration "abc""#);
        assert_eq!(error(""), r#"time: invalid duration """#);
        assert_eq!(error("-"), r#"time: invalid duration "-""#);
        assert_eq!(error(".s"), r#"time: invalid duration ".s""#);
        assert_eq!(error("5"), r#"time: missing unit in duration "5""#);
        assert_eq!(error("1s5"), r#"time: missing unit in duration "1s5""#);
        assert_eq!(error("5x"), r#"time: unknown unit "x" in duration "5x""#);
        assert_eq!(
            error("9223372036854775808ns"),
            r#"time: invalid duration "9223372036854775808ns""#
        );
        assert_eq!(
            error("99999999999999999999h"),
            r#"time: invalid duration "99999999999999999999h""#
        );
    }

    #[test]
    fn a_negative_one_is_no_time_to_wait() {
        assert_eq!(GoDuration::parse("-1s").unwrap().to_std(), None);
        assert_eq!(
            GoDuration::parse("1ms").unwrap().to_std(),
            Some(Duration::from_millis(1))
        );
    }
}
