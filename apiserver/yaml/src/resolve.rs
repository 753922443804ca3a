//! What a scalar stands for, by the rules of YAML 1.1 as go-yaml has them.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::Error;
use crate::go::cut;
use crate::number::{self, Binary};
use crate::timestamp::is_timestamp;
use crate::tree::Tag;
use crate::value::Go;

/// What stands between padding and alphabet may be anything, as in Go.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The value of a scalar.
///
/// # Errors
/// Its tag says that it is what it is not.
pub(crate) fn resolve(text: &str, tag: Tag, is_implicit: bool) -> Result<Go, Error> {
    let is_text = match tag {
        Tag::None => !is_implicit,
        Tag::Str | Tag::Merge | Tag::Other => true,
        Tag::Binary => return binary(text),
        Tag::Bool | Tag::Int | Tag::Float | Tag::Null | Tag::Timestamp => false,
    };
    if is_text {
        return Ok(Go::Text(text.to_owned()));
    }
    if tag == Tag::Timestamp && is_timestamp(text) {
        // For the sake of old programs it stays a text.
        return Ok(Go::Text(text.to_owned()));
    }
    let value = looks_like(text);
    let (found, is_meant) = match (&value, tag) {
        (_, Tag::None) => return Ok(value),
        (Go::Int(value), Tag::Float) => return Ok(Go::Float(to_float(*value))),
        (Go::Nil, _) => ("null", tag == Tag::Null),
        (Go::Bool(_), _) => ("bool", tag == Tag::Bool),
        (Go::Int(_) | Go::Uint(_), _) => ("int", tag == Tag::Int),
        (Go::Float(_), _) => ("float", tag == Tag::Float),
        _ => ("str", false),
    };
    if is_meant {
        return Ok(value);
    }
    let wanted = match tag {
        Tag::Bool => "bool",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Null => "null",
        _ => "timestamp",
    };
    let text = cut(text);
    Err(Error::value(format!(
        "cannot decode !!{found} `{text}` as a !!{wanted}"
    )))
}

#[expect(clippy::cast_precision_loss, reason = "it is what Go does")]
fn to_float(value: i64) -> f64 {
    value as f64
}

/// What a plain text looks like.
fn looks_like(text: &str) -> Go {
    match text.as_bytes().first() {
        None => return Go::Nil,
        Some(b'+' | b'-' | b'0'..=b'9' | b'.' | b'~') => {}
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {}
        Some(_) => return Go::Text(text.to_owned()),
    }
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" => Go::Bool(true),
        "true" | "True" | "TRUE" => Go::Bool(true),
        "on" | "On" | "ON" => Go::Bool(true),
        "n" | "N" | "no" | "No" | "NO" => Go::Bool(false),
        "false" | "False" | "FALSE" => Go::Bool(false),
        "off" | "Off" | "OFF" => Go::Bool(false),
        "~" | "null" | "Null" | "NULL" => Go::Nil,
        ".nan" | ".NaN" | ".NAN" => Go::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Go::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Go::Float(f64::NEG_INFINITY),
        _ => match text.as_bytes().first() {
            Some(b'.') => number::dotted_float(text).map_or_else(|| Go::Text(text.to_owned()), Go::Float),
            Some(b'+' | b'-' | b'0'..=b'9') => number(text),
            _ => Go::Text(text.to_owned()),
        },
    }
}

/// What begins with a digit or a sign.
fn number(text: &str) -> Go {
    let plain = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    number::signed(&plain)
        .map(Go::Int)
        .or_else(|| number::unsigned(&plain).map(Go::Uint))
        .or_else(|| number::float(&plain).map(Go::Float))
        .or_else(|| {
            number::binary(&plain).map(|binary| match binary {
                Binary::Signed(value) => Go::Int(value),
                Binary::Unsigned(value) => Go::Uint(value),
            })
        })
        .unwrap_or_else(|| Go::Text(text.to_owned()))
}

/// Bytes, which become the text that JSON makes of them: what is no UTF-8 is replaced, byte by byte.
fn binary(text: &str) -> Result<Go, Error> {
    let letters = text.replace(['\r', '\n'], "");
    let bytes = BASE64
        .decode(letters)
        .map_err(|_| Error::value("!!binary value contains invalid base64 data"))?;
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Ok(Go::Text(text))
}
