//! What a definition says, word for word, in a file for each subsection: for who writes a server that says the same.

use std::fmt::Write as _;
use std::path::Path;

use super::SECTIONS;
use super::lanes::Played;
use super::play::Said;
use crate::files;
use crate::scenarios::Failure;

/// Headers that tell of a connection, or that are others each time.
const UNTOLD: [&str; 3] = ["date", "audit-id", "content-length"];

/// Writes what the first side said.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(directory: &Path, played: &[Played]) -> Result<(), Failure> {
    for (section, _) in SECTIONS {
        let prefix = format!("{section} ");
        let mut text = String::new();
        for played in played.iter().filter(|played| played.title.starts_with(&prefix)) {
            writeln!(text, "######## {}\n", played.title)?;
            for (request, said) in played
                .requests
                .iter()
                .zip(played.said.first().into_iter().flatten())
            {
                let headers: Vec<String> = request
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\n"))
                    .collect();
                writeln!(
                    text,
                    "#### {}\n{} {}\n{}{}\n{}",
                    request.title,
                    request.method,
                    request.path,
                    headers.concat(),
                    request.body,
                    shown(said)
                )?;
            }
        }
        files::write(&directory.join(format!("{section}.txt")), &text)?;
    }
    Ok(())
}

fn shown(said: &Said) -> String {
    let mut text = format!("-> {}\n", said.code);
    for (name, value) in &said.head {
        if !UNTOLD.contains(&name.as_str()) && !name.as_str().starts_with("x-kubernetes-pf") {
            text += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
        }
    }
    if said.text.is_empty() {
        for value in &said.body {
            text += &format!("{value}\n");
        }
    } else {
        text += &said.text;
    }
    text + "\n"
}
