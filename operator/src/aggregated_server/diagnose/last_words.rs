//! What a container said last, from the termination message that the kubelet keeps of it: the file `terminationMessagePath`, or, with
//! `terminationMessagePolicy: FallbackToLogsOnError`, the end of its log. No log is read.

/// The longest that is quoted, in characters.
const MAX_CHARS: usize = 200;

/// The last line of `message` that says anything, on one line and without characters that a terminal would obey; its beginning, where
/// it is long.
#[must_use]
pub(super) fn last_words(message: &str) -> Option<String> {
    let line = message.lines().map(printable).rfind(|line| !line.is_empty())?;
    let mut words: String = line.chars().take(MAX_CHARS).collect();
    if words.len() < line.len() {
        words.pop();
        words.push('…');
    }
    Some(words)
}

/// Without control characters, those that change the direction of a text among them, and colours.
fn printable(line: &str) -> String {
    let mut shown = String::new();
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            // A control sequence ends with its first letter (ECMA-48).
            '\u{1b}' if chars.as_str().starts_with('[') => {
                chars.by_ref().skip(1).find(|char| ('@'..='~').contains(char));
            }
            '\t' => shown.push(' '),
            char if char.is_control() || is_invisible(char) => {}
            char => shown.push(char),
        }
    }
    shown.trim().to_owned()
}

/// Unicode's line and paragraph separators, marks of direction, and characters of no width.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_anything_is_quoted() {
        for (message, quoted) in [
            ("", None),
            (" \n\n\u{7}\n", None),
            ("one\ntwo\n\n", Some("two")),
            ("one\r\n  panic:\tno such file \r\n", Some("panic: no such file")),
            ("\u{1b}[31mred\u{1b}[0m\u{0}\u{8}", Some("red")),
            ("a\u{202e}b\u{2028}c\u{1b}", Some("abc")),
        ] {
            assert_eq!(last_words(message).as_deref(), quoted, "{message:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "ä".repeat(MAX_CHARS);
        assert_eq!(last_words(&long), Some(long.clone()));
        let words = last_words(&format!("{long}b")).unwrap();
        assert_eq!(words.chars().count(), MAX_CHARS);
        assert!(words.ends_with("ä…"), "{words}");
    }
}
