//! The parts of a parsed pattern, with what Go's limits count of them.

use super::runes::Runes;

/// How high a pattern's tree may be.
pub(super) const MAX_HEIGHT: usize = 1000;

/// How many instructions Go would compile a pattern into.
pub(super) const MAX_SIZE: u64 = (128 << 20) / 40;

/// How often repetitions within each other may repeat what is in them.
pub(super) const MAX_REPEAT: u32 = 1000;

#[derive(Debug)]
pub(super) enum Kind {
    Empty,
    /// A text, in any case if it is folded. Half of a surrogate pair may be in it.
    Literal {
        runes: Vec<u32>,
        folded: bool,
    },
    Class(Runes),
    BeginLine,
    EndLine,
    BeginText,
    EndText,
    WordBoundary,
    NoWordBoundary,
    Capture(Box<Node>),
    /// `*`, `+`, `?` and counted.
    Repeat {
        times: Times,
        greedy: bool,
        of: Box<Node>,
    },
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
}

/// How often something is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Star,
    Plus,
    Question,
    /// `{min,max}`; without a maximum any number of times.
    Counted {
        min: u32,
        max: Option<u32>,
    },
}

impl Times {
    /// How many copies a counted repetition is taken for.
    pub(super) fn copies(self) -> u32 {
        match self {
            Self::Counted { min, max } => max.unwrap_or(min).max(1),
            _ => 1,
        }
    }

    /// The size of something of this size, repeated.
    fn size(self, of: u64) -> u64 {
        match self {
            Self::Star | Self::Counted { min: 0, max: None } => of + 2,
            Self::Plus | Self::Question => of + 1,
            Self::Counted { min, max: None } => u64::from(min).saturating_mul(of).saturating_add(1),
            Self::Counted { min, max: Some(max) } => u64::from(max)
                .saturating_mul(of)
                .saturating_add(u64::from(max - min.min(max))),
        }
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) height: usize,
    pub(super) size: u64,
    /// The most copies that counted repetitions within each other make of anything in it.
    pub(super) copies: u32,
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        let subs: &[Self] = match &kind {
            Kind::Capture(of) | Kind::Repeat { of, .. } => std::slice::from_ref(&**of),
            Kind::Concat(subs) | Kind::Alternate(subs) => subs,
            _ => &[],
        };
        let sizes = subs.iter().fold(0_u64, |all, sub| all.saturating_add(sub.size));
        let size = match &kind {
            Kind::Literal { runes, .. } => runes.len() as u64,
            Kind::Capture(_) => sizes.saturating_add(2),
            Kind::Repeat { times, .. } => times.size(sizes),
            Kind::Alternate(subs) => sizes.saturating_add((subs.len() as u64).saturating_sub(1)),
            _ => sizes,
        };
        let within = subs.iter().map(|sub| sub.copies).max().unwrap_or(1);
        let copies = match kind {
            Kind::Repeat {
                times: Times::Counted { max: Some(0), .. },
                ..
            } => 1,
            Kind::Repeat { times, .. } => times.copies().saturating_mul(within),
            _ => within,
        };
        let height = 1 + subs.iter().map(|sub| sub.height).max().unwrap_or(0);
        Self {
            height,
            size: size.max(1),
            copies,
            kind,
        }
    }

    /// Whether this is one character of a set.
    pub(super) fn is_class(&self) -> bool {
        match &self.kind {
            Kind::Class(_) => true,
            Kind::Literal { runes, .. } => runes.len() == 1,
            _ => false,
        }
    }

    /// Takes what another set or character stands for into this one.
    pub(super) fn unite(&mut self, other: &Self) {
        let mut all = match &mut self.kind {
            Kind::Class(runes) => std::mem::take(runes),
            _ => self.as_class(),
        };
        match &other.kind {
            Kind::Class(runes) => all.add_all(runes),
            _ => all.add_all(&other.as_class()),
        }
        *self = Self::new(Kind::Class(all));
    }

    /// The set of a literal.
    fn as_class(&self) -> Runes {
        let mut all = Runes::default();
        if let Kind::Literal { runes, folded } = &self.kind {
            for &rune in runes {
                if *folded {
                    all.add_folded(rune, rune);
                } else {
                    all.add(rune, rune);
                }
            }
        }
        all
    }
}
