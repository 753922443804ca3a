//! Lists of errors in messages and causes. Kubernetes lists whatever is wrong, each with its value: an object that is wrong
//! at ten thousand places would be answered by many times its size. Here a list ends early, and says so.

use std::borrow::Cow;
use std::collections::HashSet;

use super::quote::cut;

/// The most errors that a message, or the causes of a Status, list.
pub(crate) const MOST_LISTED: usize = 100;

/// Bytes of one listed error: each of its parts is cut already where it is a [`super::FieldError`].
const MOST_OF_ONE: usize = 16 * 1024;

/// Bytes of listed errors after which no further one is listed.
const MOST_BYTES: usize = 64 * 1024;

/// Bytes of a message: a full list, and what stands around it.
pub(super) const MOST_OF_MESSAGE: usize = MOST_BYTES + 2 * MOST_OF_ONE;

/// Counts what is listed, up to where a list ends.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    listed: usize,
    bytes: usize,
}

impl Limit {
    /// Whether one more is listed, of so many bytes.
    pub(crate) fn admits(&mut self, bytes: usize) -> bool {
        if self.listed >= MOST_LISTED || self.bytes > MOST_BYTES {
            return false;
        }
        self.listed += 1;
        self.bytes += bytes;
        true
    }

    /// How many are listed.
    pub(crate) fn count(&self) -> usize {
        self.listed
    }

    /// What stands at the end of a list that ended early.
    pub(crate) fn rest(&self) -> String {
        format!("too many errors: only the first {} are listed", self.listed)
    }
}

/// Errors in one line, each text once, as `utilerrors.NewAggregate` writes them: a single one as it is.
pub(crate) fn listed<T: ToString>(errors: impl IntoIterator<Item = T>) -> String {
    let mut limit = Limit::default();
    let mut seen = HashSet::new();
    let mut texts = Vec::new();
    for error in errors {
        // A text that stood before counts too: it was made all the same.
        if !limit.admits(0) {
            texts.push(limit.rest());
            break;
        }
        let mut text = error.to_string();
        if let Cow::Owned(short) = cut(&text, MOST_OF_ONE) {
            text = short;
        }
        limit.bytes += text.len();
        if seen.insert(text.clone()) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [] => String::new(),
        [text] => text.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_stands_once() {
        assert_eq!(listed::<&str>([]), "");
        assert_eq!(listed(["a", "a"]), "a");
        assert_eq!(listed(["a", "b", "a"]), "[a, b]");
    }

    #[test]
    fn a_list_ends_early_and_says_so() {
        let text = listed((0..MOST_LISTED).map(|number| number.to_string()));
        assert!(text.ends_with(" 99]"), "{text}");
        let text = listed((0..=MOST_LISTED).map(|number| number.to_string()));
        assert!(
            text.ends_with(" 99, too many errors: only the first 100 are listed]"),
            "{text}"
        );
        let long = "x".repeat(40 * 1024);
        let text = listed((0..10).map(|number| format!("{number}{long}")));
        assert!(text.ends_with("too many errors: only the first 4 are listed]"));
        assert!(text.len() < 100 * 1024, "{}", text.len());
    }
}
