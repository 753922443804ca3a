//! Times of metadata: RFC 3339, in the words of Go's `time.Parse`.

use crate::field::go::quoted;

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// The parts of the layout: what is before each, what Go calls it, how many digits it has, its range and its name.
const PARTS: [(&str, &str, usize, i64, i64, &str); 6] = [
    ("", "2006", 4, 0, 9999, "year"),
    ("-", "01", 2, 1, 12, "month"),
    ("-", "02", 2, 1, 31, "day"),
    ("T", "15", 2, 0, 23, "hour"),
    (":", "04", 2, 0, 59, "minute"),
    (":", "05", 2, 0, 59, "second"),
];

/// A time as Kubernetes writes it again, in UTC and without a fraction; the first of all is none.
///
/// # Errors
/// It is no time: Go's words.
pub(super) fn parse(text: &str) -> Result<Option<String>, String> {
    let cannot = |rest: &str, wanted: &str| {
        let (text, layout) = (quoted(text), quoted(LAYOUT));
        format!(
            "parsing time {text} as {layout}: cannot parse {} as {}",
            quoted(rest),
            quoted(wanted)
        )
    };
    let out_of_range = |part: &str| format!("parsing time {}: {part} out of range", quoted(text));
    let mut rest = text;
    let mut numbers = [0_i64; 6];
    for ((before, wanted, digits, least, most, name), number) in PARTS.into_iter().zip(&mut numbers) {
        rest = rest.strip_prefix(before).ok_or_else(|| cannot(rest, before))?;
        let written = rest
            .get(..digits)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        *number = written
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| cannot(rest, wanted))?;
        if !(least..=most).contains(number) {
            return Err(out_of_range(name));
        }
        rest = &rest[digits..];
    }
    let mut fraction = false;
    if let Some(after) = rest.strip_prefix(['.', ',']) {
        let end = after.trim_start_matches(|c: char| c.is_ascii_digit());
        if end.len() < after.len() {
            fraction = after.bytes().take(after.len() - end.len()).any(|b| b != b'0');
            rest = end;
        }
    }
    let (offset, after) = zone(rest).ok_or_else(|| cannot(rest, "Z07:00"))?;
    if !after.is_empty() {
        return Err(format!(
            "parsing time {}: extra text: {}",
            quoted(text),
            quoted(after)
        ));
    }
    let [year, month, day, hour, minute, second] = numbers;
    if day > days_in(year, month) {
        return Err(out_of_range("day"));
    }
    let (offset_hours, offset_minutes) = (offset.abs() / 60, offset.abs() % 60);
    if offset_hours > 24 {
        return Err(out_of_range("time zone offset hour"));
    }
    if offset_minutes > 59 {
        return Err(out_of_range("time zone offset minute"));
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    Ok((seconds != FIRST || fraction).then(|| written(seconds)))
}

/// Go's zero time, the first second of the year 1.
const FIRST: i64 = -62_135_596_800;

/// Minutes east of Greenwich, and what follows.
fn zone(text: &str) -> Option<(i64, &str)> {
    if let Some(after) = text.strip_prefix('Z') {
        return Some((0, after));
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let two = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<i64>().ok())?
    };
    let (hours, rest) = rest.split_at_checked(2)?;
    let (minutes, rest) = rest.strip_prefix(':')?.split_at_checked(2)?;
    Some((sign * (two(hours)? * 60 + two(minutes)?), rest))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Of the calendar that is used everywhere, counted in years that begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

fn written(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_written_in_utc() {
        for (text, written) in [
            ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
            ("2024-03-01T00:30:00.5+02:00", "2024-02-29T22:30:00Z"),
            ("1969-12-31T23:00:00-01:30", "1970-01-01T00:30:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Ok(Some(written.to_owned())), "{text}");
        }
        assert_eq!(parse("0001-01-01T01:00:00+01:00"), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_refused_in_the_words_of_go() {
        assert_eq!(
            parse("2024-01-01").unwrap_err(),
            r#"parsing time "2024-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#
        );
        assert_eq!(
            parse("2023-02-29T00:00:00Z").unwrap_err(),
            r#"parsing time "2023-02-29T00:00:00Z": day out of range"#
        );
        assert_eq!(
            parse("2024-01-01T00:00:00Zx").unwrap_err(),
            r#"parsing time "2024-01-01T00:00:00Zx": extra text: "x""#
        );
    }
}
