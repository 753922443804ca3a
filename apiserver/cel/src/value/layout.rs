//! What Go's `time.Parse` says of a text that is not of a layout.

use std::fmt::Write;

/// What it says; of a text that is of the layout, nothing that is of use.
pub(super) fn layout_error(text: &str, layout: &str) -> String {
    let mut rest = text.as_bytes();
    let cannot = |rest: &[u8], part: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text.as_bytes()),
            quote(layout.as_bytes()),
            quote(rest),
            quote(part.as_bytes())
        )
    };
    let wrong = |what: &str| format!("parsing time {}: {what}", quote(text.as_bytes()));
    let (mut year, mut month, mut day) = (0, 0, 0);
    let parts = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05"];
    let count = if layout.contains('T') { parts.len() } else { 5 };
    for part in &parts[..count] {
        let digits = match *part {
            "2006" => 4,
            // An hour may be of one digit.
            "15" if !rest.get(1).is_some_and(u8::is_ascii_digit) => 1,
            "01" | "02" | "15" | "04" | "05" => 2,
            literal => match rest.strip_prefix(literal.as_bytes()) {
                Some(after) => {
                    rest = after;
                    continue;
                }
                None => return cannot(rest, literal),
            },
        };
        let Some((number, after)) = rest.split_at_checked(digits) else {
            return cannot(rest, part);
        };
        if !number.iter().all(u8::is_ascii_digit) {
            return cannot(rest, part);
        }
        let number = number
            .iter()
            .fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        rest = after;
        match *part {
            "2006" => year = number,
            "01" if !(1..=12).contains(&number) => return wrong("month out of range"),
            "01" => month = number,
            "02" => day = number,
            "15" if number >= 24 => return wrong("hour out of range"),
            "04" if number >= 60 => return wrong("minute out of range"),
            "05" if number >= 60 => return wrong("second out of range"),
            _ => {}
        }
    }
    if let [b'.' | b',', digit, ..] = rest
        && digit.is_ascii_digit()
        && count > 5
    {
        let digits = rest.iter().skip(1).take_while(|c| c.is_ascii_digit()).count();
        rest = &rest[digits + 1..];
    }
    if !rest.is_empty() {
        return wrong(&format!("extra text: {}", quote(rest)));
    }
    if !(1..=super::time::days_in(year, month)).contains(&day) {
        return wrong("day out of range");
    }
    wrong("")
}

/// As Go's `time` quotes.
fn quote(text: &[u8]) -> String {
    let mut out = "\"".to_owned();
    for c in text {
        match c {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*c));
            }
            b' '..=b'\x7f' => out.push(char::from(*c)),
            _ => {
                let _ = write!(out, "\\x{c:02x}");
            }
        }
    }
    out.push('"');
    out
}
