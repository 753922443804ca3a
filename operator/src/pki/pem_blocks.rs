//! A strict reader of PEM files that hold certificates and nothing else.
//!
//! Stricter than Go's `pem.Decode` and the usual crates, which skip what they cannot read: a bundle that is
//! half lost must be noticed, not published. What is accepted here is also accepted, block for block, by Go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::inspect::BundleError;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The DER of each certificate block, in order. Text before a block is a comment (RFC 7468 §2), text after the
/// last one is refused: it is what a truncated or garbled file looks like.
pub(super) fn certificate_blocks(pem: &str) -> Result<Vec<Vec<u8>>, BundleError> {
    let mut blocks = Vec::new();
    let mut comment = false;
    let mut open: Option<(usize, String)> = None;
    for (index, line) in pem.lines().enumerate() {
        let text = line.trim_end();
        match &mut open {
            None if text == BEGIN => {
                comment = false;
                open = Some((index + 1, String::new()));
            }
            // Another kind of block, or a boundary that lost a character.
            None if text.trim_start().starts_with("-----") => {
                return Err(BundleError::BadPem { line: index + 1 });
            }
            None => comment |= !text.is_empty(),
            Some((line, body)) if text == END => {
                let der = STANDARD
                    .decode(&*body)
                    .map_err(|_| BundleError::BadPem { line: *line })?;
                blocks.push(der);
                open = None;
            }
            Some((_, body)) => body.push_str(text),
        }
    }
    if let Some((line, _)) = open {
        return Err(BundleError::BadPem { line });
    }
    match (blocks.is_empty(), comment) {
        (true, _) => Err(BundleError::NoCertificate),
        (false, true) => Err(BundleError::TrailingText),
        (false, false) => Ok(blocks),
    }
}
