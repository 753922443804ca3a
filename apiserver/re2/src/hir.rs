//! What `regex-automata` compiles, of a parsed pattern.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

use super::node::{Kind, Node, Times};
use super::runes::{MAX_RUNE, Runes};

/// The expression of a node.
pub(super) fn of(node: &Node) -> Hir {
    match &node.kind {
        Kind::Empty => Hir::empty(),
        Kind::Literal { runes, folded } => {
            Hir::concat(runes.iter().map(|rune| literal(*rune, *folded)).collect())
        }
        Kind::Class(runes) => class(runes),
        Kind::BeginLine => Hir::look(Look::StartLF),
        Kind::EndLine => Hir::look(Look::EndLF),
        Kind::BeginText => Hir::look(Look::Start),
        Kind::EndText => Hir::look(Look::End),
        Kind::WordBoundary => Hir::look(Look::WordAscii),
        Kind::NoWordBoundary => Hir::look(Look::WordAsciiNegate),
        // Whether a text matches does not depend on what is captured.
        Kind::Capture(of) => self::of(of),
        Kind::Repeat { times, greedy, of } => {
            let (min, max) = match *times {
                Times::Star => (0, None),
                Times::Plus => (1, None),
                Times::Question => (0, Some(1)),
                Times::Counted { min, max } => (min, max),
            };
            Hir::repetition(Repetition {
                min,
                max,
                greedy: *greedy,
                sub: Box::new(self::of(of)),
            })
        }
        Kind::Concat(subs) => Hir::concat(all(subs)),
        Kind::Alternate(subs) => Hir::alternation(all(subs)),
    }
}

fn all(nodes: &[Node]) -> Vec<Hir> {
    nodes.iter().map(of).collect()
}

fn literal(rune: u32, folded: bool) -> Hir {
    if folded {
        let mut cases = Runes::default();
        cases.add_folded(rune, rune);
        return class(&cases);
    }
    // Half of a surrogate pair is nowhere in a text.
    char::from_u32(rune).map_or_else(Hir::fail, |c| Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()))
}

/// The class without the surrogates.
fn class(runes: &Runes) -> Hir {
    let halves = runes
        .ranges()
        .iter()
        .flat_map(|&(low, high)| [(low, high.min(0xD7FF)), (low.max(0xE000), high.min(MAX_RUNE))]);
    let ranges = halves
        .filter(|(low, high)| low <= high)
        .filter_map(|(low, high)| {
            Some(ClassUnicodeRange::new(
                char::from_u32(low)?,
                char::from_u32(high)?,
            ))
        });
    Hir::class(Class::Unicode(ClassUnicode::new(ranges)))
}
