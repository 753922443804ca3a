//! CEL's types, as cel-go has and prints them.

use std::fmt;
use std::sync::Arc;

/// How deep a type of an expression may be. Macros that follow each other add up theirs, so that no depth of syntax bounds it.
pub(crate) const MAX_DEPTH: u32 = 300;
/// How many types may be within one of an expression.
pub(crate) const MAX_SIZE: u32 = 2000;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Any type, checked when an expression is evaluated.
    Dyn,
    /// `google.protobuf.Any`.
    Any,
    /// That of what is wrong.
    Error,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`, of 64 bits.
    Int,
    /// `uint`, of 64 bits.
    Uint,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// A list of elements.
    List(Arc<Self>),
    /// A map from keys to values.
    Map(Arc<(Self, Self)>),
    /// An object with fields, by its name; or a type of a library such as `kubernetes.URL`.
    Struct(Arc<str>),
    /// A type that is nothing but its name and parameters, such as `optional_type(int)` or `net.IP`.
    Opaque(Arc<str>, Arc<[Self]>),
    /// A type that is not known yet.
    Param(Param),
    /// The type of types; of that type, where it is known.
    Type(Option<Arc<Self>>),
}

/// A type that is not known yet: of a declaration, by its letter, or of an expression, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Param {
    /// Of a declaration.
    Named(char),
    /// Of an expression.
    Var(u32),
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name}"),
            Self::Var(number) => write!(f, "_var{number}"),
        }
    }
}

impl Type {
    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Arc::new(of))
    }

    /// A map.
    #[must_use]
    pub fn map(keys: Self, values: Self) -> Self {
        Self::Map(Arc::new((keys, values)))
    }

    /// An object or a library's type.
    #[must_use]
    pub fn object(name: &str) -> Self {
        Self::Struct(name.into())
    }

    /// What may be missing.
    #[must_use]
    pub fn optional(of: Self) -> Self {
        Self::Opaque(OPTIONAL.into(), [of].into())
    }

    /// A type that is nothing but its name.
    #[must_use]
    pub fn opaque(name: &str) -> Self {
        Self::Opaque(name.into(), [].into())
    }

    /// The type of a type.
    pub(crate) fn type_of(of: Self) -> Self {
        Self::Type(Some(Arc::new(of)))
    }

    /// Whether the type is neither deeper nor larger than those that expressions may have.
    pub(crate) fn is_within_bounds(&self) -> bool {
        self.fits(MAX_DEPTH, &mut { MAX_SIZE })
    }

    fn fits(&self, depth: u32, left: &mut u32) -> bool {
        if depth == 0 || *left == 0 {
            return false;
        }
        *left -= 1;
        match self {
            Self::List(of) => of.fits(depth - 1, left),
            Self::Map(of) => of.0.fits(depth - 1, left) && of.1.fits(depth - 1, left),
            Self::Opaque(_, params) => params.iter().all(|of| of.fits(depth - 1, left)),
            Self::Type(Some(of)) => of.fits(depth - 1, left),
            _ => true,
        }
    }

    /// The name by which values of the type are told.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Dyn | Self::Param(_) => "dyn",
            Self::Any => "google.protobuf.Any",
            Self::Error => "error",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Duration => "google.protobuf.Duration",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Struct(name) | Self::Opaque(name, _) => name,
            Self::Type(_) => "type",
        }
    }

    pub(crate) const fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any)
    }

    pub(crate) const fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any | Self::Error)
    }

    /// What an optional type is of.
    pub(crate) fn unwrap_optional(&self) -> Option<&Self> {
        match self {
            Self::Opaque(name, params) if **name == *OPTIONAL => params.first(),
            _ => None,
        }
    }

    /// The types within.
    pub(crate) fn parameters(&self) -> Vec<&Self> {
        match self {
            Self::List(of) => vec![of],
            Self::Map(of) => vec![&of.0, &of.1],
            Self::Opaque(_, params) => params.iter().collect(),
            Self::Type(Some(of)) => vec![of],
            _ => Vec::new(),
        }
    }

    /// Whether types are alike where letters of parameters do not count.
    pub(crate) fn is_equivalent(&self, other: &Self) -> bool {
        if let (Self::Param(_), Self::Param(_)) = (self, other) {
            return true;
        }
        let (ours, theirs) = (self.parameters(), other.parameters());
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.name() == other.name()
            && ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(ours, theirs)| ours.is_equivalent(theirs))
    }
}

/// The name of what may be missing.
pub(crate) const OPTIONAL: &str = "optional_type";

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => return f.write_str("any"),
            Self::Duration => return f.write_str("duration"),
            Self::Error => return f.write_str("!error!"),
            Self::Null => return f.write_str("null"),
            Self::Timestamp => return f.write_str("timestamp"),
            Self::Param(param) => return param.fmt(f),
            _ => {}
        }
        f.write_str(self.name())?;
        let params = self.parameters();
        if params.is_empty() {
            return Ok(());
        }
        for (at, param) in params.iter().enumerate() {
            f.write_str(if at == 0 { "(" } else { ", " })?;
            param.fmt(f)?;
        }
        f.write_str(")")
    }
}

/// A signature as errors show it: `target.(args)` or `(args)`.
pub(crate) fn signature(args: &[Type], member: bool) -> String {
    let (target, args) = match args.split_first() {
        Some((target, args)) if member => (format!("{target}."), args),
        _ => (String::new(), args),
    };
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    format!("{target}({})", args.join(", "))
}
