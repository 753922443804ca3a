//! Times and durations, as Go reads, computes and writes them.

use std::cmp::Ordering;

use super::{Fail, Text, Value, fail};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// The first and the last second that a time may be, from 1970.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// A time, with the offset in which it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// From 1970, in UTC.
    seconds: i64,
    nanoseconds: u32,
    /// East of UTC, in seconds.
    offset: i32,
}

/// A day and a time of day.
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) day_of_year: i64,
    /// From Sunday, 0.
    pub(crate) weekday: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) milliseconds: i64,
}

/// The days from 1970 to a day.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Timestamp {
    /// A time in UTC.
    pub(crate) fn new(seconds: i64, nanoseconds: u32) -> Result<Self, Fail> {
        Self {
            seconds,
            nanoseconds,
            offset: 0,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, Fail> {
        if (FIRST..=LAST).contains(&self.seconds) {
            Ok(self)
        } else {
            fail("timestamp overflow")
        }
    }

    pub(crate) const fn seconds(self) -> i64 {
        self.seconds
    }

    pub(super) const fn is_zero(self) -> bool {
        self.seconds == FIRST && self.nanoseconds == 0
    }

    pub(super) fn order(self, other: Self) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }

    pub(super) fn is_same_time(self, other: Self) -> bool {
        self.order(other) == Ordering::Equal
    }

    /// The time after a duration.
    pub(crate) fn add(self, duration: i64) -> Result<Self, Fail> {
        let nanoseconds = i64::from(self.nanoseconds) + duration % SECOND;
        let seconds = self.seconds.checked_add(duration / SECOND);
        let Some(seconds) = seconds.and_then(|seconds| seconds.checked_add(nanoseconds.div_euclid(SECOND)))
        else {
            return fail("integer overflow");
        };
        let nanoseconds = u32::try_from(nanoseconds.rem_euclid(SECOND)).unwrap_or_default();
        Self {
            seconds,
            nanoseconds,
            ..self
        }
        .checked()
    }

    /// The time before a duration.
    pub(crate) fn subtract(self, duration: i64) -> Result<Self, Fail> {
        match duration.checked_neg() {
            Some(negative) => self.add(negative),
            None => fail("integer overflow"),
        }
    }

    /// The duration since another time.
    pub(crate) fn since(self, other: Self) -> Result<i64, Fail> {
        let seconds = self
            .seconds
            .checked_sub(other.seconds)
            .and_then(|seconds| seconds.checked_mul(SECOND));
        let nanoseconds = i64::from(self.nanoseconds) - i64::from(other.nanoseconds);
        match seconds.and_then(|seconds| seconds.checked_add(nanoseconds)) {
            Some(duration) => Ok(duration),
            None => fail("integer overflow"),
        }
    }

    /// The same time in a time zone: by its name, or by its offset, `-08:00`.
    pub(crate) fn within(self, zone: &str) -> Result<Self, Fail> {
        let offset = match zone.split_once(':') {
            None => named_offset(self.seconds, zone)?,
            Some((hours, minutes)) => {
                let (hours, minutes) = (atoi(hours)?, atoi(minutes)?);
                let minutes = if zone.starts_with('-') {
                    hours * 60 - minutes
                } else {
                    hours * 60 + minutes
                };
                i32::try_from(minutes * 60).unwrap_or_default()
            }
        };
        Ok(Self { offset, ..self })
    }

    /// The day and the time of day.
    pub(crate) const fn civil(self) -> Civil {
        let local = self.seconds + self.offset as i64;
        let (day, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let shifted = day + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = era * 400 + year_of_era + (month <= 2) as i64;
        Civil {
            year,
            month,
            day: of_year - (153 * shifted_month + 2) / 5 + 1,
            day_of_year: day - days(year, 1, 1) + 1,
            weekday: (day + 4).rem_euclid(7),
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            milliseconds: self.nanoseconds as i64 / 1_000_000,
        }
    }
}

fn atoi(text: &str) -> Result<i64, Fail> {
    // Go takes a plus as well as a minus.
    match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() <= 1 << 31 => Ok(number),
        Ok(_) => Ok(0),
        Err(_) => fail(format!(
            "strconv.Atoi: parsing {}: invalid syntax",
            super::quote(text)
        )),
    }
}

fn named_offset(seconds: i64, zone: &str) -> Result<i32, Fail> {
    if matches!(zone, "" | "UTC") {
        return Ok(0);
    }
    let known = jiff::tz::TimeZone::get(zone).ok();
    let time = jiff::Timestamp::from_second(seconds).ok();
    match known.zip(time) {
        Some((known, time)) => Ok(known.to_offset(time).seconds()),
        None => fail(format!("unknown time zone {zone}")),
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339, with as many digits of the second as it has.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let civil = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        )?;
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let minutes = self.offset.abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Reads digits of a fixed count.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    number.bytes().all(|c| c.is_ascii_digit()).then_some(())?;
    Some((number.parse().ok()?, rest))
}

fn date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    ((1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day)).then_some(())?;
    Some((days(year, month, day), rest))
}

/// A time as `time.Parse(time.RFC3339, …)` reads it; none where it does not. The range of the year is not looked at.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let (days, rest) = date(text)?;
    read_time(days, rest.strip_prefix('T')?, false)
}

/// A time of a day. Where `lenient`, `z` is taken as `Z`, and the last two digits of a zone may be missing their colon.
fn read_time(days: i64, text: &str, lenient: bool) -> Option<Timestamp> {
    let hour_digits = if text.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
        2
    } else {
        1
    };
    let (hour, rest) = number(text, hour_digits)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = number(rest.strip_prefix(':')?, 2)?;
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &fraction[..fraction.len() - after.len()];
        if digits.is_empty() {
            return None;
        }
        for at in 0..9 {
            let digit = digits
                .as_bytes()
                .get(at)
                .map_or(0, |digit| u32::from(digit - b'0'));
            nanoseconds = nanoseconds * 10 + digit;
        }
        rest = after;
    }
    let offset = match rest {
        "Z" => 0,
        "z" if lenient => 0,
        _ => {
            let negative = rest.starts_with('-');
            let (hours, rest) = number(rest.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
            (rest.is_empty() && hours <= 24 && minutes <= 60).then_some(())?;
            let seconds = hours * 3600 + minutes * 60;
            if negative { -seconds } else { seconds }
        }
    };
    Some(Timestamp {
        seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset,
        nanoseconds,
        offset: i32::try_from(offset).unwrap_or_default(),
    })
}

/// A date as kube-openapi reads it.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
    let (days, rest) = date(text)?;
    rest.is_empty().then_some(Timestamp {
        seconds: days * 86_400,
        nanoseconds: 0,
        offset: 0,
    })
}

/// A date and a time as kube-openapi's `ParseDateTime` reads them: one of a few layouts, and nothing is 1970.
pub(super) fn parse_date_time(text: &str) -> Option<Timestamp> {
    if text.is_empty() {
        return Some(Timestamp {
            seconds: 0,
            nanoseconds: 0,
            offset: 0,
        });
    }
    let (days, rest) = date(text)?;
    let rest = rest.strip_prefix('T')?;
    // The last of the layouts is without a zone.
    read_time(days, rest, false).or_else(|| read_time(days, &format!("{rest}Z"), false))
}

/// A duration as Go's `time.ParseDuration` reads it, in nanoseconds; `None`: it is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let total = nanoseconds(unsigned)?;
    if text.starts_with('-') {
        return Some(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).ok()
}

/// The sum of all parts, at most 2^63.
fn nanoseconds(mut text: &str) -> Option<u64> {
    const MOST: u64 = 1 << 63;
    let mut total = 0_u64;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (whole, rest) = text.split_at(digits(text));
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let length = rest
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(length);
        let unit = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000_u64,
            _ => return None,
        };
        let significant = whole.trim_start_matches('0');
        let whole: u64 = if significant.is_empty() {
            0
        } else {
            significant.parse().ok()?
        };
        let value = whole.checked_mul(unit).filter(|value| *value <= MOST)?;
        let value = value.checked_add(part_of(fraction, unit))?;
        total = total.checked_add(value).filter(|total| *total <= MOST)?;
        text = rest;
    }
    Some(total)
}

/// A decimal fraction of a unit. Digits beyond what an integer holds do not count.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as Go does it: it is less than the unit"
)]
fn part_of(fraction: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0);
    for digit in fraction.bytes() {
        let next = value
            .saturating_mul(10)
            .saturating_add(u64::from(digit.saturating_sub(b'0')));
        if value > ((1 << 63) - 1) / 10 || next > 1 << 63 {
            break;
        }
        (value, scale) = (next, scale * 10.0);
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// A duration as kube-openapi's `ParseDuration` reads it: Go's, or numbers with units as Scala writes them.
pub(super) fn parse_open_api_duration(text: &str) -> Result<i64, String> {
    if let Some(duration) = parse_duration(text) {
        return Ok(duration);
    }
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == 'µ';
    let (mut rest, mut total) = (text, None::<i64>);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[at..];
        let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &digits[..digits.len() - after.len()];
        let letters = after.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        rest = letters.trim_start_matches(is_letter);
        let unit = letters[..letters.len() - rest.len()].to_lowercase();
        let Some(unit) = scala_unit(&unit) else { continue };
        let number: i64 = number.parse().map_err(|_| {
            format!(
                "strconv.ParseInt: parsing {}: value out of range",
                super::quote(number)
            )
        })?;
        total = Some(total.unwrap_or_default().wrapping_add(number.wrapping_mul(unit)));
    }
    total.ok_or_else(|| format!("unable to parse {text} as duration"))
}

fn scala_unit(unit: &str) -> Option<i64> {
    const WHOLE: [(&str, i64); 11] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
        ("hr", 3600 * SECOND),
        ("d", 86_400 * SECOND),
        ("w", 604_800 * SECOND),
        ("wk", 604_800 * SECOND),
    ];
    const BEGINNINGS: [(&str, i64); 8] = [
        ("nano", 1),
        ("micro", 1_000),
        ("milli", 1_000_000),
        ("sec", SECOND),
        ("min", 60 * SECOND),
        ("hour", 3600 * SECOND),
        ("day", 86_400 * SECOND),
        ("week", 604_800 * SECOND),
    ];
    let whole = WHOLE.iter().find(|(name, _)| *name == unit);
    whole
        .or_else(|| BEGINNINGS.iter().find(|(begin, _)| unit.starts_with(begin)))
        .map(|(_, unit)| *unit)
}

/// A duration as CEL writes it: its seconds.
#[expect(clippy::cast_precision_loss, reason = "Go converts so")]
pub(super) fn duration_text(duration: i64) -> String {
    let seconds = (duration / SECOND) as f64 + (duration % SECOND) as f64 / 1e9;
    format!("{seconds}s")
}

/// How many units a duration is, without the rest; Go divides in doubles.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "Go converts so"
)]
pub(crate) fn units_of(duration: i64, unit: i64) -> i64 {
    let whole = duration / unit;
    (whole as f64 + (duration % unit) as f64 / unit as f64) as i64
}

impl Value<'_> {
    /// The string of a literal or of JSON.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(Text::Borrowed(text)) => Some(text),
            Self::String(Text::Shared(text)) => Some(text),
            _ => None,
        }
    }
}
