//! Quantities of resources: Kubernetes' `resource.Quantity`.
//!
//! A quantity is an integer times a power of ten, or, where that does not fit, a decimal number; which of both it is decides whether it
//! is an integer. Numbers are kept in 128 bits; what is larger than that is held to be the largest of them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{Fail, Outcome, Value, fail, no_overload};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "quantity",
        guard: Types,
        overloads: &[("string_to_quantity", "(string) -> kubernetes.Quantity", quantity)],
    },
    Decl {
        function: "isQuantity",
        guard: Types,
        overloads: &[("is_quantity_string", "(string) -> bool", is_quantity)],
    },
    Decl {
        function: "sign",
        guard: Types,
        overloads: &[("quantity_sign", "(kubernetes.Quantity) -> int", sign)],
    },
    Decl {
        function: "isGreaterThan",
        guard: Types,
        overloads: &[(
            "quantity_is_greater_than",
            "kubernetes.Quantity.(kubernetes.Quantity) -> bool",
            is_greater,
        )],
    },
    Decl {
        function: "isLessThan",
        guard: Types,
        overloads: &[(
            "quantity_is_less_than",
            "kubernetes.Quantity.(kubernetes.Quantity) -> bool",
            is_less,
        )],
    },
    Decl {
        function: "compareTo",
        guard: Types,
        overloads: &[(
            "quantity_compare_to",
            "kubernetes.Quantity.(kubernetes.Quantity) -> int",
            compare_to,
        )],
    },
    Decl {
        function: "asApproximateFloat",
        guard: Types,
        overloads: &[("quantity_get_float", "kubernetes.Quantity.() -> double", as_float)],
    },
    Decl {
        function: "asInteger",
        guard: Types,
        overloads: &[("quantity_get_int", "kubernetes.Quantity.() -> int", as_integer)],
    },
    Decl {
        function: "isInteger",
        guard: Types,
        overloads: &[(
            "quantity_is_integer",
            "kubernetes.Quantity.() -> bool",
            is_integer,
        )],
    },
    Decl {
        function: "add",
        guard: Types,
        overloads: &[
            (
                "quantity_add",
                "kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity",
                add,
            ),
            (
                "quantity_add_int",
                "kubernetes.Quantity.(int) -> kubernetes.Quantity",
                add,
            ),
        ],
    },
    Decl {
        function: "sub",
        guard: Types,
        overloads: &[
            (
                "quantity_sub",
                "kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity",
                sub,
            ),
            (
                "quantity_sub_int",
                "kubernetes.Quantity.(int) -> kubernetes.Quantity",
                sub,
            ),
        ],
    },
];

/// A quantity: a number times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    value: i128,
    /// The power of ten.
    scale: i32,
    /// Whether Kubernetes has it as a decimal number, which is no integer to it.
    decimal: bool,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}e{}", self.value, self.scale)
    }
}

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";
const NUMERIC: &str = "unable to parse numeric part of quantity";

/// What stands in a quantity: its sign, its digits before and behind the point, its suffix.
fn parts(text: &str) -> Result<(bool, &str, &str, &str), &'static str> {
    let positive = !text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let significant = unsigned.trim_start_matches('0');
    let after = significant.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &significant[..significant.len() - after.len()];
    let (fraction, suffix) = match after.strip_prefix('.') {
        Some(digits) => {
            digits.split_at(digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len())
        }
        None => ("", after),
    };
    let rest = suffix.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if !rest.bytes().all(|c| c.is_ascii_digit()) {
        return Err(FORMAT);
    }
    Ok((
        positive,
        if number.is_empty() { "0" } else { number },
        fraction,
        suffix,
    ))
}

/// The power of a suffix: of two, or of ten.
fn power(suffix: &str) -> Option<(bool, i32)> {
    Some(match suffix {
        "" => (false, 0),
        "n" => (false, -9),
        "u" => (false, -6),
        "m" => (false, -3),
        "k" => (false, 3),
        "M" => (false, 6),
        "G" => (false, 9),
        "T" => (false, 12),
        "P" => (false, 15),
        "E" => (false, 18),
        "Ki" => (true, 10),
        "Mi" => (true, 20),
        "Gi" => (true, 30),
        "Ti" => (true, 40),
        "Pi" => (true, 50),
        "Ei" => (true, 60),
        _ => {
            let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            #[expect(clippy::cast_possible_truncation, reason = "Go takes the lower bits")]
            (false, exponent as i32)
        }
    })
}

impl Quantity {
    const fn int(value: i64) -> Self {
        Self {
            value: value as i128,
            scale: 0,
            decimal: false,
        }
    }

    /// Reads a quantity.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(FORMAT);
        }
        if text == "0" {
            return Ok(Self::int(0));
        }
        let (positive, number, fraction, suffix) = parts(text)?;
        let (binary, exponent) = power(suffix).ok_or(SUFFIX)?;
        let length = |digits: &str| i32::try_from(digits.len()).unwrap_or(i32::MAX);
        let (precision, scale, factor) = if !binary {
            (
                18_i32.saturating_sub(length(number).saturating_add(length(fraction))),
                exponent,
                1,
            )
        } else if fraction.is_empty() {
            (
                15_i32.saturating_sub(length(number)) - exponent * 3 / 10 - 1,
                0,
                1_i64 << exponent,
            )
        } else {
            (-1, 0, 1)
        };
        if precision >= 0 && scale.saturating_sub(length(fraction)) >= -9 {
            let value: i64 = format!("{number}{fraction}").parse().map_err(|_| NUMERIC)?;
            if let Some(value) = value.checked_mul(factor) {
                return Ok(Self {
                    value: i128::from(if positive { value } else { -value }),
                    scale: scale - length(fraction),
                    decimal: false,
                });
            }
        }
        Ok(Self::decimal(positive, number, fraction, binary, exponent))
    }

    /// A decimal number, away from zero to billionths.
    fn decimal(positive: bool, number: &str, fraction: &str, binary: bool, exponent: i32) -> Self {
        let digits = format!("{number}{fraction}");
        let digits = digits.trim_start_matches('0');
        let mut scale = -i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        let mut value: i128 = 0;
        let mut inexact = false;
        let mut kept = 0;
        for digit in digits.bytes() {
            // More digits than 36 do not fit; they are beyond what is told of quantities.
            if kept < 36 {
                value = value * 10 + i128::from(digit - b'0');
                kept += 1;
            } else {
                inexact |= digit != b'0';
                scale = scale.saturating_add(1);
            }
        }
        if binary {
            value = value.saturating_mul(1 << exponent.clamp(0, 62));
        } else {
            scale = scale.saturating_add(exponent);
        }
        while scale < -9 && value != 0 {
            inexact |= value % 10 != 0;
            value /= 10;
            scale += 1;
            if value == 0 && scale < -9 {
                scale = -9;
            }
        }
        value += i128::from(inexact);
        let mut quantity = Self {
            value,
            scale,
            decimal: true,
        };
        if binary && quantity.cmp(&Self::int(i64::MAX)) == Ordering::Greater {
            quantity = Self {
                decimal: true,
                ..Self::int(i64::MAX)
            };
        }
        if !positive {
            quantity.value = -quantity.value;
        }
        quantity
    }

    /// Both values at one scale; none where that does not fit.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let scale = self.scale.min(other.scale);
        let at = |of: Self| {
            if of.value == 0 {
                return Some(0);
            }
            let power = u32::try_from(i64::from(of.scale) - i64::from(scale)).ok()?;
            of.value.checked_mul(10_i128.checked_pow(power)?)
        };
        Some((at(self)?, at(other)?, scale))
    }

    /// The order of two quantities.
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        if let Some((ours, theirs, _)) = self.aligned(*other) {
            return ours.cmp(&theirs);
        }
        // Of numbers so far from each other, the one of the larger scale is the larger.
        match (self.value.signum(), other.value.signum()) {
            (ours, theirs) if ours != theirs => ours.cmp(&theirs),
            (sign, _) => {
                let order = self.scale.cmp(&other.scale);
                if sign < 0 { order.reverse() } else { order }
            }
        }
    }

    fn plus(self, other: Self) -> Self {
        let aligned = self.aligned(other);
        let Some((ours, theirs, scale)) = aligned else {
            return if self.cmp(&other) == Ordering::Less {
                other
            } else {
                self
            };
        };
        let value = ours.saturating_add(theirs);
        if !self.decimal && !other.decimal {
            // Kubernetes adds integers as long as all fit into 64 bits.
            let fits = |value: i128| i64::try_from(value).is_ok();
            if other.value == 0 {
                return self;
            }
            if self.value == 0 {
                return other;
            }
            if fits(ours) && fits(theirs) && fits(value) {
                return Self {
                    value,
                    scale,
                    decimal: false,
                };
            }
        }
        Self {
            value,
            scale,
            decimal: true,
        }
    }

    fn as_int(self) -> Option<i64> {
        if self.decimal || self.scale < 0 {
            return None;
        }
        if self.value == 0 {
            return Some(0);
        }
        let power = 10_i128.checked_pow(u32::try_from(self.scale).ok()?)?;
        i64::try_from(self.value.checked_mul(power)?).ok()
    }
}

fn read(text: &str) -> Result<Quantity, Fail> {
    Quantity::parse(text).or_else(fail)
}

fn made<'a>(quantity: Quantity, computed: bool) -> Outcome<'a> {
    Ok(Value::Quantity(Arc::new(quantity), computed))
}

native!(fn quantity(Value::String(text)) made(read(text)?, false));
native!(fn is_quantity(Value::String(text)) Ok(Value::Bool(Quantity::parse(text).is_ok())));
native!(fn sign(Value::Quantity(quantity, _)) Ok(Value::Int(if quantity.value > 0 { 1 } else if quantity.value < 0 { -1 } else { 0 })));
native!(fn is_greater(Value::Quantity(ours, _), Value::Quantity(theirs, _)) Ok(Value::Bool(ours.cmp(theirs).is_gt())));
native!(fn is_less(Value::Quantity(ours, _), Value::Quantity(theirs, _)) Ok(Value::Bool(ours.cmp(theirs).is_lt())));
native!(fn compare_to(Value::Quantity(ours, _), Value::Quantity(theirs, _)) Ok(Value::Int(ours.cmp(theirs) as i64)));
native!(fn is_integer(Value::Quantity(quantity, _)) Ok(Value::Bool(quantity.as_int().is_some())));
native!(fn as_integer(Value::Quantity(quantity, _)) match quantity.as_int() {
    Some(value) => Ok(Value::Int(value)),
    None => fail("cannot convert value to integer"),
});
native!(fn as_float(Value::Quantity(quantity, _)) {
    #[expect(clippy::cast_precision_loss, reason = "it is approximate")]
    let value = quantity.value as f64;
    Ok(Value::Double(if quantity.scale == 0 { value } else { value * power_of_ten(quantity.scale) }))
});

/// Go's `math.Pow10`.
fn power_of_ten(exponent: i32) -> f64 {
    match exponent {
        ..-323 => 0.0,
        309.. => f64::INFINITY,
        _ => format!("1e{exponent}").parse().unwrap_or_default(),
    }
}

fn operand(value: &Value<'_>) -> Option<Quantity> {
    match value {
        Value::Quantity(quantity, _) => Some(**quantity),
        Value::Int(value) => Some(Quantity::int(*value)),
        _ => None,
    }
}

native!(fn add(Value::Quantity(ours, _), theirs) match operand(theirs) {
    Some(theirs) => made(ours.plus(theirs), true),
    None => no_overload(),
});
native!(fn sub(Value::Quantity(ours, _), theirs) match operand(theirs) {
    Some(theirs) => made(ours.plus(Quantity { value: theirs.value.saturating_neg(), ..theirs }), true),
    None => no_overload(),
});
