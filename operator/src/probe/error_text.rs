//! A peer's own words, made fit for a status message.

/// The most characters of a peer's text that are passed on.
pub(super) const MAX_CHARS: usize = 200;

/// `text` in one line of at most [`MAX_CHARS`] characters, without control characters.
pub(super) fn tidy(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_bounded_line() {
        assert_eq!(tidy(" a\r\n\tb\u{1b}[31mc\0 "), "a b [31mc");
        assert_eq!(tidy(&"é".repeat(500)).chars().count(), MAX_CHARS);
        assert_eq!(tidy(""), "");
    }
}
