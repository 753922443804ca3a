//! An expression as it is evaluated: variables are places, constants are values, and what each step costs is known as far as it can be.

use std::collections::HashSet;
use std::sync::Arc;

use annex_re2::Pattern;

use super::cost::Cost;
use crate::environment::Overload;
use crate::library::Native;
use crate::value::Value;

/// A step.
#[derive(Debug)]
pub(crate) enum Node {
    Const(Value<'static>),
    /// A variable, or something of a value.
    Attribute {
        of: Attribute,
        /// `has()`.
        test_only: bool,
    },
    Call(Box<Call>),
    Equal(Box<(Self, Self)>, Cost),
    NotEqual(Box<(Self, Self)>, Cost),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// `@not_strictly_false`.
    NotStrictlyFalse(Box<Self>),
    /// `x in [constants]`, which costs what `x` costs.
    Member(Box<(Self, HashSet<Key>)>),
    /// `optional.or(optional)`.
    OptionalOr(Box<(Self, Self)>),
    /// `optional.orValue(value)`.
    OptionalOrValue(Box<(Self, Self)>),
    List {
        elements: Vec<Self>,
        /// Which are optional; empty where none is.
        optional: Vec<bool>,
    },
    Map(Vec<(Self, Self, bool)>),
    Fold(Box<Fold>),
}

/// A constant that is looked for among others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(u64),
    Text(Box<str>),
}

/// What is read: a variable, what a step gives, or one of both, and what of it.
#[derive(Debug)]
pub(crate) enum Attribute {
    Variable {
        slot: usize,
        name: Arc<str>,
        qualifiers: Vec<Arc<Qualifier>>,
    },
    Relative {
        operand: Box<Node>,
        qualifiers: Vec<Arc<Qualifier>>,
    },
    Conditional {
        condition: Box<Node>,
        truthy: Box<Self>,
        falsy: Box<Self>,
    },
}

/// `.field`, `[index]` or their optional forms.
#[derive(Debug)]
pub(crate) struct Qualifier {
    pub(crate) by: By,
    pub(crate) optional: bool,
    /// The field that `has()` asks for.
    pub(crate) test_only: bool,
}

/// By what an attribute is qualified.
#[derive(Debug)]
pub(crate) enum By {
    /// A constant; the name of a field also as it is not escaped.
    Const(Value<'static>, Option<Box<str>>),
    /// An attribute: reading it costs nothing but its qualifiers.
    Attribute(Attribute),
    Node(Node),
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: Arc<str>,
    pub(crate) args: Vec<Node>,
    /// Whether the first error of an argument ends it.
    pub(crate) eager: bool,
    pub(crate) cost: Cost,
    pub(crate) computed: Computed,
}

/// What computes a call.
pub(crate) enum Computed {
    Native(Native),
    /// The first of these whose types the arguments have.
    Overloads(Vec<&'static Overload>),
    Matches(Pattern),
    Find(Pattern),
    FindAll(Pattern),
}

impl std::fmt::Debug for Computed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Native(_) => f.write_str("Native"),
            Self::Overloads(overloads) => overloads.fmt(f),
            Self::Matches(pattern) | Self::Find(pattern) | Self::FindAll(pattern) => pattern.fmt(f),
        }
    }
}

/// A fold.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) range: Node,
    pub(crate) two: bool,
    /// Where the accumulator is; the variables are behind it.
    pub(crate) slot: usize,
    pub(crate) init: Node,
    /// None where it is always true.
    pub(crate) condition: Option<Node>,
    pub(crate) step: Node,
    pub(crate) grow: Option<Grow>,
    pub(crate) result: Node,
}

/// How the accumulator grows, where its steps do nothing else: lists and maps are not copied then.
#[derive(Debug)]
pub(crate) enum Grow {
    /// `accu + [element]`.
    List,
    /// `@mapInsert(accu, …)`.
    Map,
}
