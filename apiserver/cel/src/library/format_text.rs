//! `string.format`: what its clauses make of values, and what of them is wrong already when an expression is compiled.

use std::fmt::Write;

use crate::ast::{Expr, Id, Kind};
use crate::types::Type;
use crate::value::{Fail, Lister, Mapper, Outcome, Value, fail, float, no_overload, quote, work};

/// How many digits there are behind the point where none are asked for.
const PRECISION: usize = 6;

/// How many digits may be asked for.
const MAX_PRECISION: usize = 1000;

/// A clause: `%s`, `%.3f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    Text,
    Decimal,
    Fixed(Option<usize>),
    Scientific(Option<usize>),
    Binary,
    Hexadecimal { upper: bool },
    Octal,
}

/// Reads a format: text and clauses are given to whom it concerns.
fn read<E: From<String>>(
    format: &str,
    mut text: impl FnMut(&str),
    mut clause: impl FnMut(usize, Option<Result<Clause, String>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = format;
    let mut index = 0;
    while let Some((before, after)) = rest.split_once('%') {
        text(before);
        if let Some(after) = after.strip_prefix('%') {
            text("%");
            rest = after;
            continue;
        }
        // The argument is asked for before the clause is looked at.
        if after.is_empty() {
            clause(index, None)?;
            return Err("unexpected end of string".to_owned().into());
        }
        match parse(after) {
            Ok((parsed, after)) => {
                clause(index, Some(Ok(parsed)))?;
                rest = after;
            }
            Err(error) => {
                clause(
                    index,
                    Some(Err(format!("could not parse formatting clause: {error}"))),
                )?;
                return Ok(());
            }
        }
        index += 1;
    }
    text(rest);
    Ok(())
}

fn parse(clause: &str) -> Result<(Clause, &str), String> {
    const PARSING: &str = "error while parsing precision: ";
    let mut rest = clause;
    let mut precision = None;
    if let Some(digits) = clause.strip_prefix('.') {
        rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.is_empty() {
            return Err(format!("{PARSING}could not find end of precision specifier"));
        }
        let digits = &digits[..digits.len() - rest.len()];
        let wrong = |what: &str| {
            format!(
                "{PARSING}error while converting precision to integer: strconv.Atoi: parsing {}: {what}",
                quote(digits)
            )
        };
        if digits.is_empty() {
            return Err(wrong("invalid syntax"));
        }
        precision = Some(digits.parse::<i64>().map_err(|_| wrong("value out of range"))?);
    }
    let precision = precision.map(|digits| {
        usize::try_from(digits)
            .unwrap_or(MAX_PRECISION)
            .min(MAX_PRECISION)
    });
    let byte = rest.as_bytes().first().copied().unwrap_or_default();
    let parsed = match byte {
        b's' => Clause::Text,
        b'd' => Clause::Decimal,
        b'f' => Clause::Fixed(precision),
        b'e' => Clause::Scientific(precision),
        b'b' => Clause::Binary,
        b'x' => Clause::Hexadecimal { upper: false },
        b'X' => Clause::Hexadecimal { upper: true },
        b'o' => Clause::Octal,
        _ => return Err(format!("unrecognized formatting clause \"{}\"", char::from(byte))),
    };
    Ok((parsed, &rest[1..]))
}

/// What a clause says of a type that is none of its own.
fn refusal(clause: Clause, given: &str) -> String {
    let takes = match clause {
        Clause::Text => {
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
        }
        Clause::Decimal => "decimal clause can only be used on integers",
        Clause::Fixed(_) => "fixed-point clause can only be used on doubles",
        Clause::Scientific(_) => "scientific clause can only be used on doubles",
        Clause::Binary => "only integers and bools can be formatted as binary",
        Clause::Hexadecimal { .. } => "only integers, byte buffers, and strings can be formatted as hex",
        Clause::Octal => "octal clause can only be used on integers",
    };
    format!("{takes}, was given {given}")
}

/// A text that has an error.
struct Wrong(String);

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self(message)
    }
}

/// `string.format(list)`.
pub(super) fn format<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(format), Value::List(list)] = args else {
        return no_overload();
    };
    let out = std::cell::RefCell::new(String::with_capacity(format.len()));
    let read: Result<(), Wrong> = read(
        format,
        |text| out.borrow_mut().push_str(text),
        |index, clause| {
            if index >= list.size() {
                return Err(Wrong(format!("index {index} out of range")));
            }
            let Some(clause) = clause else { return Ok(()) };
            let clause = clause.map_err(Wrong)?;
            let during = |error: String| Wrong(format!("error during formatting: {error}"));
            let value = list.get(index).map_err(|error| during(error.to_string()))?;
            let text = formatted(clause, &value).map_err(|error| during(error.to_string()))?;
            // One that may not be made is told by the meter.
            if work::spend(text.len()).is_err() {
                return Ok(());
            }
            out.borrow_mut().push_str(&text);
            Ok(())
        },
    );
    match read {
        Ok(()) => Ok(Value::text(out.into_inner())),
        Err(Wrong(message)) => fail(message),
    }
}

fn formatted(clause: Clause, value: &Value<'_>) -> Result<String, Fail> {
    let refused = || fail(refusal(clause, value.type_name()));
    let text = match (clause, value) {
        (Clause::Text, _) => return as_text(value),
        (Clause::Decimal, Value::Int(_) | Value::Uint(_)) => value.to_string(),
        (Clause::Fixed(precision), _) => {
            let Some(number) = number(value) else {
                return refused();
            };
            localized(
                number,
                |number| format!("{number:.0$}", precision.unwrap_or(PRECISION)),
                true,
            )
        }
        (Clause::Scientific(precision), _) => {
            let Some(number) = number(value) else {
                return refused();
            };
            // cel-go takes the digits that are asked for as the least width.
            let text = localized(number, scientific, false);
            format!("{text:>0$}", precision.unwrap_or(PRECISION))
        }
        (Clause::Binary, Value::Int(number)) => signed(*number, |number| format!("{number:b}")),
        (Clause::Binary, Value::Uint(number)) => format!("{number:b}"),
        (Clause::Binary, Value::Bool(value)) => u8::from(*value).to_string(),
        (Clause::Octal, Value::Int(number)) => signed(*number, |number| format!("{number:o}")),
        (Clause::Octal, Value::Uint(number)) => format!("{number:o}"),
        (Clause::Hexadecimal { upper }, _) => {
            let bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let text: String = match value {
                Value::String(text) => bytes(text.as_bytes()),
                Value::Bytes(all) => bytes(all),
                Value::Int(number) => signed(*number, |number| format!("{number:x}")),
                Value::Uint(number) => format!("{number:x}"),
                _ => return refused(),
            };
            if upper { text.to_uppercase() } else { text }
        }
        _ => return refused(),
    };
    Ok(text)
}

fn signed(number: i64, format: impl Fn(u64) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", format(number.unsigned_abs()))
}

/// The number of a clause for doubles: also the names of those that are none.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// A number as English writes it, with commas between thousands where they are wanted.
fn localized(number: f64, format: impl Fn(f64) -> String, grouped: bool) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "∞" } else { "-∞" }.to_owned();
    }
    let text = format(number);
    if !grouped {
        return text;
    }
    let (sign, unsigned) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |unsigned| ("-", unsigned));
    let (whole, fraction) = unsigned.split_at(unsigned.find('.').unwrap_or(unsigned.len()));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(fraction);
    out
}

/// `1.5×10⁰³`.
fn scientific(number: f64) -> String {
    let text = format!("{number:.PRECISION$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(("", exponent), |exponent| ("\u{207B}", exponent));
    let mut out = format!("{digits}\u{D7}10{sign}");
    for digit in format!("{exponent:0>2}").bytes() {
        let digit = match digit {
            b'1' => '\u{B9}',
            b'2' => '\u{B2}',
            b'3' => '\u{B3}',
            digit => char::from_u32(0x2070 + u32::from(digit - b'0')).unwrap_or_default(),
        };
        out.push(digit);
    }
    out
}

/// A value as `%s` has it.
fn as_text(value: &Value<'_>) -> Result<String, Fail> {
    work::spend(match value {
        Value::String(text) => text.len() + 1,
        Value::Bytes(bytes) => bytes.len() + 1,
        _ => 8,
    })?;
    match value {
        Value::List(list) => {
            let mut out = String::from("[");
            for (at, element) in list.iter().enumerate() {
                let element = element?;
                if at > 0 {
                    out.push_str(", ");
                }
                out.push_str(&within(&element)?);
            }
            out.push(']');
            Ok(out)
        }
        Value::Map(map) => {
            let mut pairs = Vec::with_capacity(map.size());
            for (key, value) in map.entries() {
                let key = match &key {
                    Value::String(text) => quote(text),
                    Value::Bool(_) | Value::Int(_) | Value::Uint(_) => key.to_string(),
                    other => {
                        return fail(format!(
                            "no formatting function for map key of type {}",
                            other.type_name()
                        ));
                    }
                };
                pairs.push((key, within(&value?)?));
            }
            pairs.sort_by(|(ours, _), (theirs, _)| ours.cmp(theirs));
            let mut out = String::from("{");
            for (at, (key, value)) in pairs.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let _ = write!(out, "{comma}{key}:{value}");
            }
            out.push('}');
            Ok(out)
        }
        Value::Null => Ok("null".to_owned()),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => fail(
                "could not convert argument \"invalid UTF-8 in bytes, cannot convert to string\" to string",
            ),
        },
        Value::Double(number) => Ok(float(*number)),
        Value::Int(_)
        | Value::Uint(_)
        | Value::Bool(_)
        | Value::String(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_) => value.to_text().map(|text| text.to_string()),
        _ => fail(refusal(Clause::Text, value.type_name())),
    }
}

/// A value within a list or a map.
fn within(value: &Value<'_>) -> Result<String, Fail> {
    work::spend(match value {
        Value::String(text) => text.len() + 1,
        Value::Bytes(bytes) => bytes.len() + 1,
        _ => 8,
    })?;
    Ok(match value {
        Value::String(text) => quote(text),
        Value::Bytes(bytes) => format!("b{}", quote(&String::from_utf8_lossy(bytes))),
        Value::Double(number) if number.is_finite() => format!("{number:.PRECISION$}"),
        Value::Double(number) => quote(&float(*number)),
        Value::Timestamp(_) => format!("timestamp({})", quote(&value.to_string())),
        Value::Duration(_) => format!("duration({})", quote(&value.to_string())),
        Value::Int(_)
        | Value::Uint(_)
        | Value::Bool(_)
        | Value::Null
        | Value::Type(_)
        | Value::List(_)
        | Value::Map(_) => as_text(value)?,
        other => return fail(format!("no formatting function for {}", other.type_name())),
    })
}

/// What is wrong with a format whose arguments are a list as it is written: the part and why.
pub(crate) fn check(
    call: Id,
    format: &str,
    args: &[Expr],
    type_of: impl Fn(Id) -> Type,
) -> Option<(Id, String)> {
    let requested = std::cell::Cell::new(0);
    let wrong = std::cell::RefCell::new(None);
    let read: Result<(), Wrong> = read(
        format,
        |_| {},
        |index, clause| {
            requested.set(index + 1);
            let Some(clause) = clause else { return Ok(()) };
            let Some(arg) = args.get(index) else {
                return Err(Wrong(format!("index {index} out of range")));
            };
            let clause = clause.map_err(Wrong)?;
            if let Some(id) = misfit(clause, arg, &type_of) {
                *wrong.borrow_mut() = Some(id);
                return Err(Wrong(format!(
                    "error during formatting: {}",
                    refusal(clause, type_of(id).name())
                )));
            }
            Ok(())
        },
    );
    match read {
        Err(Wrong(message)) => Some((wrong.into_inner().unwrap_or(call), message)),
        Ok(()) if args.len() > requested.get() => {
            let (expected, got) = (requested.get(), args.len());
            Some((
                call,
                format!("too many arguments supplied to string.format (expected {expected}, got {got})"),
            ))
        }
        Ok(()) => None,
    }
}

/// The part of an argument that a clause cannot be used on.
fn misfit(clause: Clause, arg: &Expr, type_of: &impl Fn(Id) -> Type) -> Option<Id> {
    let given = type_of(arg.id);
    let fits = given == Type::Dyn
        || match clause {
            Clause::Text => !matches!(
                given,
                Type::Any | Type::Error | Type::Struct(_) | Type::Opaque(..) | Type::Param(_)
            ),
            Clause::Decimal | Clause::Octal => matches!(given, Type::Int | Type::Uint),
            Clause::Fixed(_) | Clause::Scientific(_) => matches!(given, Type::Double | Type::String),
            Clause::Binary => matches!(given, Type::Int | Type::Uint | Type::Bool),
            Clause::Hexadecimal { .. } => {
                matches!(given, Type::Int | Type::Uint | Type::String | Type::Bytes)
            }
        };
    if !fits {
        return Some(arg.id);
    }
    if clause != Clause::Text {
        return None;
    }
    match &arg.kind {
        Kind::List(list) => list
            .elements
            .iter()
            .find_map(|element| misfit(clause, element, type_of)),
        Kind::Map(entries) => entries
            .iter()
            .flat_map(|entry| [&entry.key, &entry.value])
            .find_map(|part| misfit(clause, part, type_of)),
        _ => None,
    }
}
