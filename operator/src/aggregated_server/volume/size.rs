//! Quantities of bytes, as Kubernetes writes them (apimachinery, pkg/api/resource/quantity.go).

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A number of bytes; part of one counts as a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u128);

/// More digits than these are no size of a volume.
const MAX_DIGITS: usize = 24;
/// Larger exponents neither.
const MAX_EXPONENT: u32 = 18;

impl Bytes {
    /// The bytes that `quantity` means; `None` where it is not one, or negative, or beyond all volumes.
    #[must_use]
    pub fn of(quantity: &Quantity) -> Option<Self> {
        let text = quantity.0.strip_prefix('+').unwrap_or(&quantity.0);
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.len() > MAX_DIGITS || fraction.contains('.') {
            return None;
        }
        let digits: u128 = digits.parse().ok()?;
        let (times, by) = scale(suffix)?;
        let by = by.checked_mul(10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
        Some(Self(digits.checked_mul(times)?.div_ceil(by)))
    }
}

/// What a suffix multiplies by, and divides by.
fn scale(suffix: &str) -> Option<(u128, u128)> {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    if let Some(power) = UNITS.iter().position(|unit| *unit == suffix) {
        return Some((1000_u128.pow(u32::try_from(power).ok()?), 1));
    }
    if let Some(power) = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        .iter()
        .position(|unit| *unit == suffix)
    {
        return Some((1024_u128.pow(u32::try_from(power).ok()?), 1));
    }
    match suffix {
        "m" => return Some((1, 1000)),
        "u" => return Some((1, 1_000_000)),
        "n" => return Some((1, 1_000_000_000)),
        _ => {}
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    if exponent.unsigned_abs() > MAX_EXPONENT {
        return None;
    }
    let power = 10_u128.pow(exponent.unsigned_abs());
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<u128> {
        Bytes::of(&Quantity(text.to_owned())).map(|bytes| bytes.0)
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1),
            ("+1", 1),
            ("1k", 1000),
            ("1Ki", 1024),
            ("1.5Gi", 1_610_612_736),
            ("1536Mi", 1_610_612_736),
            (".5k", 500),
            ("5.", 5),
            ("1E", 1_000_000_000_000_000_000),
            ("1E3", 1000),
            ("12e-1", 2),
            ("1500m", 2),
            ("1n", 1),
            ("8Ei", 9_223_372_036_854_775_808),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_of_bytes_is_none() {
        for text in [
            "", ".", "Gi", "-1", "1.2.3", "1gi", "1 Gi", "1e", "1e99", "1Gib", "0x1",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(bytes(&"9".repeat(25)), None);
    }
}
