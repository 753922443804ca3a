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
        let cut = first_runes(text, most);
        written += runes(cut);
        values.extend(header_value(cut));
    }
    values
}

/// At most so many characters of a text. Most have fewer bytes than that: a warning of a deprecated version is in every answer.
fn first_runes(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most).map(|(end, _)| end);
    end.map_or(text, |end| &text[..end])
}

fn runes(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// `None`: a text with control characters, which Go leaves out too.
fn header_value(text: &str) -> Option<HeaderValue> {
    let is_control = if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    };
    if is_control {
        return None;
    }
    let mut value = String::with_capacity(text.len() + 16);
    value.push_str("299 - \"");
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"']) {
        let (before, from) = rest.split_at(at);
        let (quoted, behind) = from.split_at(1);
        for part in [before, "\\", quoted] {
            value.push_str(part);
        }
        rest = behind;
    }
    value.push_str(rest);
    value.push('"');
    HeaderValue::try_from(value).ok()
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
        assert_eq!(written(&[r#"\a"\"#]), [r#"299 - "\\a\"\\""#]);
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        let texts = ["ü".repeat(4090), "ö".repeat(100)];
        let shown: Vec<usize> = written(&[&texts[0], &texts[1]])
            .iter()
            .map(|value| value.chars().count())
            .collect();
        let around = r#"299 - """#.len();
        assert_eq!(shown, [256 + around, 100 + around]);
        assert_eq!(written(&[&texts[0]])[0].chars().count(), 4090 + around);
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
