//! Bytes in JSON, as Go's `encoding/json` reads them: base64 by `encoding/base64`'s `StdEncoding`, which skips line ends and does not
//! look at the bits that padding leaves over.

use ::base64::Engine as _;
use ::base64::alphabet::STANDARD;
use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as ENCODER};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A text that is no base64. Go: `base64.CorruptInputError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub(super) struct CorruptInput(usize);

/// The base64 that Go writes for the bytes that `text` says.
///
/// # Errors
/// It says none.
pub(super) fn canonical(text: &str) -> Result<String, CorruptInput> {
    check(text.as_bytes())?;
    let letters = text.replace(['\n', '\r'], "");
    let bytes = LENIENT.decode(letters).map_err(|_| CorruptInput(0))?;
    Ok(ENCODER.encode(bytes))
}

/// The base64 that Go writes for `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    ENCODER.encode(bytes)
}

/// Go: `decodeQuantum`, over the whole text.
fn check(text: &[u8]) -> Result<(), CorruptInput> {
    let mut at = 0;
    loop {
        // How many letters of a group of four there are.
        let mut letters = 0;
        while letters < 4 {
            let Some(letter) = text.get(at) else {
                return if letters == 0 {
                    Ok(())
                } else {
                    Err(CorruptInput(at - letters))
                };
            };
            at += 1;
            match letter {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => letters += 1,
                b'\n' | b'\r' => {}
                b'=' if letters >= 2 => return check_padding(text, at, letters),
                _ => return Err(CorruptInput(at - 1)),
            }
        }
    }
}

/// What follows the first `=`, which ends at `at`, after so many letters of a group.
fn check_padding(text: &[u8], at: usize, letters: usize) -> Result<(), CorruptInput> {
    let after_line_ends = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let skipped = rest.iter().take_while(|letter| matches!(letter, b'\n' | b'\r'));
        from + skipped.count()
    };
    let mut at = after_line_ends(at);
    if letters == 2 {
        match text.get(at) {
            None => return Err(CorruptInput(text.len())),
            Some(b'=') => at = after_line_ends(at + 1),
            Some(_) => return Err(CorruptInput(at - 1)),
        }
    }
    if at < text.len() {
        return Err(CorruptInput(at));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_go_reads_it() {
        for (text, expected) in [
            ("", Ok("")),
            ("aGVsbG8=", Ok("aGVsbG8=")),
            ("aGVs\nbG8=\r\n", Ok("aGVsbG8=")),
            ("aGVsbG9=", Ok("aGVsbG8=")),
            ("aA==", Ok("aA==")),
            ("???", Err(0)),
            ("aGVsbG8", Err(4)),
            ("aGVsbG8-", Err(7)),
            ("a===", Err(1)),
            ("aA=", Err(3)),
            ("aA=A", Err(2)),
            ("aA==A", Err(4)),
            ("aGVsbG8=aA==", Err(8)),
        ] {
            let expected = expected.map(ToOwned::to_owned).map_err(CorruptInput);
            assert_eq!(canonical(text), expected, "{text:?}");
        }
    }
}
