//! Kubernetes 1.36's environment: its functions with the types of their overloads, and the types that have names.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::library::{self, Guard, Native};
use crate::types::{Param, Type};

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) overloads: Vec<Overload>,
}

/// One way to call a function.
pub(crate) struct Overload {
    pub(crate) id: &'static str,
    /// Whether it is called on its first argument.
    pub(crate) member: bool,
    pub(crate) args: Vec<Type>,
    pub(crate) result: Type,
    /// The letters in its types.
    pub(crate) letters: Vec<char>,
    pub(crate) native: Native,
    pub(crate) guard: Guard,
}

impl std::fmt::Debug for Overload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// The functions, by their names.
pub(crate) static FUNCTIONS: LazyLock<HashMap<&'static str, Function>> = LazyLock::new(|| {
    let mut functions: HashMap<&'static str, Function> = HashMap::new();
    for decl in library::all() {
        let function = functions.entry(decl.function).or_insert_with(|| Function {
            name: decl.function,
            overloads: Vec::new(),
        });
        for (id, signature, native) in decl.overloads {
            function
                .overloads
                .extend(overload(id, signature, *native, decl.guard));
        }
    }
    functions
});

/// The function of a name that may begin with a dot.
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(name.strip_prefix('.').unwrap_or(name))
}

/// The types that have names of their own, and are values by these.
pub(crate) fn named_type(name: &str) -> Option<Type> {
    let letter = |letter: char| Type::Param(Param::Named(letter));
    Some(match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "google.protobuf.Duration" => Type::Duration,
        "int" => Type::Int,
        "list" => Type::list(letter('A')),
        "map" => Type::map(letter('A'), letter('B')),
        "null_type" => Type::Null,
        "string" => Type::String,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "type" => Type::Type(None),
        "uint" => Type::Uint,
        "optional_type" | "net.IP" | "net.CIDR" => Type::opaque(name),
        _ => return None,
    })
}

/// The types that Kubernetes' declared types know by another name: no expression can be evaluated with them.
pub(crate) fn declared_scalar(name: &str) -> Option<Type> {
    match name {
        "duration" => Some(Type::Duration),
        "timestamp" => Some(Type::Timestamp),
        _ => None,
    }
}

/// Reads a signature: `(A, list(A)) -> bool` or `string.(int) -> string`.
fn overload(id: &'static str, signature: &str, native: Native, guard: Guard) -> Option<Overload> {
    let (call, result) = signature.split_once(" -> ")?;
    let open = call.strip_suffix(')').and_then(|call| {
        let begin = call.rfind(".(").map(|dot| (Some(&call[..dot]), &call[dot + 2..]));
        begin.or_else(|| call.strip_prefix('(').map(|args| (None, args)))
    });
    let (target, args) = open?;
    let mut types: Vec<Type> = target.into_iter().filter_map(parse).collect();
    types.extend(split(args).into_iter().filter_map(parse));
    let result = parse(result)?;
    let mut letters = Vec::new();
    for of in types.iter().chain([&result]) {
        collect(of, &mut letters);
    }
    Some(Overload {
        id,
        member: target.is_some(),
        args: types,
        result,
        letters,
        native,
        guard,
    })
}

fn collect(of: &Type, letters: &mut Vec<char>) {
    if let Type::Param(Param::Named(letter)) = of
        && !letters.contains(letter)
    {
        letters.push(*letter);
    }
    for inner in of.parameters() {
        collect(inner, letters);
    }
}

/// Types that are separated by commas.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    let last = text[begin..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

fn parse(text: &str) -> Option<Type> {
    if let Some((name, params)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let params: Vec<Type> = split(params).into_iter().filter_map(parse).collect();
        let mut params = params.into_iter();
        let first = params.next()?;
        return match name {
            "list" => Some(Type::list(first)),
            "map" => Some(Type::map(first, params.next()?)),
            "optional" => Some(Type::optional(first)),
            "type" => Some(Type::type_of(first)),
            _ => None,
        };
    }
    Some(match text {
        "dyn" => Type::Dyn,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        "net.IP" | "net.CIDR" => Type::opaque(text),
        _ if text.starts_with("kubernetes.") => Type::object(text),
        _ => Type::Param(Param::Named(text.chars().next().filter(|_| text.len() == 1)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_signatures_are_read() {
        let declared: usize = library::all().map(|decl| decl.overloads.len()).sum();
        let read: usize = FUNCTIONS.values().map(|function| function.overloads.len()).sum();
        assert_eq!(declared, read);
    }
}
