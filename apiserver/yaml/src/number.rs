//! Numbers as Go's `strconv` reads them.

/// `ParseInt(text, 0, 64)`: a sign, then `0x`, `0o`, `0b` or `0` for other bases. Underscores were taken out before.
pub(crate) fn signed(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..)?),
        Some(b'+') => (false, text.get(1..)?),
        _ => (false, text),
    };
    let size = i128::from(unsigned(digits)?);
    i64::try_from(if is_negative { -size } else { size }).ok()
}

/// `ParseUint(text, 0, 64)`: the same without a sign.
pub(crate) fn unsigned(text: &str) -> Option<u64> {
    let (base, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, text.get(2..)?),
        [b'0', b'o' | b'O', _, ..] => (8, text.get(2..)?),
        [b'0', b'b' | b'B', _, ..] => (2, text.get(2..)?),
        [b'0', _, ..] => (8, text.get(1..)?),
        _ => (10, text),
    };
    in_base(digits, base)
}

/// Digits alone, which Rust's reader lets a sign stand before.
fn in_base(digits: &str, base: u32) -> Option<u64> {
    let is_digits = digits.starts_with(|c: char| c.is_digit(base));
    is_digits
        .then(|| u64::from_str_radix(digits, base).ok())
        .flatten()
}

/// What go-yaml makes of digits of base 2 behind `0b` or `-0b`: there may be a sign before them.
pub(crate) enum Binary {
    Signed(i64),
    Unsigned(u64),
}

/// A number that go-yaml still reads where `ParseInt` did not: `0b-1`, and so on.
pub(crate) fn binary(text: &str) -> Option<Binary> {
    if let Some(digits) = text.strip_prefix("0b") {
        let signed = i64::from_str_radix(digits, 2).ok().map(Binary::Signed);
        return signed.or_else(|| in_base(digits, 2).map(Binary::Unsigned));
    }
    let digits = text.strip_prefix("-0b")?;
    let signed = digits.starts_with(['0', '1']).then(|| format!("-{digits}"))?;
    i64::from_str_radix(&signed, 2).ok().map(Binary::Signed)
}

/// A decimal float in the way of YAML: `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`. None where it is too large for one.
pub(crate) fn float(text: &str) -> Option<f64> {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    let mut at = whole;
    if let Some(fraction) = rest.get(whole..)?.strip_prefix('.') {
        let fraction = digits(fraction);
        if whole + fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if let Some(exponent) = rest.get(at..)?.strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if unsigned.is_empty() || digits(unsigned) < unsigned.len() {
            return None;
        }
    } else if at < rest.len() {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// `ParseFloat(text, 64)` of a text that begins with a dot: digits, which single underscores may separate.
pub(crate) fn dotted_float(text: &str) -> Option<f64> {
    let is_separated = |at: usize| {
        let byte = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).copied();
        let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        is_digit(byte(at.checked_sub(1))) && is_digit(byte(Some(at + 1)))
    };
    if !text.match_indices('_').all(|(at, _)| is_separated(at)) {
        return None;
    }
    float(&text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_the_bases_of_go() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0777", Some(511)),
            ("0o17", Some(15)),
            ("0O17", Some(15)),
            ("0x1F", Some(31)),
            ("-0b11", Some(-3)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("08", None),
            ("0x", None),
            ("0x+1", None),
            ("--1", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(signed(text), expected, "{text}");
        }
        assert_eq!(unsigned("18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned("+1"), None);
    }

    #[test]
    fn floats_are_decimal_and_finite() {
        for (text, expected) in [
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            ("-1.5e3", Some(-1500.0)),
            ("1e-400", Some(0.0)),
            ("1e400", None),
            ("08", Some(8.0)),
            ("inf", None),
            ("0x1p2", None),
            ("1e", None),
            (".", None),
            (".e1", None),
            ("1.5.5", None),
        ] {
            assert_eq!(float(text), expected, "{text}");
        }
        assert_eq!(dotted_float(".5_5"), Some(0.55));
        assert_eq!(dotted_float("._5"), None);
        assert_eq!(dotted_float(".5__5"), None);
        assert_eq!(dotted_float(".5_"), None);
    }
}
