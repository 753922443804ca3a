//! Timestamps as go-yaml reads them, by four layouts of Go's `time.Parse`.

/// Whether a text is a timestamp. What it stands for is never asked: it stays a text.
pub(crate) fn is_timestamp(text: &str) -> bool {
    date_and_time(text).is_some()
}

/// `2006-1-2`, `2006-1-2 15:4:5.999999999` or `2006-1-2T15:4:5.999999999Z07:00`, the `T` in either case.
fn date_and_time(text: &str) -> Option<()> {
    let mut rest = text.as_bytes();
    let year = (0..4).try_fold(0, |year, _| Some(year * 10 + digit(&mut rest)?))?;
    sign(&mut rest, b'-')?;
    let month = number(&mut rest).filter(|month| (1..=12).contains(month))?;
    sign(&mut rest, b'-')?;
    number(&mut rest).filter(|day| (1..=days(year, month)).contains(day))?;
    let Some(separator) = rest.first().copied() else {
        return Some(());
    };
    rest = rest.get(1..)?;
    match separator {
        b' ' => {
            // Go lets more spaces stand for one.
            while sign(&mut rest, b' ').is_some() {}
            time(&mut rest)?;
        }
        b'T' | b't' => {
            time(&mut rest)?;
            zone(&mut rest)?;
        }
        _ => return None,
    }
    rest.is_empty().then_some(())
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn time(rest: &mut &[u8]) -> Option<()> {
    number(rest).filter(|hour| *hour < 24)?;
    sign(rest, b':')?;
    number(rest).filter(|minute| *minute < 60)?;
    sign(rest, b':')?;
    number(rest).filter(|second| *second < 60)?;
    if let [b'.' | b',', b'0'..=b'9', ..] = rest {
        *rest = rest.get(1..)?;
        while digit(rest).is_some() {}
    }
    Some(())
}

/// `Z`, or hours and minutes.
fn zone(rest: &mut &[u8]) -> Option<()> {
    if sign(rest, b'Z').is_some() {
        return Some(());
    }
    sign(rest, b'+').or_else(|| sign(rest, b'-'))?;
    let hour = digit(rest)? * 10 + digit(rest)?;
    sign(rest, b':')?;
    let minute = digit(rest)? * 10 + digit(rest)?;
    (hour <= 24 && minute <= 60).then_some(())
}

fn sign(rest: &mut &[u8], sign: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[sign])?;
    Some(())
}

fn digit(rest: &mut &[u8]) -> Option<u32> {
    let (first, others) = rest.split_first()?;
    let digit = char::from(*first).to_digit(10)?;
    *rest = others;
    Some(digit)
}

/// One digit, or two.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let first = digit(rest)?;
    Some(digit(rest).map_or(first, |second| first * 10 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layouts_of_go_are_known() {
        for text in [
            "2001-1-2",
            "2001-01-02",
            "2004-02-29",
            "2001-12-14t21:59:43.10-05:00",
            "2001-12-14T21:59:43Z",
            "2001-12-14 21:59:43.10",
            "2001-12-14   1:9:3,5",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "",
            "2001",
            "2001-1",
            "201-01-02",
            "2001-02-29",
            "2001-13-01",
            "2001-12-14 21:59:43.10 -5",
            "2001-12-14T21:59:43",
            "2001-12-14 24:00:00",
            "2001-12-14 ",
            "2001-12-14 21:59:43.",
            "2001-12-14T21:59:43z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
