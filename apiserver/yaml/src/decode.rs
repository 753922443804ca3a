//! Nodes as values: aliases are written out, maps merged, and keys that stand twice told.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::resolve::resolve;
use crate::tree::{Kind, Node, Tag, Tree};
use crate::value::{Go, Key};
use crate::{Limits, MAX_DEPTH};

/// Errors of one kind that are listed.
const MOST_LISTED: usize = 100;

/// Nodes up to which nearly all of a document may be aliases, and from which on hardly any.
const FEW_NODES: usize = 400_000;
const MANY_NODES: usize = 4_000_000;

/// Keys that stand twice in a map, in the order in which Go tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    listed: Vec<String>,
    has_more: bool,
}

impl Duplicates {
    /// The first hundred, in the words of Go: `line 3: key "a" already set in map`.
    #[must_use]
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Whether there are more.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    fn add(&mut self, line: u32, key: &Key) {
        if self.listed.len() == MOST_LISTED {
            self.has_more = true;
        } else {
            let line = line.saturating_add(1);
            self.listed
                .push(format!("line {line}: key {} already set in map", key.shown()));
        }
    }
}

/// The value of a document.
///
/// # Errors
/// It has none: an alias goes in a circle, a tag says what is not so, and the like.
pub(crate) fn decode(tree: &Tree, limits: &Limits) -> Result<(Go, Duplicates), Error> {
    let mut decoder = Decoder {
        tree,
        limits,
        duplicates: Duplicates::default(),
        // The document itself.
        nodes: 1,
        aliased: 0,
        aliased_bytes: 0,
        aliases: Vec::new(),
    };
    let value = match tree.node(0) {
        Some(_) => decoder.value(0, 0)?,
        None => Go::Nil,
    };
    Ok((value, decoder.duplicates))
}

struct Decoder<'a> {
    tree: &'a Tree,
    limits: &'a Limits,
    duplicates: Duplicates,
    /// Nodes that were decoded, each as often as it was, and how many of them for aliases.
    nodes: usize,
    aliased: usize,
    aliased_bytes: usize,
    /// The aliases that are being written out.
    aliases: Vec<u32>,
}

impl Decoder<'_> {
    fn node(&self, number: u32) -> Result<Node, Error> {
        // Numbers are those of nodes.
        let node = self.tree.node(number).copied();
        node.ok_or_else(|| Error::value("no such node"))
    }

    /// Counts a node, as Go does against documents that aliases blow up.
    fn count(&mut self) -> Result<(), Error> {
        self.nodes += 1;
        if !self.aliases.is_empty() {
            self.aliased += 1;
        }
        let is_too_much = self.aliased > 100 && self.nodes > 1000 && self.ratio() > allowed_ratio(self.nodes);
        self.check(is_too_much || self.aliased > self.limits.aliased_nodes)
    }

    fn check(&self, is_too_much: bool) -> Result<(), Error> {
        if is_too_much {
            return Err(Error::value("document contains excessive aliasing"));
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "it is what Go does")]
    fn ratio(&self) -> f64 {
        self.aliased as f64 / self.nodes as f64
    }

    fn value(&mut self, number: u32, depth: usize) -> Result<Go, Error> {
        self.count()?;
        match self.node(number)?.kind {
            Kind::Scalar {
                text,
                tag,
                is_implicit,
            } => {
                let text = self.tree.text(text);
                if !self.aliases.is_empty() {
                    self.aliased_bytes += text.len();
                    self.check(self.aliased_bytes > self.limits.aliased_bytes)?;
                }
                resolve(text, tag, is_implicit)
            }
            Kind::Alias { target, .. } => self.within_alias(number, |decoder| decoder.value(target, depth)),
            Kind::Sequence => {
                go_deeper(depth)?;
                let mut list = Vec::new();
                for child in self.tree.children(number) {
                    list.push(self.value(child, depth + 1)?);
                }
                Ok(Go::List(list))
            }
            Kind::Mapping => {
                let mut map = BTreeMap::new();
                self.mapping(number, &mut map, depth)?;
                Ok(Go::Map(map))
            }
        }
    }

    fn within_alias<T>(
        &mut self,
        number: u32,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.aliases.contains(&number) {
            let name = match self.node(number)?.kind {
                Kind::Alias { name, .. } => self.tree.text(name),
                _ => "",
            };
            return Err(Error::value(format!("anchor '{name}' value contains itself")));
        }
        self.aliases.push(number);
        let done = work(self)?;
        self.aliases.pop();
        Ok(done)
    }

    /// Adds the pairs of a map to one.
    fn mapping(&mut self, number: u32, map: &mut BTreeMap<Key, Go>, depth: usize) -> Result<(), Error> {
        go_deeper(depth)?;
        let mut children = self.tree.children(number);
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            if self.is_merge(key)? {
                self.merge(value, map, depth)?;
                continue;
            }
            let key = Key::new(self.value(key, depth + 1)?)
                .map_err(|key| Error::value(format!("invalid map key: {}", key.shown())))?;
            let line = self.node(value)?.line;
            let value = self.value(value, depth + 1)?;
            if key.is_equal_to_itself() && map.contains_key(&key) {
                self.duplicates.add(line, &key);
            }
            if let Key::Float(_) = key {
                // Zero has two forms, of which the last stays.
                map.remove(&key);
            }
            map.insert(key, value);
        }
        Ok(())
    }

    /// Whether a key is `<<`, without quotes or with the tag `!!merge`.
    fn is_merge(&self, key: u32) -> Result<bool, Error> {
        Ok(match self.node(key)?.kind {
            Kind::Scalar {
                text,
                tag,
                is_implicit,
            } => self.tree.text(text) == "<<" && (is_implicit || tag == Tag::Merge),
            _ => false,
        })
    }

    /// Adds to a map the pairs of another, or of several, of which the first counts most. They replace what the map has already.
    fn merge(&mut self, number: u32, map: &mut BTreeMap<Key, Go>, depth: usize) -> Result<(), Error> {
        match self.node(number)?.kind {
            Kind::Sequence => {
                let children: Vec<u32> = self.tree.children(number).collect();
                for child in children.into_iter().rev() {
                    self.merge_one(child, map, depth)?;
                }
                Ok(())
            }
            _ => self.merge_one(number, map, depth),
        }
    }

    fn merge_one(&mut self, number: u32, map: &mut BTreeMap<Key, Go>, depth: usize) -> Result<(), Error> {
        let alias = match self.node(number)?.kind {
            Kind::Alias { target, .. } => Some(target),
            _ => None,
        };
        if !matches!(self.node(alias.unwrap_or(number))?.kind, Kind::Mapping) {
            return Err(Error::value(
                "map merge requires map or sequence of maps as the value",
            ));
        }
        self.count()?;
        let Some(target) = alias else {
            return self.mapping(number, map, depth + 1);
        };
        self.within_alias(number, |decoder| {
            decoder.count()?;
            decoder.mapping(target, map, depth + 1)
        })
    }
}

fn go_deeper(depth: usize) -> Result<(), Error> {
    if depth < MAX_DEPTH {
        Ok(())
    } else {
        Err(Error::depth(0))
    }
}

/// Which part of so many nodes may come from aliases: from 99 % down to 10 %.
#[expect(clippy::cast_precision_loss, reason = "it is what Go does")]
fn allowed_ratio(nodes: usize) -> f64 {
    if nodes <= FEW_NODES {
        0.99
    } else if nodes >= MANY_NODES {
        0.10
    } else {
        0.99 - 0.89 * ((nodes - FEW_NODES) as f64 / (MANY_NODES - FEW_NODES) as f64)
    }
}
