//! What go-yaml makes of a document before it is JSON: maps have keys of any type.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::go;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Go {
    Nil,
    Bool(bool),
    Int(i64),
    /// What is too large for an [`Go::Int`].
    Uint(u64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<Key, Self>),
}

/// A key of a map. Go has them as values: 1, 1.0 and "1" are three.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Nil,
    Int(i64),
    Uint(u64),
    Text(String),
    Bool(bool),
    Float(f64),
}

impl Key {
    /// None for a list or a map.
    pub(crate) fn new(value: Go) -> Result<Self, Go> {
        Ok(match value {
            Go::Nil => Self::Nil,
            Go::Bool(value) => Self::Bool(value),
            Go::Int(value) => Self::Int(value),
            Go::Uint(value) => Self::Uint(value),
            Go::Float(value) => Self::Float(value),
            Go::Text(value) => Self::Text(value),
            Go::List(_) | Go::Map(_) => return Err(value),
        })
    }

    /// Whether a map can have it once alone: NaN is not equal to itself.
    pub(crate) fn is_equal_to_itself(&self) -> bool {
        !matches!(self, Self::Float(value) if value.is_nan())
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Text(_) => 1,
            Self::Uint(_) => 2,
            Self::Int(_) => 3,
            Self::Float(_) => 4,
            Self::Bool(_) => 5,
        }
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Nil => out.write_str("interface {}(nil)"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Uint(value) => write!(out, "{value:#x}"),
            Self::Float(value) => out.write_str(&go::float(*value)),
            Self::Text(text) => go::write_quoted(out, text),
        }
    }

    /// The key as `%#v` prints it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Nil => "<nil>".into(),
            _ => go::Shown::of(|out| self.write(out)),
        }
    }
}

impl Ord for Key {
    /// The order in which Go prints the keys of a map. Types it compares by where they are in memory: as they were in one program.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one.cmp(other),
            (Self::Uint(one), Self::Uint(other)) => one.cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            // Zero has two forms, and what is no number comes first.
            (Self::Float(one), Self::Float(other)) => one
                .partial_cmp(other)
                .unwrap_or_else(|| other.is_nan().cmp(&one.is_nan())),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl Go {
    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Nil => out.write_str("interface {}(nil)"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Uint(value) => write!(out, "{value:#x}"),
            Self::Float(value) => out.write_str(&go::float(*value)),
            Self::Text(text) => go::write_quoted(out, text),
            Self::List(list) => {
                out.write_str("[]interface {}{")?;
                for (index, value) in list.iter().enumerate() {
                    out.write_str(if index == 0 { "" } else { ", " })?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
            Self::Map(map) => {
                out.write_str("map[interface {}]interface {}{")?;
                for (index, (key, value)) in map.iter().enumerate() {
                    out.write_str(if index == 0 { "" } else { ", " })?;
                    key.write(out)?;
                    out.write_char(':')?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }

    /// The value as `%#v` prints it, cut where it is long.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Nil => "<nil>".into(),
            _ => go::Shown::of(|out| self.write(out)),
        }
    }
}
