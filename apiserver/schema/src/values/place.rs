//! Where a value stands, as kube-openapi writes it.

use std::fmt;

use crate::field::go;

/// The place of a value below the one that is validated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Self>,
    part: Part<'p>,
    /// Whether nobody hears what is wrong here, but only that something is.
    silent: bool,
}

#[derive(Debug, Clone, Copy)]
enum Part<'p> {
    Root,
    /// A property of the schema: without a dot where nothing is before it.
    Property(&'p str),
    /// What always has a dot.
    Dotted(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    pub(super) const ROOT: Place<'static> = Place {
        parent: None,
        part: Part::Root,
        silent: false,
    };

    /// The same place, of which nobody hears what is wrong.
    pub(super) fn silently(&self) -> Self {
        Self {
            silent: true,
            ..*self
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn is_root(&self) -> bool {
        matches!(self.part, Part::Root)
    }

    pub(super) fn property(&'p self, name: &'p str) -> Self {
        self.with(Part::Property(name))
    }

    pub(super) fn dotted(&'p self, name: &'p str) -> Self {
        self.with(Part::Dotted(name))
    }

    pub(super) fn index(&'p self, index: usize) -> Self {
        self.with(Part::Index(index))
    }

    fn with(&'p self, part: Part<'p>) -> Self {
        Self {
            parent: Some(self),
            part,
            silent: self.silent,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<Part<'_>> = std::iter::successors(Some(self), |place| place.parent)
            .map(|place| place.part)
            .collect();
        parts.reverse();
        let mut any = false;
        let mut left = go::MOST_OF_A_PATH;
        for part in parts {
            let length = match part {
                Part::Root => 0,
                Part::Property(name) | Part::Dotted(name) => name.len() + 1,
                Part::Index(_) => 12,
            };
            if left < length {
                return formatter.write_str("...");
            }
            left -= length;
            match part {
                Part::Root => {}
                Part::Property(name) if !any => {
                    formatter.write_str(name)?;
                    any = !name.is_empty();
                    continue;
                }
                Part::Property(name) | Part::Dotted(name) => write!(formatter, ".{name}")?,
                Part::Index(index) => write!(formatter, "[{index}]")?,
            }
            any |= !matches!(part, Part::Root);
        }
        Ok(())
    }
}
