//! Image archives that hold one static program, in Docker's format.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An archive that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the image {reference} to {}", path.display())]
pub struct Error {
    reference: String,
    path: PathBuf,
    source: io::Error,
}

/// Writes the archive of an image whose only file, and entry point, is the program.
///
/// # Errors
/// When the program cannot be read or the archive not be written.
pub fn write(reference: &str, program: &Path, archive: &Path) -> Result<(), Error> {
    let failed = |source| Error {
        reference: reference.to_owned(),
        path: archive.to_owned(),
        source,
    };
    let content = contents(reference, program).map_err(failed)?;
    crate::files::write(archive, content).map_err(|error| failed(io::Error::other(error)))
}

fn contents(reference: &str, program: &Path) -> io::Result<Vec<u8>> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let layer = tar_of(&[(&name, &std::fs::read(program)?, 0o755)])?;
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": { "Entrypoint": [format!("/{name}")], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex_digest(&layer))] },
        "history": [{ "created_by": "annex-e2e" }],
    })
    .to_string();
    let config_name = format!("{}.json", hex_digest(config.as_bytes()));
    let manifest =
        json!([{ "Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"] }]).to_string();
    tar_of(&[
        ("layer.tar", &layer, 0o644),
        (&config_name, config.as_bytes(), 0o644),
        ("manifest.json", manifest.as_bytes(), 0o644),
    ])
}

fn tar_of(files: &[(&str, &[u8], u32)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content, mode) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(0);
        tar.append_data(&mut header, name, *content)?;
    }
    tar.into_inner()
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
