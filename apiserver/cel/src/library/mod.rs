//! The functions of Kubernetes 1.36's environment, by the libraries that declare them: their overloads and what computes them.

mod authorizer;
mod cidr;
mod comprehensions;
mod ext_lists;
mod format;
mod format_text;
mod ip;
mod lists;
mod optional;
mod quantity;
mod regex;
mod semver;
mod sets;
mod standard;
mod strings;
mod url;

use crate::value::{Outcome, Value};

pub(crate) use cidr::Cidr;
pub(crate) use comprehensions::put;
pub(crate) use format::Format;
pub(crate) use format_text::check as check_format;
pub(crate) use ip::Ip;
pub(crate) use quantity::Quantity;
pub(crate) use regex::{every as regex_every, first as regex_first};
pub(crate) use semver::Semver;
pub(crate) use url::Url;

/// What computes a function.
pub(crate) type Native = for<'a> fn(&[Value<'a>]) -> Outcome<'a>;

/// How a function finds out that its arguments are not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Arguments are compared with the overload's types.
    Types,
    /// What computes it looks itself.
    Itself,
}

/// A function and its overloads.
pub(crate) struct Decl {
    pub(crate) function: &'static str,
    pub(crate) guard: Guard,
    /// Each with its name, its signature such as `string.(int) -> string`, and what computes it.
    pub(crate) overloads: &'static [(&'static str, &'static str, Native)],
}

/// All functions, in the order in which Kubernetes declares them.
pub(crate) fn all() -> impl Iterator<Item = &'static Decl> {
    [
        standard::DECLS,
        url::DECLS,
        regex::DECLS,
        lists::DECLS,
        authorizer::DECLS,
        optional::DECLS,
        quantity::DECLS,
        strings::DECLS,
        sets::DECLS,
        ip::DECLS,
        cidr::DECLS,
        format::DECLS,
        authorizer::SELECTORS,
        comprehensions::DECLS,
        semver::DECLS,
        ext_lists::DECLS,
    ]
    .into_iter()
    .flatten()
}

/// The two arguments of a function of two.
fn two<'v, 'a>(args: &'v [Value<'a>]) -> Option<(&'v Value<'a>, &'v Value<'a>)> {
    match args {
        [first, second] => Some((first, second)),
        _ => None,
    }
}

/// The functions `$name` take arguments of these kinds; others have no overload.
macro_rules! native {
    ($vis:vis fn $name:ident($($pattern:pat),+) $body:expr) => {
        $vis fn $name<'a>(args: &[crate::value::Value<'a>]) -> crate::value::Outcome<'a> {
            #[allow(clippy::allow_attributes, unreachable_patterns, irrefutable_let_patterns, reason = "of many functions")]
            if let [$($pattern),+] = args { $body } else { crate::value::no_overload() }
        }
    };
}
use native;
