//! What strict decoding finds in a body: unknown fields and fields that stand twice, each told once, in the order in which
//! they were met. As in Go's decoder there are at most a hundred; here the texts are bounded too, since each says the whole
//! path to its field, which is as long as its client likes.

use std::collections::HashSet;

use crate::status::{MOST_LISTED, MOST_SHOWN, Quoted, cut};

/// Bytes of paths after which no further finding is told.
const MOST_BYTES: usize = 64 * 1024;

/// Findings of strict decoding.
#[derive(Debug, Default)]
pub(crate) struct StrictFindings {
    texts: Vec<String>,
    seen: HashSet<String>,
    /// Bytes of all texts that were made, also of those that stood there already.
    made: usize,
    /// Whether there was more than is told.
    has_more: bool,
}

impl StrictFindings {
    fn is_full(&self) -> bool {
        self.texts.len() >= MOST_LISTED || self.made >= MOST_BYTES
    }

    fn keep(&mut self, text: String) {
        if !self.seen.contains(&text) {
            self.seen.insert(text.clone());
            self.texts.push(text);
        }
    }

    /// Tells a field that stands twice, or that is unknown (`what`), by its path, unless it was told before. `path` is not called
    /// where nothing more is told.
    pub(crate) fn add_field(&mut self, what: &str, path: impl FnOnce() -> String) {
        if self.is_full() {
            self.has_more = true;
            return;
        }
        let path = path();
        // The whole path was made, though of a long one the beginning is told.
        self.made += path.len();
        self.keep(format!("{what} field {}", Quoted(&path)));
    }

    /// Tells a field that a definition's schema does not know: Go puts its path between quotes, and quotes nothing of it.
    pub(crate) fn add_unknown(&mut self, path: impl FnOnce() -> String) {
        if self.is_full() {
            self.has_more = true;
            return;
        }
        let path = path();
        self.made += path.len();
        self.keep(format!("unknown field \"{}\"", cut(&path, MOST_SHOWN)));
    }

    /// Notes that there is more than is told.
    pub(crate) fn has_more(&mut self) {
        self.has_more = true;
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The texts, and at their end whether there are more.
    pub(crate) fn into_texts(self) -> Vec<String> {
        let mut texts = self.texts;
        if self.has_more {
            let told = texts.len();
            texts.push(format!("too many errors: only the first {told} are listed"));
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_told_once_and_only_the_first_hundred() {
        let mut findings = StrictFindings::default();
        for number in 0..1000 {
            findings.add_field("unknown", || format!("a{}", number / 2));
        }
        let texts = findings.into_texts();
        assert_eq!(texts.len(), MOST_LISTED + 1);
        assert_eq!(texts[1], r#"unknown field "a1""#);
        assert_eq!(
            texts[MOST_LISTED],
            "too many errors: only the first 100 are listed"
        );
    }

    #[test]
    fn long_paths_end_the_list_early() {
        let mut findings = StrictFindings::default();
        let path = "x".repeat(40 * 1024);
        let mut made = 0;
        for _ in 0..1000 {
            findings.add_field("duplicate", || {
                made += 1;
                path.clone()
            });
        }
        let texts = findings.into_texts();
        assert_eq!((made, texts.len()), (2, 2));
        assert!(texts[0].len() < 5000, "{}", texts[0].len());
    }
}
