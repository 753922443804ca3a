//! Numbers with check digits: books and credit cards (`govalidator`).

use std::sync::LazyLock;

use crate::pattern::Pattern;

pub(super) const CREDIT_CARD: &str = r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$";

/// Of a card's number, whatever else stands between the digits.
pub(super) fn is_credit_card(text: &str) -> bool {
    static CARD: LazyLock<Option<Pattern>> = LazyLock::new(|| Pattern::new(CREDIT_CARD).ok());
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !CARD.as_ref().is_some_and(|card| card.is_match(&digits)) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0') << (index % 2);
            value % 10 + value / 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The text without spaces and dashes.
fn bare(text: &str) -> Vec<u8> {
    let kept = text.bytes().filter(|b| !b"\t\n\x0C\r -".contains(b));
    kept.collect()
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

pub(super) fn is_isbn10(text: &str) -> bool {
    let bare = bare(text);
    let [first @ .., last] = &*bare else {
        return false;
    };
    if first.len() != 9 || !first.iter().all(u8::is_ascii_digit) || !(last.is_ascii_digit() || *last == b'X')
    {
        return false;
    }
    let sum: u32 = (1..).zip(first).map(|(factor, byte)| factor * digit(*byte)).sum();
    let last = if *last == b'X' { 10 } else { digit(*last) };
    (sum + 10 * last).is_multiple_of(11)
}

pub(super) fn is_isbn13(text: &str) -> bool {
    let bare = bare(text);
    let [first @ .., last] = &*bare else {
        return false;
    };
    if first.len() != 12 || !bare.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = first
        .iter()
        .zip([1, 3].into_iter().cycle())
        .map(|(byte, factor)| factor * digit(*byte))
        .sum();
    digit(*last) == (10 - sum % 10) % 10
}
