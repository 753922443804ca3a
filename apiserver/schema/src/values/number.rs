//! Validates numbers: bounds, multiples and the ranges of formats (`numberValidator`).

use serde_json::{Number, Value};

use super::issue::Issue;
use super::outcome::Outcome;
use super::place::Place;
use crate::field::go;
use crate::props::JsonSchemaProps;

/// A number as Kubernetes holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Numeric {
    Integer(i64),
    Float(f64),
}

impl Numeric {
    pub(super) fn of(number: &Number) -> Self {
        number
            .as_i64()
            .map_or_else(|| Self::Float(number.as_f64().unwrap_or_default()), Self::Integer)
    }

    #[expect(clippy::cast_precision_loss, reason = "as Go does it")]
    fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }

    fn to_value(self) -> Value {
        match self {
            Self::Integer(integer) => integer.into(),
            Self::Float(float) => float.into(),
        }
    }

    fn written(self) -> String {
        match self {
            Self::Integer(integer) => integer.to_string(),
            Self::Float(float) => go::float(float),
        }
    }
}

/// Go's conversion to int64 on amd64: what does not fit is the least of all.
#[expect(clippy::cast_possible_truncation, reason = "it was looked whether it fits")]
pub(super) fn truncated(float: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float) {
        float as i64
    } else {
        i64::MIN
    }
}

/// `swag.IsFloat64AJSONInteger`.
pub(super) fn is_integer(float: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    if !(-MOST..=MOST).contains(&float) {
        return false;
    }
    let near = float.trunc();
    // Go compares a negative one with what is left of it as an unsigned number, which is far away.
    let near = if float < 0.0 && near != float {
        f64::MAX
    } else {
        near
    };
    let difference = (float - near).abs();
    if difference == 0.0 {
        return true;
    }
    if float == 0.0 || near == 0.0 {
        return false;
    }
    difference / (float.abs() + near.abs()).min(f64::MAX) < 1e-9
}

/// The type and format that a number must have the range of; a format of another type does not count.
#[derive(Debug, Clone, Copy)]
struct Range<'s> {
    integer: bool,
    format: &'s str,
}

impl Range<'_> {
    /// `IsValueValidAgainstRange`: why a number is none of the type's.
    fn refuses(self, number: Numeric, prefix: &str, name: &impl Fn() -> String) -> Option<Issue> {
        let fits = match (self.integer, number) {
            (true, Numeric::Integer(integer)) => self.format != "int32" || i32::try_from(integer).is_ok(),
            (true, Numeric::Float(float)) => {
                let whole = float.fract() == 0.0
                    && (float == -9_223_372_036_854_775_808.0 || truncated(float) != i64::MIN);
                whole && (self.format != "int32" || i32::try_from(truncated(float)).is_ok())
            }
            (false, _) => self.format != "float" || fits_float32(number.as_float()),
        };
        let type_name = if self.integer { "integer" } else { "number" };
        (!fits).then(|| {
            let name = name();
            Issue::plain(match self.format {
                "" => format!("{prefix} value must be of type {type_name} (default format) in {name}"),
                format => {
                    format!("{prefix} value must be of type {type_name} with format {format} in {name}")
                }
            })
        })
    }
}

/// Whether `strconv.ParseFloat` takes it for one of 32 bits: rounded, it is not infinite.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whether it is too large is the question"
)]
fn fits_float32(float: f64) -> bool {
    (float as f32).is_finite()
}

/// Validates a number. `types` are those that the schema names.
pub(super) fn validate(
    number: &Number,
    schema: &JsonSchemaProps,
    types: &[&str],
    format: &str,
    place: &Place<'_>,
) -> Outcome {
    let name = || {
        if place.is_silent() {
            String::new()
        } else {
            place.to_string()
        }
    };
    let number = Numeric::of(number);
    let range = match (types, format) {
        (["integer"], "int32" | "int64") | (["number"], "float" | "double") => Range {
            integer: types == ["integer"],
            format,
        },
        _ => Range {
            integer: types == ["integer"],
            format: "",
        },
    };
    let mut outcome = Outcome::checked();
    let mut add = |issue: Option<Issue>| {
        if let Some(issue) = issue {
            outcome.find(place, || issue);
        }
    };
    add(range.refuses(number, "Checked", &name));
    if let Some(factor) = schema.multiple_of {
        let refused = range.refuses(Numeric::Float(factor), "MultipleOf", &name);
        let native = refused.is_none();
        add(refused);
        add(multiple_of(number, factor, native, &name));
    }
    if let Some(least) = schema.minimum {
        let refused = range.refuses(Numeric::Float(least), "Minimum boundary", &name);
        let native = refused.is_none();
        add(refused);
        let words = if schema.exclusive_minimum {
            "greater than"
        } else {
            "greater than or equal to"
        };
        let wrong = |number: f64, bound: f64| number < bound || schema.exclusive_minimum && number <= bound;
        let wrong_integer =
            |number: i64, bound: i64| number < bound || schema.exclusive_minimum && number <= bound;
        add(bound(
            number,
            least,
            native,
            words,
            (&wrong, &wrong_integer),
            &name,
        ));
    }
    if let Some(most) = schema.maximum {
        let refused = range.refuses(Numeric::Float(most), "Maximum boundary", &name);
        let native = refused.is_none();
        add(refused);
        let words = if schema.exclusive_maximum {
            "less than"
        } else {
            "less than or equal to"
        };
        let wrong = |number: f64, bound: f64| number > bound || schema.exclusive_maximum && number >= bound;
        let wrong_integer =
            |number: i64, bound: i64| number > bound || schema.exclusive_maximum && number >= bound;
        add(bound(
            number,
            most,
            native,
            words,
            (&wrong, &wrong_integer),
            &name,
        ));
    }
    outcome
}

type Wrong<'w> = (&'w dyn Fn(f64, f64) -> bool, &'w dyn Fn(i64, i64) -> bool);

/// `native` is whether an integer is compared as one: the bound then loses its fraction.
fn bound(
    number: Numeric,
    bound: f64,
    native: bool,
    words: &str,
    wrong: Wrong<'_>,
    name: &impl Fn() -> String,
) -> Option<Issue> {
    let (float, integer) = wrong;
    let (is_wrong, shown) = match number {
        Numeric::Integer(value) if native => {
            let bound = truncated(bound);
            (integer(value, bound), Numeric::Integer(bound))
        }
        _ => (float(number.as_float(), bound), Numeric::Float(bound)),
    };
    let value = if native {
        number
    } else {
        Numeric::Float(number.as_float())
    };
    is_wrong.then(|| {
        Issue::other(
            name(),
            value.to_value(),
            &format!("should be {words} {}", shown.written()),
        )
    })
}

fn multiple_of(number: Numeric, factor: f64, native: bool, name: &impl Fn() -> String) -> Option<Issue> {
    let (is_multiple, factor) = match number {
        Numeric::Integer(value) if native => {
            let factor = truncated(factor);
            (
                value.checked_rem(factor).unwrap_or(0) == 0,
                Numeric::Integer(factor),
            )
        }
        _ => {
            let float = number.as_float();
            let times = if factor < 1.0 {
                1.0 / factor * float
            } else {
                float / factor
            };
            (is_integer(times), Numeric::Float(factor))
        }
    };
    if factor.as_float() <= 0.0 {
        let name = name();
        let message = format!(
            "factor MultipleOf declared for {name} must be positive: {}",
            factor.written()
        );
        let value = factor.to_value();
        return Some(Issue {
            kind: super::issue::Kind::Other { name, value },
            message,
        });
    }
    let value = if native {
        number
    } else {
        Numeric::Float(number.as_float())
    };
    (!is_multiple).then(|| {
        Issue::other(
            name(),
            value.to_value(),
            &format!("should be a multiple of {}", factor.written()),
        )
    })
}
