//! What a client is warned of, in `Warning` headers. Go: `pkg/warning`, and the recorder of `endpoints/filters/warning.go`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header::WARNING};

/// Runes of all warnings together, before each is cut.
const TOTAL_RUNES: usize = 4096;
/// Runes of one warning, where they must be cut.
const ITEM_RUNES: usize = 256;

/// The warnings of one request: each text once, in the order in which they came up.
///
/// Cheap to clone: all clones are one. The server's chain puts one into the request's extensions and writes it into the
/// answer, whichever answer it is.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<Texts>>);

#[derive(Debug, Default)]
struct Texts {
    /// In order; no more than headers are written of.
    ordered: Vec<String>,
    seen: HashSet<String>,
    /// Runes of them all.
    total: usize,
    /// Runes of them all where each is cut.
    cut: usize,
}

impl Texts {
    /// Whether the headers are full: as in Go's recorder, what comes then is not looked at.
    fn is_full(&self) -> bool {
        self.total > TOTAL_RUNES && self.cut >= TOTAL_RUNES
    }

    fn add(&mut self, text: String) {
        if text.is_empty() || self.is_full() || self.seen.contains(&text) {
            return;
        }
        let runes = text.chars().count();
        self.total += runes;
        self.cut += runes.min(ITEM_RUNES);
        self.seen.insert(text.clone());
        self.ordered.push(text);
    }
}

impl Warnings {
    /// Warns of `text`.
    pub fn add(&self, text: impl Into<String>) {
        self.lock().add(text.into());
    }

    /// Warns of all of them.
    pub fn extend(&self, texts: impl IntoIterator<Item = String>) {
        let mut all = self.lock();
        for text in texts {
            all.add(text);
        }
    }

    /// The texts.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.lock().ordered.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Texts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the headers of all warnings into `headers`, in place of those that are there.
    pub fn write(&self, headers: &mut HeaderMap) {
        let texts = self.lock();
        if texts.ordered.is_empty() {
            return;
        }
        headers.remove(WARNING);
        for value in header_values(&texts.ordered, texts.total) {
            headers.append(WARNING, value);
        }
    }
}

/// `299 - "text"` of each text; together they are bounded as k8s.io/apiserver bounds them.
fn header_values(texts: &[String], total: usize) -> Vec<HeaderValue> {
    let most = if total > TOTAL_RUNES {
        ITEM_RUNES
    } else {
        TOTAL_RUNES
    };
    let mut written = 0;
    let mut values = Vec::new();
    for text in texts {
        if written >= TOTAL_RUNES {
            break;
        }
        let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
        let cut = &text[..end];
        written += cut.chars().count();
        values.extend(header_value(cut));
    }
    values
}

/// `None`: a text with control characters, which Go leaves out too.
fn header_value(text: &str) -> Option<HeaderValue> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(texts: &[&str]) -> Vec<String> {
        let warnings = Warnings::default();
        warnings.extend(texts.iter().map(ToString::to_string));
        let mut headers = HeaderMap::new();
        warnings.write(&mut headers);
        warnings.write(&mut headers);
        headers
            .get_all(WARNING)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    }

    #[test]
    fn each_warning_stands_once_and_quoted() {
        assert_eq!(
            written(&[
                r#"unknown field "spec.x""#,
                "",
                "ü",
                r#"unknown field "spec.x""#,
                "a\nb"
            ]),
            [r#"299 - "unknown field \"spec.x\"""#, "299 - \"ü\""]
        );
    }

    #[test]
    fn what_no_header_is_written_of_is_not_kept() {
        let warnings = Warnings::default();
        warnings.extend((0..100_000).map(|number| number.to_string()));
        assert!(warnings.texts().len() < TOTAL_RUNES, "{}", warnings.texts().len());
        let before = warnings.texts();
        warnings.extend((0..100_000).map(|number| format!("other {number}")));
        assert_eq!(warnings.texts(), before);
    }

    #[test]
    fn too_many_are_cut() {
        let long = vec!["x".repeat(300); 20]
            .into_iter()
            .enumerate()
            .map(|(number, text)| format!("{number:02}{text}"))
            .collect::<Vec<_>>();
        let texts: Vec<&str> = long.iter().map(String::as_str).collect();
        let written = written(&texts);
        assert_eq!(written.len(), 16);
        assert!(
            written
                .iter()
                .all(|value| value.len() == 256 + r#"299 - """#.len())
        );
    }
}
