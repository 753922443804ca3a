//! What calls cost, by function and overload.

use std::sync::Arc;

use super::{Argument, CallEstimate, Entry, Estimate, Estimator};
use crate::ast::{Expr, Kind, Literal};
use crate::types::Type;

/// What traversing a string costs for each character.
const TRAVERSAL: f64 = 0.1;
/// What a regular expression costs for each character of its own.
const REGEX: f64 = 0.25;
/// How long the regular expression of a format is held to be.
const MAX_FORMAT_REGEX: f64 = 128.0;
/// How long the name of a format may be.
const MAX_FORMAT: u64 = 64;

const fn only(cost: Estimate) -> CallEstimate {
    CallEstimate { cost, size: None }
}

const fn sized(cost: Estimate, size: Estimate) -> CallEstimate {
    CallEstimate {
        cost,
        size: Some(size),
    }
}

/// The int of a literal.
fn written_int(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        Kind::Literal(Literal::Int(value)) => Some(*value),
        _ => None,
    }
}

impl Estimator<'_> {
    pub(super) fn function_cost(
        &mut self,
        expr: &Expr,
        function: &str,
        overload: &str,
        target: Option<&Argument<'_>>,
        args: &[Argument<'_>],
        costs: &[Estimate],
    ) -> CallEstimate {
        let sum = costs.iter().fold(Estimate::ZERO, |sum, cost| sum.add(*cost));
        let of_library = self
            .list_cost(overload, target, args)
            .or_else(|| self.library_cost(function, overload, target, args));
        if let Some(CallEstimate { cost, size }) = of_library {
            return CallEstimate {
                cost: cost.add(sum),
                size,
            };
        }
        let size = |at: usize| args.get(at).and_then(|arg| arg.size).unwrap_or(Estimate::UNKNOWN);
        let of_target = || target.map(|target| target.size.unwrap_or(Estimate::UNKNOWN));
        let traversal = |size: Estimate| size.factor(TRAVERSAL);
        let estimate = match (overload, args.len()) {
            ("string_format", _) => of_target().map(|size| only(traversal(size))),
            ("string_to_bytes", 1) => {
                let from = size(0);
                Some(sized(
                    traversal(from),
                    Estimate {
                        min: from.min,
                        max: from.max.wrapping_mul(4),
                    },
                ))
            }
            ("bytes_to_string", 1) => {
                let from = size(0);
                Some(sized(
                    traversal(from),
                    Estimate {
                        min: from.min / 4,
                        max: from.max,
                    },
                ))
            }
            ("strings_quote", 1) => {
                let from = size(0);
                let most = from.max.wrapping_mul(2).wrapping_add(2);
                Some(sized(
                    traversal(from),
                    Estimate {
                        min: from.min.wrapping_add(2),
                        max: most,
                    },
                ))
            }
            ("starts_with_string" | "ends_with_string", 1) => Some(only(traversal(size(0)))),
            ("in_list", 2) => Some(only(size(1).factor(1.0))),
            ("matches_string", 1) => of_target().map(|text| {
                let text = traversal(text.add(Estimate::fixed(1)));
                only(text.multiply(size(0).factor(REGEX)))
            }),
            ("contains_string", 1) => {
                of_target().map(|text| only(traversal(text).multiply(traversal(size(0)))))
            }
            ("logical_or" | "logical_and", 2) => {
                let (left, right) = (costs.first(), costs.get(1));
                let cost = left.zip(right).map_or(Estimate::ZERO, |(left, right)| Estimate {
                    min: left.min,
                    max: left.add(*right).max,
                });
                return only(cost);
            }
            ("conditional", 3) => {
                let [_, truthy, falsy] = args else {
                    return only(sum);
                };
                let entry = self.entry(truthy.expr).zip(self.entry(falsy.expr));
                self.set_entry(expr, entry.map(|(truthy, falsy)| truthy.union(falsy)));
                let [condition, truthy, falsy] = costs else {
                    return only(sum);
                };
                return sized(condition.add(truthy.union(*falsy)), size(1).union(size(2)));
            }
            ("add_string" | "add_bytes" | "add_list", 2) => {
                let all = size(0).add(size(1));
                let entries = args
                    .iter()
                    .map(|arg| self.entry(arg.expr))
                    .collect::<Option<Vec<Entry>>>();
                let entry = entries.and_then(|entries| entries.into_iter().reduce(Entry::union));
                self.set_entry(expr, entry);
                let cost = if overload == "add_list" {
                    Estimate::fixed(1)
                } else {
                    traversal(all)
                };
                Some(sized(cost, all))
            }
            (
                "less_string"
                | "greater_string"
                | "less_equals_string"
                | "greater_equals_string"
                | "less_bytes"
                | "greater_bytes"
                | "less_equals_bytes"
                | "greater_equals_bytes"
                | "equals"
                | "not_equals",
                2,
            ) => {
                let max = size(0).max.min(size(1).max);
                let compared = Estimate {
                    min: u64::from(max > 0),
                    max,
                };
                Some(only(traversal(compared)))
            }
            _ => None,
        };
        let CallEstimate { cost, size } = estimate.unwrap_or(only(Estimate::fixed(1)));
        CallEstimate {
            cost: cost.add(sum),
            size,
        }
    }

    /// How large an argument is, as libraries ask.
    fn asked(&self, of: &Argument<'_>) -> Estimate {
        of.size
            .or_else(|| self.declared_size(&of.path))
            .unwrap_or(Estimate::UNKNOWN)
    }

    /// How large the elements of a list are, and of which type; none where it has no parameters.
    fn elements(&self, list: &Argument<'_>) -> Option<(Type, Estimate)> {
        let of = list.of.parameters().first().map(|of| (*of).clone())?;
        let size = if list.path.is_empty() {
            None
        } else {
            let mut path = list.path.clone();
            path.push(Arc::from("@items"));
            self.declared_size(&path)
        };
        Some((of, size.unwrap_or(Estimate::UNKNOWN)))
    }

    /// cel-go's `ext.Lists` and `ext.Sets`.
    fn list_cost(
        &self,
        overload: &str,
        target: Option<&Argument<'_>>,
        args: &[Argument<'_>],
    ) -> Option<CallEstimate> {
        let allocating = |factor: f64, size: Estimate| {
            let cost = size
                .factor(factor)
                .add(Estimate::fixed(1))
                .add(Estimate::fixed(10));
            Some(sized(cost, size))
        };
        let sort = |of: &Argument<'_>, text: bool| {
            let size = self.asked(of);
            allocating(if text { 2.0 + TRAVERSAL } else { 2.0 }, size.multiply(size))
        };
        let number = |at: usize, default: u64| {
            let written = args.get(at).and_then(|arg| written_int(arg.expr));
            written.map_or(default, |value| u64::try_from(value).unwrap_or_default())
        };
        let text = overload.starts_with("list_string_") || overload.starts_with("list_bytes_");
        match overload {
            "list_sets_contains_list" | "list_sets_intersects_list" | "list_sets_equivalent_list" => {
                let [first, second] = args else { return None };
                let factor = if overload == "list_sets_equivalent_list" {
                    2.0
                } else {
                    1.0
                };
                let sizes = self.asked(first).multiply(self.asked(second));
                Some(only(sizes.factor(factor).add(Estimate::fixed(1))))
            }
            "list_slice" => {
                let size = self.asked(target?);
                let length = number(1, size.max).wrapping_sub(number(0, 0));
                allocating(1.0, Estimate::fixed(length))
            }
            "lists_range" => allocating(1.0, Estimate::fixed(number(0, u64::MAX))),
            "list_reverse" => allocating(1.0, self.asked(target?)),
            "list_flatten" | "list_flatten_int" => {
                let depth = if args.is_empty() { 1 } else { number(0, u64::MAX) };
                #[expect(clippy::cast_precision_loss, reason = "cel-go counts so")]
                allocating(depth as f64, self.asked(target?))
            }
            "list_distinct" => {
                let size = self.asked(target?);
                allocating(2.0, size.multiply(size))
            }
            _ if overload.starts_with("list_") && overload.ends_with("_sort") => sort(target?, text),
            _ if overload.ends_with("_sortByAssociatedKeys") => sort(args.first()?, text),
            _ => None,
        }
    }

    /// Kubernetes' functions.
    fn library_cost(
        &self,
        function: &str,
        overload: &str,
        target: Option<&Argument<'_>>,
        args: &[Argument<'_>],
    ) -> Option<CallEstimate> {
        let fixed = |cost: u64| Some(only(Estimate::fixed(cost)));
        let first = || args.first().map(|arg| self.asked(arg));
        let of_target = || target.map(|target| self.asked(target));
        match function {
            "check" => fixed(350_000),
            "serviceAccount"
            | "path"
            | "group"
            | "resource"
            | "subresource"
            | "namespace"
            | "name"
            | "allowed"
            | "reason"
            | "error"
            | "errored"
            | "masked"
            | "prefixLength"
            | "family"
            | "isUnspecified"
            | "isLoopback"
            | "isLinkLocalMulticast"
            | "isLinkLocalUnicast"
            | "isGlobalUnicast"
            | "format.named"
            | "sign"
            | "asInteger"
            | "isInteger"
            | "asApproximateFloat"
            | "isGreaterThan"
            | "isLessThan"
            | "compareTo"
            | "add"
            | "sub"
            | "major"
            | "minor"
            | "patch"
            | "getScheme"
            | "getHostname"
            | "getHost"
            | "getPort"
            | "getEscapedPath"
            | "getQuery" => fixed(1),
            "fieldSelector" | "labelSelector" => {
                let length = first().filter(|_| args.len() == 1)?;
                let parsed = length.factor(TRAVERSAL);
                let requirements = length.factor(0.5).factor(50.0);
                Some(only(Estimate::fixed(10).add(parsed).add(requirements)))
            }
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
                let target = target?;
                let size = self.asked(target);
                let Some((of, element)) = self.elements(target) else {
                    return Some(only(size.factor(TRAVERSAL)));
                };
                let mut each = Estimate::fixed(1);
                if matches!(of, Type::String | Type::Bytes) {
                    each = each.add(element.factor(TRAVERSAL));
                }
                Some(only(size.multiply(each)))
            }
            "url" | "jsonpatch.escapeKey" => {
                let size = first().filter(|_| args.len() == 1)?;
                Some(sized(size.factor(TRAVERSAL), size))
            }
            "lowerAscii" | "upperAscii" | "substring" | "trim" => {
                let size = of_target()?;
                Some(sized(size.factor(TRAVERSAL), size))
            }
            "replace" => {
                let size = of_target()?;
                let (old, new) = (self.asked(args.first()?), self.asked(args.get(1)?));
                Some(sized(size.factor(2.0 * TRAVERSAL), replaced(size, old, new)))
            }
            "split" => {
                let size = of_target()?;
                #[expect(clippy::cast_sign_loss, reason = "Kubernetes converts so")]
                let max = args
                    .get(1)
                    .and_then(|arg| written_int(arg.expr))
                    .map_or(size.max, |most| most as u64);
                Some(sized(size.factor(2.0 * TRAVERSAL), Estimate { min: 0, max }))
            }
            "join" => {
                let target = target?;
                let list = self.asked(target);
                let mut size = self
                    .elements(target)
                    .map_or(Estimate::ZERO, |(_, element)| list.multiply(element));
                if let Some(separator) = first() {
                    let separators = Estimate {
                        min: list.min.saturating_sub(1),
                        max: list.max.saturating_sub(1),
                    };
                    size = size.add(separator.multiply(separators));
                }
                Some(sized(size.factor(TRAVERSAL), size))
            }
            "find" | "findAll" => {
                let size = of_target()?;
                let text = size.add(Estimate::fixed(1)).factor(TRAVERSAL);
                let regex = first()?.factor(REGEX);
                Some(sized(
                    text.multiply(regex),
                    Estimate {
                        min: 0,
                        max: size.max,
                    },
                ))
            }
            "ip" if overload == "cidr_ip" => fixed(1),
            "ip" | "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
                Some(only(first()?.factor(TRAVERSAL)))
            }
            "ip.isCanonical" => Some(only(first()?.factor(2.0 * TRAVERSAL))),
            "containsIP" | "containsCIDR" => {
                let argument = first()?;
                let address = Estimate { min: 4, max: 16 };
                let mut cost = address.add(address).factor(TRAVERSAL);
                if function == "containsCIDR" {
                    cost = cost.add(address.factor(TRAVERSAL)).add(Estimate::fixed(1));
                }
                if matches!(overload, "cidr_contains_ip_string" | "cidr_contains_cidr_string") {
                    cost = cost.add(argument.factor(TRAVERSAL));
                }
                Some(only(cost))
            }
            "validate" => Some(only(first()?.factor(TRAVERSAL).factor(MAX_FORMAT_REGEX * REGEX))),
            "_==_" => self.equality(args),
            _ => None,
        }
    }

    /// Types of libraries are compared at once, or by their texts.
    fn equality(&self, args: &[Argument<'_>]) -> Option<CallEstimate> {
        let [left, right] = args else { return None };
        if left.of != right.of {
            return None;
        }
        match (&left.of, left.of.name()) {
            (Type::Opaque(..), "net.IP" | "net.CIDR") => Some(only(Estimate::fixed(1))),
            (Type::Struct(_), "kubernetes.NamedFormat") => Some(only(
                Estimate {
                    min: 1,
                    max: MAX_FORMAT,
                }
                .factor(TRAVERSAL),
            )),
            (Type::Struct(_), "kubernetes.URL") => {
                let max = right.size.map_or(1, |size| size.max);
                Some(only(Estimate { min: 1, max }.factor(TRAVERSAL)))
            }
            (Type::Struct(_), name) if name.starts_with("kubernetes.") => Some(only(Estimate::fixed(1))),
            _ => None,
        }
    }
}

/// How long a text is when parts of it are replaced.
fn replaced(size: Estimate, old: Estimate, new: Estimate) -> Estimate {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Kubernetes counts so"
    )]
    let times = |size: u64, part: u64| (size as f64 / part as f64).ceil() as u64;
    let (mut count, mut kept) = (Estimate::ZERO, Estimate::ZERO);
    if old.min == 0 {
        count.max = size.max.saturating_add(1);
        kept.max = size.max;
    } else if new.max <= old.min {
        kept.max = size.max;
    } else {
        count.max = times(size.max, old.min);
    }
    if old.max == 0 {
        count.min = size.min.saturating_add(1);
        kept.min = size.min;
    } else if old.max <= new.min {
        kept.min = size.min;
    } else {
        count.min = times(size.min, old.max);
    }
    count.multiply(new).add(kept)
}
