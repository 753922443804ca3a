//! The unknown fields of an object, as `fieldValidation` tells them: a client may send as many as it likes, at paths as long as it likes.

/// How many are told.
const MOST: usize = 100;
/// Bytes of paths after which no further one is told.
const MOST_BYTES: usize = 64 * 1024;

/// Unknown fields that were taken away.
#[derive(Debug, Default)]
pub struct UnknownFields {
    paths: Vec<String>,
    bytes: usize,
    /// Nobody is told.
    ignored: bool,
    has_more: bool,
}

impl UnknownFields {
    /// Of which nobody is told: no path is made.
    #[must_use]
    pub fn ignored() -> Self {
        Self {
            ignored: true,
            ..Self::default()
        }
    }

    /// Takes one more, whose path is made only where it is told.
    pub(crate) fn add(&mut self, path: impl FnOnce() -> String) {
        if self.ignored {
            return;
        }
        if self.paths.len() >= MOST || self.bytes >= MOST_BYTES {
            self.has_more = true;
            return;
        }
        let path = path();
        self.bytes += path.len();
        self.paths.push(path);
    }

    /// Sorts those behind the first `from`.
    pub(crate) fn sort_from(&mut self, from: usize) {
        if let Some(paths) = self.paths.get_mut(from..) {
            paths.sort_unstable();
        }
    }

    /// How many are told.
    pub(crate) fn count(&self) -> usize {
        self.paths.len()
    }

    /// Their paths.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether there are more than are told.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.has_more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_an_end() {
        let mut many = UnknownFields::default();
        (0..1000).for_each(|number| many.add(|| format!("a{number}")));
        assert_eq!((many.paths().len(), many.has_more()), (MOST, true));
        let mut long = UnknownFields::default();
        let mut made = 0;
        for _ in 0..1000 {
            long.add(|| {
                made += 1;
                "x".repeat(40 * 1024)
            });
        }
        assert_eq!((made, long.paths().len()), (2, 2));
        let mut ignored = UnknownFields::ignored();
        ignored.add(|| unreachable!("nobody is told"));
        assert!(!ignored.has_more());
    }
}
