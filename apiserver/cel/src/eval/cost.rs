//! What steps cost: cel-go's `interpreter/runtimecost.go` with Kubernetes' `library/cost.go`.

use crate::value::{List, Lister, Map, Value, work};

/// What traversing a string costs for each character.
const TRAVERSAL: f64 = 0.1;
/// What a regular expression costs for each character of its own.
const REGEX: f64 = 0.25;
/// What making a list costs.
pub(crate) const LIST: u64 = 10;
/// What making a map costs.
pub(crate) const MAP: u64 = 30;

/// How what a call costs is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cost {
    /// It is always the same.
    Fixed(u64),
    /// Traversing the first argument, this many times.
    Traverse(f64),
    /// The same, where what is optional counts for what it is.
    TraverseWithin,
    /// Traversing what it gives, twice.
    TraverseResult,
    /// Traversing the first argument and all in it.
    TraverseAll,
    /// Traversing both arguments.
    TraverseBoth,
    /// Traversing the shorter argument.
    Compare,
    /// The same, unless the first argument is of a type whose values are compared at once.
    Equals,
    /// An argument is looked for in a list.
    InList,
    /// Text and regular expression; whether what is optional counts for what it is.
    Regex,
    /// Text and part.
    Contains,
    /// A selector of fields or labels.
    Selector,
    /// An address within a network; whether it is a string.
    ContainsIp(bool),
    /// A network within a network; whether it is a string.
    ContainsCidr(bool),
    /// A format and a text.
    Validate,
    /// Two lists as sets, so many times.
    Sets(f64),
    /// The list that it gives.
    ListResult,
    /// A list of lists, to a depth.
    Flatten,
    /// Elements of the list that is this argument are compared with each other.
    SelfCompare(usize),
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a small number"
)]
fn ceil(value: f64) -> u64 {
    value.ceil() as u64
}

#[expect(clippy::cast_precision_loss, reason = "sizes are small")]
const fn double(size: u64) -> f64 {
    size as f64
}

impl Cost {
    /// How the cost of a call is found.
    pub(crate) fn of(function: &str, overload: &str) -> Self {
        if let Some(cost) = Self::of_overload(overload) {
            return cost;
        }
        match function {
            "check" => return Self::Fixed(350_000),
            "fieldSelector" | "labelSelector" => return Self::Selector,
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => return Self::TraverseAll,
            "url"
            | "lowerAscii"
            | "upperAscii"
            | "substring"
            | "trim"
            | "jsonpatch.escapeKey"
            | "cidr"
            | "isIP"
            | "isCIDR"
            | "quantity"
            | "isQuantity"
            | "semver"
            | "isSemver" => return Self::Traverse(1.0),
            "replace" | "split" | "ip.isCanonical" => return Self::Traverse(2.0),
            "join" => return Self::TraverseResult,
            "find" | "findAll" => return Self::Regex,
            "ip" if overload == "cidr_ip" => return Self::Fixed(1),
            "ip" => return Self::Traverse(1.0),
            "containsIP" => return Self::ContainsIp(overload == "cidr_contains_ip_string"),
            "containsCIDR" => return Self::ContainsCidr(overload == "cidr_contains_cidr_string"),
            "validate" => return Self::Validate,
            "_==_" => return Self::Equals,
            _ => {}
        }
        match overload {
            "starts_with_string" | "ends_with_string" | "string_to_bytes" | "bytes_to_string"
            | "strings_quote" | "string_format" => Self::TraverseWithin,
            "in_list" => Self::InList,
            "less_string"
            | "greater_string"
            | "less_equals_string"
            | "greater_equals_string"
            | "less_bytes"
            | "greater_bytes"
            | "less_equals_bytes"
            | "greater_equals_bytes"
            | "not_equals" => Self::Compare,
            "add_string" | "add_bytes" => Self::TraverseBoth,
            "matches_string" => Self::Regex,
            "contains_string" => Self::Contains,
            _ => Self::Fixed(1),
        }
    }

    fn of_overload(overload: &str) -> Option<Self> {
        Some(match overload {
            "list_sets_contains_list" | "list_sets_intersects_list" => Self::Sets(1.0),
            "list_sets_equivalent_list" => Self::Sets(2.0),
            "list_slice" | "lists_range" | "list_reverse" => Self::ListResult,
            "list_flatten" | "list_flatten_int" => Self::Flatten,
            "list_distinct" => Self::SelfCompare(0),
            _ if overload.starts_with("list_") && overload.ends_with("_sort") => Self::SelfCompare(0),
            _ if overload.ends_with("_sortByAssociatedKeys") => Self::SelfCompare(1),
            _ => return None,
        })
    }

    /// Whether the cost is known only when there is a result.
    pub(crate) const fn needs_result(self) -> bool {
        matches!(self, Self::TraverseResult | Self::ListResult)
    }

    /// What a call costs. What has an error has the size of one.
    pub(crate) fn charge(self, args: &[Value<'_>], result: Option<&Value<'_>>) -> u64 {
        let size = |at: usize| args.get(at).map_or(1, Value::size);
        let within = |at: usize| args.get(at).map_or(1, size_within);
        match self {
            Self::Fixed(cost) => cost,
            Self::Traverse(times) => ceil(double(size(0)) * times * TRAVERSAL),
            Self::TraverseWithin => ceil(double(within(0)) * TRAVERSAL),
            Self::TraverseResult => ceil(double(result.map_or(1, Value::size)) * 2.0 * TRAVERSAL),
            Self::TraverseAll => args.first().map_or(1, traversal),
            Self::TraverseBoth => ceil(double(within(0).saturating_add(within(1))) * TRAVERSAL),
            Self::Equals if args.first().is_some_and(is_of_a_library) => 1,
            Self::Compare | Self::Equals => ceil(double(within(0).min(within(1))) * TRAVERSAL),
            Self::InList => within(1),
            Self::Regex => {
                let text = ceil((1.0 + double(within(0))) * TRAVERSAL);
                text.saturating_mul(ceil(double(within(1)) * REGEX))
            }
            Self::Contains => {
                let text = ceil(double(within(0)) * TRAVERSAL);
                text.saturating_mul(ceil(double(within(1)) * TRAVERSAL))
            }
            Self::Selector => {
                let length = size(1);
                let requirements = ceil(double(length) * 0.5);
                10 + ceil(double(length) * TRAVERSAL) + requirements.saturating_mul(50)
            }
            Self::ContainsIp(text) => {
                let cost = ceil(double(size(0) * 2) * TRAVERSAL);
                cost + if text {
                    ceil(double(size(1)) * TRAVERSAL)
                } else {
                    0
                }
            }
            Self::ContainsCidr(text) => {
                let network = size(0);
                let cost = ceil(double(network * 2) * TRAVERSAL) + ceil(double(network) * TRAVERSAL) + 1;
                cost + if text {
                    ceil(double(size(1)) * TRAVERSAL)
                } else {
                    0
                }
            }
            Self::Validate => match args.first() {
                Some(Value::Format(format)) => {
                    let text = ceil((1.0 + double(size(1))) * TRAVERSAL);
                    text.saturating_mul(ceil(double(format.regex_size) * REGEX))
                }
                _ => 1,
            },
            Self::Sets(times) => 1 + floor(double(size(0).saturating_mul(size(1))) * times),
            Self::ListResult => 1 + LIST + result.map_or(1, Value::size),
            Self::Flatten => {
                let depth = match args.get(1) {
                    #[expect(clippy::cast_precision_loss, reason = "cel-go counts so")]
                    Some(Value::Int(depth)) => *depth as f64,
                    _ => 1.0,
                };
                // A depth below zero takes something away, as in Go.
                floor(double(size(0)) * depth).wrapping_add(1 + LIST)
            }
            Self::SelfCompare(at) => {
                let Some(Value::List(list)) = args.get(at) else {
                    return 1 + LIST;
                };
                let length = list.size() as u64;
                let text = matches!(list.get(0), Ok(Value::String(_) | Value::Bytes(_)));
                let times = if text { 2.0 + TRAVERSAL } else { 2.0 };
                1 + LIST + floor(double(length.saturating_mul(length)) * times)
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go converts so"
)]
const fn floor(value: f64) -> u64 {
    if value < 0.0 {
        value as i64 as u64
    } else {
        value as u64
    }
}

/// How large a value is; of what is optional, what it is.
fn size_within(value: &Value<'_>) -> u64 {
    match value {
        Value::Optional(Some(inner)) => size_within(inner),
        other => other.size(),
    }
}

const fn is_of_a_library(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Quantity(..)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::Format(_)
            | Value::Url(_)
            | Value::Semver(_)
    )
}

/// What traversing a value and all in it costs.
fn traversal(value: &Value<'_>) -> u64 {
    if work::spend(1).is_err() {
        return u64::MAX;
    }
    match value {
        Value::String(text) => floor(double(text.len() as u64) * TRAVERSAL),
        Value::Bytes(bytes) => floor(double(bytes.len() as u64) * TRAVERSAL),
        Value::List(list) => elements(list),
        Value::Map(map) => entries(map),
        _ => 1,
    }
}

fn elements(list: &List<'_>) -> u64 {
    let all = list.iter().take_while(|_| !work::is_done());
    all.fold(0, |sum: u64, value| {
        sum.saturating_add(value.as_ref().map_or(1, traversal))
    })
}

fn entries(map: &Map<'_>) -> u64 {
    let all = map.entries();
    all.iter().fold(0, |sum: u64, (key, value)| {
        sum.saturating_add(traversal(key))
            .saturating_add(value.as_ref().map_or(1, traversal))
    })
}
