//! Times as `metav1.Time` reads them, with the errors of Go's `time.Parse`.

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// The parts of the layout: what Go calls each, how many digits it has, and the range.
const PARTS: [(&str, usize, u32, u32, &str); 6] = [
    ("2006", 4, 0, 9999, "year"),
    ("01", 2, 1, 12, "month"),
    ("02", 2, 1, 31, "day"),
    ("15", 2, 0, 23, "hour"),
    ("04", 2, 0, 59, "minute"),
    ("05", 2, 0, 59, "second"),
];
const SEPARATORS: [&str; 6] = ["", "-", "-", "T", ":", ":"];

/// Whether `text` is a time in RFC 3339.
///
/// # Errors
/// It is none: Go's message.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let cannot = |rest: &str, wanted: &str| {
        Err(format!(
            "parsing time {text:?} as {LAYOUT:?}: cannot parse {rest:?} as {wanted:?}"
        ))
    };
    let out_of_range = |part: &str| Err(format!("parsing time {text:?}: {part} out of range"));
    let mut rest = text;
    let mut numbers = [0; 6];
    for (index, (wanted, digits, least, most, name)) in PARTS.into_iter().enumerate() {
        let Some(after) = rest.strip_prefix(SEPARATORS[index]) else {
            return cannot(rest, SEPARATORS[index]);
        };
        rest = after;
        let Some(number) = rest
            .get(..digits)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u32>().ok())
        else {
            return cannot(rest, wanted);
        };
        if !(least..=most).contains(&number) {
            return out_of_range(name);
        }
        numbers[index] = number;
        rest = &rest[digits..];
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let after = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if after.len() < fraction.len() {
            rest = after;
        }
    }
    let Some(after) = zone(rest) else {
        return cannot(rest, "Z07:00");
    };
    if !after.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {after:?}"));
    }
    if numbers[2] > days(numbers[0], numbers[1]) {
        return out_of_range("day");
    }
    Ok(())
}

/// What follows a zone.
fn zone(rest: &str) -> Option<&str> {
    if let Some(after) = rest.strip_prefix('Z') {
        return Some(after);
    }
    let bytes = rest.as_bytes();
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let signed = matches!(bytes.first(), Some(b'+' | b'-'));
    let fits = signed && digit(1) && digit(2) && bytes.get(3) == Some(&b':') && digit(4) && digit(5);
    if fits { rest.get(6..) } else { None }
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn times_are_taken() {
        for time in [
            "2024-02-29T12:00:00Z",
            "2024-01-01T00:00:00.123456Z",
            "2024-01-01T00:00:00+02:00",
        ] {
            assert_eq!(check(time), Ok(()), "{time}");
        }
    }

    #[test]
    fn others_are_refused_in_gos_words() {
        let layout = r#"as "2006-01-02T15:04:05Z07:00": cannot parse"#;
        let cases = [
            ("x", format!(r#"parsing time "x" {layout} "x" as "2006""#)),
            ("", format!(r#"parsing time "" {layout} "" as "2006""#)),
            ("2024", format!(r#"parsing time "2024" {layout} "" as "-""#)),
            (
                "2024-01-01",
                format!(r#"parsing time "2024-01-01" {layout} "" as "T""#),
            ),
            (
                "2024-13-01T00:00:00Z",
                r#"parsing time "2024-13-01T00:00:00Z": month out of range"#.into(),
            ),
            (
                "2023-02-29T00:00:00Z",
                r#"parsing time "2023-02-29T00:00:00Z": day out of range"#.into(),
            ),
            (
                "2024-01-01T00:00:00",
                format!(r#"parsing time "2024-01-01T00:00:00" {layout} "" as "Z07:00""#),
            ),
            (
                "2024-01-01T00:00:00Zx",
                r#"parsing time "2024-01-01T00:00:00Zx": extra text: "x""#.into(),
            ),
        ];
        for (time, message) in cases {
            assert_eq!(check(time), Err(message), "{time}");
        }
    }
}
