//! The path of a field: `spec.versions[0].name`.

use std::fmt;

use super::go;

/// The path of a field, made while walking down to it.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Self>,
    part: Part<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Part<'p> {
    Nothing,
    Name(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'p> Path<'p> {
    /// No path: what is below it begins one. It is shown as Go shows a nil.
    pub const NONE: Path<'static> = Path {
        parent: None,
        part: Part::Nothing,
    };

    /// A path that begins with these names, which may be several with dots between them.
    #[must_use]
    pub fn new(names: &'p str) -> Self {
        Self {
            parent: None,
            part: Part::Name(names),
        }
    }

    /// The field of this name below.
    #[must_use]
    pub fn child(&'p self, name: &'p str) -> Self {
        self.with(Part::Name(name))
    }

    /// The item at this place below.
    #[must_use]
    pub fn index(&'p self, index: usize) -> Self {
        self.with(Part::Index(index))
    }

    /// The value of this key below.
    #[must_use]
    pub fn key(&'p self, key: &'p str) -> Self {
        self.with(Part::Key(key))
    }

    fn with(&'p self, part: Part<'p>) -> Self {
        let parent = match self.part {
            Part::Nothing => None,
            _ => Some(self),
        };
        Self { parent, part }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<Part<'_>> = std::iter::successors(Some(self), |path| path.parent)
            .map(|path| path.part)
            .collect();
        parts.reverse();
        let mut left = go::MOST_OF_A_PATH;
        for (index, part) in parts.into_iter().enumerate() {
            let length = match part {
                Part::Nothing => 0,
                Part::Name(name) | Part::Key(name) => name.len() + 2,
                Part::Index(_) => 12,
            };
            if left < length {
                return formatter.write_str("...");
            }
            left -= length;
            match part {
                Part::Nothing => formatter.write_str("<nil>")?,
                // Go takes an empty name for an index.
                Part::Name("") => formatter.write_str("[]")?,
                Part::Name(name) if index == 0 => formatter.write_str(name)?,
                Part::Name(name) => write!(formatter, ".{name}")?,
                Part::Index(at) => write!(formatter, "[{at}]")?,
                Part::Key(key) => write!(formatter, "[{key}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_go_writes_them() {
        let spec = Path::new("spec");
        let versions = spec.child("versions");
        let first = versions.index(0);
        let labels = first.child("labels");
        assert_eq!(labels.key("a/b").to_string(), "spec.versions[0].labels[a/b]");
        assert_eq!(Path::NONE.child("spec").to_string(), "spec");
        assert_eq!(Path::NONE.index(1).to_string(), "[1]");
        assert_eq!(spec.child("").to_string(), "spec[]");
        assert_eq!(Path::NONE.to_string(), "<nil>");
        let key = "x".repeat(2 * go::MOST_OF_A_PATH);
        assert_eq!(spec.key(&key).child("a").to_string(), "spec...");
    }
}
