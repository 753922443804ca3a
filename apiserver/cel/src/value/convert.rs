//! Conversions between types: `int(x)`, `string(x)` and their like.

use super::{Outcome, Text, Timestamp, Value, fail, float, parse_duration, parse_rfc3339, time};

/// The int that a double is, if it is one.
#[expect(clippy::cast_precision_loss, reason = "it is compared afterwards")]
pub(super) fn double_to_int_lossless(value: f64) -> Option<i64> {
    let int = double_to_int(value)?;
    (int as f64 == value).then_some(int)
}

/// The uint that a double is, if it is one.
#[expect(clippy::cast_precision_loss, reason = "it is compared afterwards")]
pub(super) fn double_to_uint_lossless(value: f64) -> Option<u64> {
    let uint = double_to_uint(value)?;
    (uint as f64 == value).then_some(uint)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "it is within the range"
)]
fn double_to_int(value: f64) -> Option<i64> {
    (value > i64::MIN as f64 && value < i64::MAX as f64).then_some(value as i64)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within the range"
)]
fn double_to_uint(value: f64) -> Option<u64> {
    (value >= 0.0 && value < u64::MAX as f64).then_some(value as u64)
}

/// What `strconv.ParseInt` reads.
fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// What `strconv.ParseFloat` reads.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let special = ["inf", "infinity", "nan"]
        .iter()
        .any(|name| unsigned.eq_ignore_ascii_case(name));
    if special {
        // A number that is none has no sign.
        return (unsigned.len() == text.len() || !unsigned.eq_ignore_ascii_case("nan"))
            .then(|| text.parse().ok())
            .flatten();
    }
    if unsigned.len() > 2
        && unsigned.as_bytes().first() == Some(&b'0')
        && matches!(unsigned.as_bytes().get(1), Some(b'x' | b'X'))
    {
        return parse_hexadecimal(text, unsigned);
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

/// `0x1.8p3`.
fn parse_hexadecimal(text: &str, unsigned: &str) -> Option<f64> {
    let body = unsigned.get(2..)?;
    let (mantissa, exponent) = body.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars() {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let mut scale = 1.0 / 16.0;
    for digit in fraction.chars() {
        value += f64::from(digit.to_digit(16)?) * scale;
        scale /= 16.0;
    }
    let value = value * 2.0_f64.powi(exponent);
    // What is too large for a double is none, to Go.
    if !value.is_finite() {
        return None;
    }
    Some(if text.starts_with('-') { -value } else { value })
}

impl<'a> Value<'a> {
    fn cannot_be<T>(&self, to: &str) -> Result<T, super::Fail> {
        if let Self::Unknown(_) = self {
            return fail(format!(
                "type conversion to '{to}' not supported for values preserved by x-kubernetes-preserve-unknown-fields"
            ));
        }
        let from = match self {
            Self::Null => "null_type",
            other => other.type_name(),
        };
        fail(format!("type conversion error from '{from}' to '{to}'"))
    }

    /// `int(x)`.
    pub(crate) fn to_int(&self) -> Outcome<'a> {
        match self {
            Self::Int(value) => Ok(Self::Int(*value)),
            Self::Uint(value) => {
                i64::try_from(*value).map_or_else(|_| fail("integer overflow"), |value| Ok(Self::Int(value)))
            }
            Self::Double(value) => {
                double_to_int(*value).map_or_else(|| fail("integer overflow"), |value| Ok(Self::Int(value)))
            }
            Self::Duration(value) => Ok(Self::Int(*value)),
            Self::Timestamp(time) => Ok(Self::Int(time.seconds())),
            Self::String(text) => {
                parse_int(text).map_or_else(|| self.cannot_be("int"), |value| Ok(Self::Int(value)))
            }
            _ => self.cannot_be("int"),
        }
    }

    /// `uint(x)`.
    pub(crate) fn to_uint(&self) -> Outcome<'a> {
        const OVERFLOW: &str = "unsigned integer overflow";
        match self {
            Self::Uint(value) => Ok(Self::Uint(*value)),
            Self::Int(value) => {
                u64::try_from(*value).map_or_else(|_| fail(OVERFLOW), |value| Ok(Self::Uint(value)))
            }
            Self::Double(value) => {
                double_to_uint(*value).map_or_else(|| fail(OVERFLOW), |value| Ok(Self::Uint(value)))
            }
            Self::String(text) if !text.starts_with('+') => text
                .parse()
                .map_or_else(|_| self.cannot_be("uint"), |value| Ok(Self::Uint(value))),
            _ => self.cannot_be("uint"),
        }
    }

    /// `double(x)`.
    #[expect(clippy::cast_precision_loss, reason = "Go converts so")]
    pub(crate) fn to_double(&self) -> Outcome<'a> {
        match self {
            Self::Double(value) => Ok(Self::Double(*value)),
            Self::Int(value) => Ok(Self::Double(*value as f64)),
            Self::Uint(value) => Ok(Self::Double(*value as f64)),
            Self::String(text) => {
                parse_double(text).map_or_else(|| self.cannot_be("double"), |value| Ok(Self::Double(value)))
            }
            _ => self.cannot_be("double"),
        }
    }

    /// `bool(x)`.
    pub(crate) fn to_bool(&self) -> Outcome<'a> {
        match self {
            Self::Bool(value) => Ok(Self::Bool(*value)),
            Self::String(text) => match &**text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self::Bool(true)),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self::Bool(false)),
                _ => self.cannot_be("bool"),
            },
            _ => self.cannot_be("bool"),
        }
    }

    /// `bytes(x)`.
    pub(crate) fn to_bytes(&self) -> Outcome<'a> {
        match self {
            Self::Bytes(_) => Ok(self.clone()),
            Self::String(text) => Ok(Self::Bytes(text.as_bytes().into())),
            _ => self.cannot_be("bytes"),
        }
    }

    /// `string(x)`.
    pub(crate) fn to_text(&self) -> Outcome<'a> {
        let text = match self {
            Self::String(_) => return Ok(self.clone()),
            Self::Null => "null".to_owned(),
            Self::Bool(_)
            | Self::Int(_)
            | Self::Uint(_)
            | Self::Ip(_)
            | Self::Cidr(_)
            | Self::Timestamp(_) => self.to_string(),
            Self::Double(value) => float(*value),
            Self::Duration(duration) => time::duration_text(*duration),
            Self::Type(name) => name.to_string(),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => return fail("invalid UTF-8 in bytes, cannot convert to string"),
            },
            _ => return self.cannot_be("string"),
        };
        Ok(Self::String(Text::Shared(text.into())))
    }

    /// `duration(x)`.
    pub(crate) fn to_duration(&self) -> Outcome<'a> {
        match self {
            Self::Duration(value) => Ok(Self::Duration(*value)),
            Self::String(text) => parse_duration(text).map_or_else(
                || self.cannot_be("google.protobuf.Duration"),
                |value| Ok(Self::Duration(value)),
            ),
            _ => self.cannot_be("google.protobuf.Duration"),
        }
    }

    /// `timestamp(x)`.
    pub(crate) fn to_timestamp(&self) -> Outcome<'a> {
        match self {
            Self::Timestamp(time) => Ok(Self::Timestamp(*time)),
            Self::Int(seconds) => Timestamp::new(*seconds, 0).map(Self::Timestamp),
            Self::String(text) => match parse_rfc3339(text) {
                Some(time) => time.add(0).map(Self::Timestamp),
                None => self.cannot_be("google.protobuf.Timestamp"),
            },
            _ => self.cannot_be("google.protobuf.Timestamp"),
        }
    }

    /// `type(x)`.
    pub(crate) fn to_type(&self) -> Outcome<'a> {
        match self {
            Self::Unknown(_) => self.cannot_be("type"),
            _ => Ok(Self::Type(self.type_name().into())),
        }
    }
}
