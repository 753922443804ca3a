//! Where in an object something is: said in the two ways in which Go's decoder says it.

use std::fmt::Write as _;

/// A place, linked to the one around it, so that a place costs nothing until it is told.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The whole object.
    Root,
    /// A field of a struct: around it, its name, the struct's name.
    Field(&'a Self, &'a str, &'a str),
    /// An entry of a map.
    Key(&'a Self, &'a str),
    /// An element of a list.
    Index(&'a Self, usize),
}

impl Place<'_> {
    /// As findings of strictness say it: `spec.list[0].y`.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        self.write_path(&mut path);
        path
    }

    fn write_path(&self, path: &mut String) {
        match self {
            Self::Root => {}
            Self::Field(parent, name, _) | Self::Key(parent, name) => {
                parent.write_path(path);
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Self::Index(parent, index) => {
                parent.write_path(path);
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
    }

    /// Whether it is the whole object.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self, Self::Root)
    }

    /// As errors about types say it: `FlunderSpec.spec.reference`, the innermost struct and the fields from the root.
    /// `None`: not in any struct.
    pub(crate) fn go_field(&self) -> Option<String> {
        let mut fields = Vec::new();
        let mut owner = None;
        let mut place = *self;
        loop {
            place = match place {
                Place::Root => break,
                Place::Field(parent, name, of) => {
                    fields.push(name);
                    owner = owner.or(Some(of));
                    *parent
                }
                Place::Key(parent, _) | Place::Index(parent, _) => *parent,
            };
        }
        fields.reverse();
        owner.map(|owner| format!("{owner}.{}", fields.join(".")))
    }

    /// Whether it is one of these fields of the whole object.
    pub(crate) fn is_field_of_root(&self, names: &[&str]) -> bool {
        matches!(self, Self::Field(Place::Root, name, _) if names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_said_as_go_says_it() {
        let spec = Place::Field(&Place::Root, "spec", "Flunder");
        let list = Place::Field(&spec, "list", "FlunderSpec");
        let element = Place::Index(&list, 3);
        let field = Place::Field(&element, "y", "Element");
        assert_eq!(field.path(), "spec.list[3].y");
        assert_eq!(field.go_field().as_deref(), Some("Element.spec.list.y"));
        assert_eq!(Place::Root.go_field(), None);
        assert_eq!(Place::Key(&Place::Root, "x").go_field(), None);
    }
}
