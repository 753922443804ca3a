//! Dates, times and durations.

use annex_cel::go::parse_duration;

/// `2006-01-02`, of a day that is in the calendar.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = bytes else {
        return false;
    };
    if ![a, b, c, d, e, f, g, h].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_u32, |all, digit| all * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(&[a, b, c, d]), number(&[e, f]), number(&[g, h]));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A date, `t` and a time. What follows another `t` is not looked at.
pub(super) fn is_date_time(text: &str) -> bool {
    let mut parts = text.split(['t', 'T']);
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    is_date(date) && is_time(time)
}

/// `^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$`, where a fraction may begin with anything.
fn is_time(text: &str) -> bool {
    fn two(text: &str) -> Option<(&str, &str)> {
        let (digits, rest) = text.split_at_checked(2)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then_some((digits, rest))
    }
    fn zone(text: &str) -> bool {
        let rest = text.strip_prefix(['+', '-']).and_then(two);
        let rest = rest.and_then(|(_, rest)| rest.strip_prefix(':')).and_then(two);
        ["z", "Z"].contains(&text) || rest.is_some_and(|(_, rest)| rest.is_empty())
    }
    let read = || {
        let (hours, rest) = two(text)?;
        let (minutes, rest) = two(rest.strip_prefix(':')?)?;
        let (seconds, rest) = two(rest.strip_prefix(':')?)?;
        (hours <= "23" && minutes <= "59" && seconds <= "59").then_some(rest)
    };
    let Some(rest) = read() else {
        return false;
    };
    if zone(rest) {
        return true;
    }
    let mut chars = rest.chars();
    // A line's end is no character of the pattern.
    let begins = chars.next().is_some_and(|c| c != '\n');
    let digits = chars.as_str();
    let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    begins && after.len() < digits.len() && zone(after)
}

/// What Go's `time.ParseDuration` reads, or numbers with units as Scala writes them, anywhere in the text.
pub(super) fn is_duration(text: &str) -> bool {
    parse_duration(text).is_some() || is_scala_duration(text)
}

fn is_scala_duration(text: &str) -> bool {
    const WHOLE: [&str; 11] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    const BEGINNINGS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == 'µ';
    let (mut rest, mut any) = (text, false);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[at..];
        let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &digits[..digits.len() - after.len()];
        let letters = after.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        rest = letters.trim_start_matches(is_letter);
        let unit = letters[..letters.len() - rest.len()].to_lowercase();
        if unit.is_empty() {
            continue;
        }
        let significant = number.trim_start_matches('0');
        if !significant.is_empty() && significant.parse::<i64>().is_err() {
            return false;
        }
        any |= WHOLE.contains(&&*unit) || BEGINNINGS.iter().any(|begin| unit.starts_with(begin));
    }
    any
}
