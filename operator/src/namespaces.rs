//! The namespaces in which servers may run: all of the cluster, or those of `--namespaces`, for an operator that has rights in these
//! alone.

use std::sync::Arc;

/// How many can be named: each is watched by itself.
pub const MAX: usize = 64;

/// The namespaces in which servers may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(Arc<[String]>);

impl Namespaces {
    /// These; all of the cluster where `named` is empty.
    #[must_use]
    pub fn new(named: &[String]) -> Self {
        let mut named = named.to_vec();
        named.sort();
        named.dedup();
        Self(named.into())
    }

    /// Whether a server may run in `namespace`.
    #[must_use]
    pub fn contain(&self, namespace: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|named| named == namespace)
    }

    /// What is to be watched: each of them, or once all (`None`).
    pub fn each(&self) -> impl Iterator<Item = Option<&str>> {
        let all = self.0.is_empty().then_some(None);
        all.into_iter()
            .chain(self.0.iter().map(|named| Some(named.as_str())))
    }
}

/// The names, separated by commas.
impl std::fmt::Display for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_named_are_all() {
        let all = Namespaces::default();
        assert!(all.contain("a"));
        assert_eq!(all.each().collect::<Vec<_>>(), [None]);
        let two = Namespaces::new(&["b".into(), "a".into(), "b".into()]);
        assert!(two.contain("a") && two.contain("b") && !two.contain("c"));
        assert_eq!(two.each().collect::<Vec<_>>(), [Some("a"), Some("b")]);
        assert_eq!(two.to_string(), "a, b");
    }
}
