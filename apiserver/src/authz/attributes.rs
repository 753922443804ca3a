//! What is asked for, in the words of an access review.

use std::borrow::Cow;

use crate::request::{RequestInfo, User};

/// What a permission is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attributes<'a> {
    /// Something about resources.
    Resource(ResourceAttributes<'a>),
    /// A path that is none.
    Path {
        /// The HTTP method in lower case.
        verb: Cow<'a, str>,
        /// As it was sent, without the query.
        path: &'a str,
    },
}

/// What is asked for about resources; empty where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceAttributes<'a> {
    pub(crate) verb: Cow<'a, str>,
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) label_selector: &'a str,
    pub(crate) field_selector: &'a str,
}

impl<'a> Attributes<'a> {
    /// What the request itself needs.
    pub(crate) fn of(info: &'a RequestInfo) -> Self {
        if !info.is_resource {
            return Self::Path {
                verb: info.method.as_str().into(),
                path: &info.path,
            };
        }
        Self::Resource(ResourceAttributes {
            verb: info.verb.as_str().into(),
            group: &info.group,
            version: &info.version,
            resource: &info.resource,
            subresource: &info.subresource,
            namespace: &info.namespace,
            name: &info.name,
            label_selector: &info.label_selector,
            field_selector: &info.field_selector,
        })
    }

    /// The bytes of it that a client chooses freely.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Path { verb, path } => verb.len() + path.len(),
            Self::Resource(asked) => asked.parts().iter().map(|part| part.len()).sum(),
        }
    }

    /// A key that is equal for equal questions of equal users, and for those alone.
    pub(super) fn key(&self, user: &User) -> Box<[u8]> {
        let mut key = Key(Vec::with_capacity(512));
        match self {
            Self::Path { verb, path } => {
                key.0.push(0);
                key.part(verb);
                key.part(path);
            }
            Self::Resource(asked) => {
                key.0.push(1);
                asked.parts().into_iter().for_each(|part| key.part(part));
            }
        }
        key.part(&user.name);
        key.part(&user.uid);
        key.parts(&user.groups);
        key.count(user.extra.len());
        for (name, values) in &user.extra {
            key.part(name);
            key.parts(values);
        }
        key.0.into_boxed_slice()
    }
}

impl<'a> From<ResourceAttributes<'a>> for Attributes<'a> {
    fn from(asked: ResourceAttributes<'a>) -> Self {
        Self::Resource(asked)
    }
}

impl ResourceAttributes<'_> {
    fn parts(&self) -> [&str; 9] {
        [
            &self.verb,
            self.group,
            self.version,
            self.resource,
            self.subresource,
            self.namespace,
            self.name,
            self.label_selector,
            self.field_selector,
        ]
    }
}

/// Parts with their lengths before them: `xy`, `z` is not `x`, `yz`.
struct Key(Vec<u8>);

impl Key {
    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u64).to_le_bytes());
    }

    fn part(&mut self, part: &str) {
        self.count(part.len());
        self.0.extend_from_slice(part.as_bytes());
    }

    fn parts(&mut self, parts: &[String]) {
        self.count(parts.len());
        parts.iter().for_each(|part| self.part(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(verb: &'a str, path: &'a str) -> Attributes<'a> {
        Attributes::Path {
            verb: verb.into(),
            path,
        }
    }

    fn user(name: &str, groups: &[&str]) -> User {
        User {
            name: name.into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..User::default()
        }
    }

    #[test]
    fn keys_of_different_questions_differ() {
        let mut extra = user("u", &["a", "b"]);
        extra.extra.insert("k".into(), vec!["v".into()]);
        let mut moved = user("u", &["a", "b"]);
        moved.extra.insert("kv".into(), vec![]);
        let asked = ResourceAttributes {
            verb: "get".into(),
            ..ResourceAttributes::default()
        };
        let keys = [
            path("get", "/x").key(&user("u", &["a", "b"])),
            path("get", "/x").key(&user("u", &["ab"])),
            path("get", "/x").key(&user("ua", &["b"])),
            path("get/", "x").key(&user("u", &["a", "b"])),
            path("get", "/x").key(&extra),
            path("get", "/x").key(&moved),
            Attributes::Resource(asked.clone()).key(&user("u", &["a", "b"])),
            Attributes::Resource(ResourceAttributes {
                name: "x",
                ..asked.clone()
            })
            .key(&user("u", &["a", "b"])),
            Attributes::Resource(ResourceAttributes {
                namespace: "x",
                ..asked
            })
            .key(&user("u", &["a", "b"])),
        ];
        for (index, key) in keys.iter().enumerate() {
            for other in keys.iter().skip(index + 1) {
                assert_ne!(key, other);
            }
        }
    }
}
