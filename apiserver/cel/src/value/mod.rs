//! Values of CEL: those of JSON are borrowed, and become values of their types where they are looked at.

mod convert;
mod equal;
mod json;
mod layout;
mod list;
mod map;
mod show;
mod time;
pub(crate) mod work;

use std::sync::Arc;

use crate::library::{Cidr, Format, Ip, Quantity, Semver, Url};
use crate::types::{OPTIONAL, Type};

use equal::is_same_json;
pub(crate) use equal::{compare, equal, equal_inner};
pub(crate) use json::{from_json, from_schema};
pub(crate) use list::{Elements, Lister, index_of};
pub(crate) use map::{Mapper, Values};
pub(crate) use time::{Timestamp, parse_rfc3339, units_of};

pub use list::List;
pub use map::Map;
pub use show::{float, quote};
pub use time::parse_duration;

/// A value. What is of JSON is borrowed from it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// A bool.
    Bool(bool),
    /// An int.
    Int(i64),
    /// A uint.
    Uint(u64),
    /// A double.
    Double(f64),
    /// A string.
    String(Text<'a>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A duration, in nanoseconds.
    Duration(i64),
    /// A time.
    Timestamp(Timestamp),
    /// A type, by its name.
    Type(Arc<str>),
    /// A list.
    List(List<'a>),
    /// A map, or an object of a schema.
    Map(Map<'a>),
    /// What may be missing.
    Optional(Option<Arc<Self>>),
    /// A quantity of resources. Those that were computed are equal to none but on the left of `==`, as in Kubernetes.
    Quantity(Arc<Quantity>, bool),
    /// A URL.
    Url(Arc<Url>),
    /// An address.
    Ip(Ip),
    /// A network.
    Cidr(Cidr),
    /// A format of names.
    Format(&'static Format),
    /// A semantic version.
    Semver(Arc<Semver>),
    /// What an object preserves although its schema does not know it.
    Unknown(&'a serde_json::Value),
}

/// A string: of JSON or of an expression, or made.
#[derive(Debug, Clone)]
pub enum Text<'a> {
    /// Of JSON or of an expression.
    Borrowed(&'a str),
    /// Made.
    Shared(Arc<str>),
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fail {
    /// It has an error, in cel-go's words; `true || error` is true none the less.
    Error(Arc<str>),
    /// It has cost too much: that ends all.
    TooCostly,
}

impl std::error::Error for Fail {}

impl std::fmt::Display for Fail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::TooCostly => f.write_str("operation cancelled: actual cost limit exceeded"),
        }
    }
}

/// How deep values may be within each other. Kubernetes knows no bound; what is deeper costs too much here.
pub(crate) const MAX_DEPTH: u32 = 300;

/// A value, or why there is none.
pub(crate) type Outcome<'a> = Result<Value<'a>, Fail>;

/// An error in cel-go's words.
pub(crate) fn fail<T>(message: impl Into<Arc<str>>) -> Result<T, Fail> {
    Err(Fail::Error(message.into()))
}

/// What cel-go says of arguments that nothing takes.
pub(crate) fn no_overload<T>() -> Result<T, Fail> {
    fail("no such overload")
}

impl<'a> Value<'a> {
    /// A string that was made.
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    /// The number of something.
    pub(crate) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A list of values that were made.
    pub(crate) fn list(values: Vec<Self>) -> Self {
        Self::List(List::Values(Arc::new(values.into())))
    }

    /// A list of strings that were made.
    pub(crate) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self::list(texts.into_iter().map(Self::text).collect())
    }

    /// There is this.
    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of the value's type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => Type::Null.name(),
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => OPTIONAL,
            Self::Quantity(..) => "kubernetes.Quantity",
            Self::Url(_) => "kubernetes.URL",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The elements of a list; none of anything else.
    #[must_use]
    pub fn elements(&self) -> Vec<Result<Self, Fail>> {
        match self {
            Self::List(list) => list.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The entries of a map or an object; none of anything else.
    #[must_use]
    pub fn entries(&self) -> Vec<(Self, Result<Self, Fail>)> {
        match self {
            Self::Map(map) => map.entries(),
            _ => Vec::new(),
        }
    }

    /// How deep lists, maps and what is optional are within each other, as far as they were made.
    pub(crate) fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.depth(),
            Self::Map(Map::Values(values)) => values.depth(),
            Self::Optional(Some(value)) => value.depth().saturating_add(1),
            _ => 0,
        }
    }

    /// How large the value is: characters, bytes, elements or entries; 1 for what has no size.
    pub(crate) fn size(&self) -> u64 {
        let size = match self {
            Self::String(text) if text.is_ascii() => text.len(),
            Self::String(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.size(),
            Self::Map(map) => map.size(),
            Self::Ip(ip) => ip.size(),
            Self::Cidr(cidr) => cidr.size(),
            _ => 1,
        };
        size as u64
    }

    /// Whether the value may stand for a type: of lists and maps, the first of what is in them is looked at.
    pub(crate) fn is_of(&self, of: &Type) -> bool {
        if !(matches!(of, Type::Dyn | Type::Any | Type::Param(_)) || of.name() == self.type_name()) {
            return false;
        }
        match (of, self) {
            (Type::List(element), Self::List(list)) => {
                list.size() == 0 || list.get(0).is_ok_and(|first| first.is_of(element))
            }
            (Type::Map(entry), Self::Map(map)) => map.first().is_none_or(|(key, value)| {
                key.is_of(&entry.0) && value.is_ok_and(|value| value.is_of(&entry.1))
            }),
            _ => true,
        }
    }

    /// Whether `optional.ofNonZeroValue` takes the value for nothing.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) | Self::Uint(0) | Self::Duration(0) => true,
            Self::Double(value) => *value == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Timestamp(time) => time.is_zero(),
            Self::List(List::Json { .. }) | Self::Map(Map::Json { schema: Some(_), .. }) => false,
            Self::List(list) => list.size() == 0,
            Self::Map(map) => map.size() == 0,
            _ => false,
        }
    }
}
