//! Where an object lies in a store.

use std::fmt;
use std::sync::Arc;

/// The key of one object: `/GROUP/RESOURCE/NAMESPACE/NAME`, or `/GROUP/RESOURCE/NAME` of a cluster-scoped one, as
/// k8s.io/apiserver's generic registry lays them out below the store's own prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// A range of keys: all that begin with it. It ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Arc<str>);

/// Text that is no key or no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It does not begin with `/`, or has an empty segment.
    #[error("{0:?} is not a clean absolute path")]
    NotAPath(String),
    /// A segment is `.` or `..`, or contains `/`.
    #[error("{0:?} cannot be a segment of a key")]
    Segment(String),
}

fn check_segment(segment: &str) -> Result<(), KeyError> {
    if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['/', '\0']) {
        return Err(KeyError::Segment(segment.to_owned()));
    }
    Ok(())
}

impl Key {
    /// A key from its text.
    ///
    /// # Errors
    /// [`KeyError::NotAPath`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let clean = text
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|segment| check_segment(segment).is_ok()));
        if !clean {
            return Err(KeyError::NotAPath(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it lies in `prefix`.
    #[must_use]
    pub fn is_in(&self, prefix: &Prefix) -> bool {
        self.0.starts_with(&*prefix.0)
    }
}

impl Prefix {
    /// Every key of the store.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// All objects of a resource.
    ///
    /// # Errors
    /// [`KeyError::Segment`]: a group or resource that cannot stand in a key.
    pub fn resource(group: &str, resource: &str) -> Result<Self, KeyError> {
        check_segment(group)?;
        check_segment(resource)?;
        Ok(Self(format!("/{group}/{resource}/").into()))
    }

    /// What lies one segment deeper: the objects of a namespace.
    ///
    /// # Errors
    /// [`KeyError::Segment`].
    pub fn child(&self, segment: &str) -> Result<Self, KeyError> {
        check_segment(segment)?;
        Ok(Self(format!("{}{segment}/", self.0).into()))
    }

    /// The object of this name directly in this range.
    ///
    /// # Errors
    /// [`KeyError::Segment`].
    pub fn key(&self, name: &str) -> Result<Key, KeyError> {
        check_segment(name)?;
        Ok(Key(format!("{}{name}", self.0).into()))
    }

    /// The whole prefix, with its `/` at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first text after all keys of this range, for half-open ranges: `/a/` ends at `/a0`.
    #[must_use]
    pub fn end(&self) -> String {
        let mut end = self.0.strip_suffix('/').unwrap_or(&self.0).to_owned();
        end.push('0');
        end
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_laid_out_as_the_go_server_lays_them_out() {
        let flunders = Prefix::resource("wardle.example.com", "flunders").unwrap();
        let key = flunders.child("default").unwrap().key("a").unwrap();
        assert_eq!(key.as_str(), "/wardle.example.com/flunders/default/a");
        assert_eq!(key.name(), "a");
        assert!(key.is_in(&flunders) && key.is_in(&Prefix::root()));
        assert_eq!(Key::parse(key.as_str()), Ok(key));
    }

    #[test]
    fn what_would_reach_other_keys_is_refused() {
        let prefix = Prefix::resource("g", "r").unwrap();
        for name in ["", ".", "..", "a/b", "a\0"] {
            assert!(prefix.key(name).is_err(), "{name:?}");
            assert!(prefix.child(name).is_err(), "{name:?}");
        }
        for text in ["", "a", "/", "/a//b", "/a/", "/a/../b"] {
            assert!(Key::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_range_ends_before_its_neighbours() {
        let prefix = Prefix::resource("g", "r").unwrap();
        assert!(prefix.as_str() < "/g/r/z" && "/g/r/\u{10ffff}" < prefix.end().as_str());
        assert!("/g/r0" >= prefix.end().as_str());
    }
}
