//! Sets of characters, surrogates among them as in Go's: the ranges of a class while it is written down.

use crate::unicode;

/// How many ranges the classes of a pattern may be made of in all.
pub(crate) const MAX_RANGES: usize = 1 << 18;

/// The last character.
pub(crate) const MAX_RUNE: u32 = 0x10_FFFF;

/// A set of characters as ranges, ends included. They may overlap, in any order, until it is cleaned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runes {
    ranges: Vec<(u32, u32)>,
    /// How many ranges there were when it was last cleaned.
    cleaned: usize,
    /// How many ranges were ever added: what it took to make this set.
    added: usize,
}

impl Runes {
    /// Of one range.
    pub(crate) fn range(low: u32, high: u32) -> Self {
        Self::from(vec![(low, high)])
    }

    /// Every character but the end of a line.
    pub(crate) fn but_newline() -> Self {
        Self::from(vec![(0, 9), (11, MAX_RUNE)])
    }

    pub(crate) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// How many ranges this set was made of.
    pub(crate) fn added(&self) -> usize {
        self.added
    }

    /// Adds a range. What is added over and over takes no more room than twice what is in it.
    pub(crate) fn add(&mut self, low: u32, high: u32) {
        self.added += 1;
        if let Some(last) = self.ranges.last_mut()
            && low <= last.1.saturating_add(1)
            && last.0 <= high.saturating_add(1)
        {
            *last = (last.0.min(low), last.1.max(high));
            return;
        }
        self.ranges.push((low, high));
        if self.ranges.len() > 2 * self.cleaned + 64 {
            self.clean();
        }
    }

    /// Adds a range and all cases of what is in it.
    pub(crate) fn add_folded(&mut self, low: u32, high: u32) {
        self.add(low, high);
        for (_, other) in unicode::cases_within(low, high) {
            self.add(other, other);
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for &(low, high) in &other.ranges {
            self.add(low, high);
        }
    }

    /// This set and all cases of what is in it.
    pub(crate) fn folded(&self) -> Self {
        let mut folded = Self::default();
        for &(low, high) in &self.ranges {
            folded.add_folded(low, high);
        }
        folded
    }

    /// All that is not in this set.
    pub(crate) fn negated(mut self) -> Self {
        self.clean();
        let (mut others, mut next) = (Vec::with_capacity(self.ranges.len() + 1), 0);
        for &(low, high) in &self.ranges {
            if next < low {
                others.push((next, low - 1));
            }
            next = high + 1;
        }
        if next <= MAX_RUNE {
            others.push((next, MAX_RUNE));
        }
        let mut others = Self::from(others);
        others.added += self.added;
        others
    }

    /// Sorts the ranges and merges what meets.
    pub(crate) fn clean(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, last| {
            let meets = next.0 <= last.1 + 1;
            if meets {
                last.1 = last.1.max(next.1);
            }
            meets
        });
        self.cleaned = self.ranges.len();
    }
}

impl From<Vec<(u32, u32)>> for Runes {
    fn from(ranges: Vec<(u32, u32)>) -> Self {
        let cleaned = ranges.len();
        Self {
            ranges,
            cleaned,
            added: cleaned,
        }
    }
}
