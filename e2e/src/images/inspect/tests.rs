//! Archives that somebody else made, good and bad.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::images::{archive, catalog};

/// A file that goes away with the test.
struct Archive(PathBuf);

impl Archive {
    fn new(bytes: &[u8]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("annex-inspect-{}-{number}.tar", std::process::id()));
        std::fs::write(&path, bytes).expect("written");
        Self(path)
    }

    fn tar(files: &[(&str, String)]) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, contents) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(contents.len() as u64);
            tar.append_data(&mut header, name, contents.as_bytes())
                .expect("appended");
        }
        Self::new(&tar.into_inner().expect("finished"))
    }

    fn inspect(&self) -> Result<Contents, Error> {
        inspect(&self.0, Architecture::Amd64)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn docker(architecture: &str, layer: &str) -> Archive {
    let manifest = json!([{"Config": "abc.json", "RepoTags": ["team/app:1", "localhost/app:1"],
                           "Layers": ["abc/layer.tar"]}]);
    let config = json!({"architecture": architecture, "os": "linux", "config": {}});
    Archive::tar(&[
        ("./manifest.json", manifest.to_string()),
        ("./abc.json", config.to_string()),
        (layer, "the layer".to_owned()),
    ])
}

fn oci(architecture: Architecture) -> Vec<u8> {
    archive::lay_out(&catalog::etcd(Path::new("")), architecture, b"program", 0)
        .expect("laid out")
        .archive
}

#[test]
fn reads_docker_archives_by_their_full_names() {
    let contents = docker("amd64", "abc/layer.tar").inspect().expect("good");
    assert_eq!(contents.images, 1);
    assert_eq!(contents.references, ["docker.io/team/app:1", "localhost/app:1"]);
}

#[test]
fn reads_oci_archives_gzipped_too() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&oci(Architecture::Amd64)).expect("compressed");
    let archive = Archive::new(&gzip.finish().expect("finished"));
    assert_eq!(
        archive.inspect().expect("good").references,
        ["localhost/etcd:v3.6.16"]
    );
}

#[test]
fn follows_an_index_of_several_platforms_and_skips_attestations() {
    let nested = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": archive::MANIFEST_TYPE, "digest": "sha256:aa", "size": 1},
        {"mediaType": archive::MANIFEST_TYPE, "digest": "sha256:left-out", "size": 1},
        {"mediaType": archive::MANIFEST_TYPE, "digest": "sha256:dd", "size": 1,
         "platform": {"architecture": "unknown", "os": "unknown"}}]});
    let index = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": archive::INDEX_TYPE, "digest": "sha256:ee", "size": 1,
         "annotations": {REF_NAME: "1.0"}}]});
    let manifest = json!({"schemaVersion": 2, "layers": [],
        "config": {"mediaType": "any", "digest": "sha256:cc", "size": 1}});
    let archive = Archive::tar(&[
        ("index.json", index.to_string()),
        ("blobs/sha256/ee", nested.to_string()),
        ("blobs/sha256/aa", manifest.to_string()),
        (
            "blobs/sha256/cc",
            json!({"architecture": "amd64", "os": "linux"}).to_string(),
        ),
        ("blobs/sha256/dd", "no manifest at all".to_owned()),
    ]);
    assert_eq!(
        archive.inspect().expect("good"),
        Contents {
            images: 1,
            references: Vec::new()
        }
    );
}

#[test]
fn another_architecture_is_named() {
    let error = docker("arm64", "abc/layer.tar").inspect().expect_err("refused");
    assert_eq!(
        error.to_string(),
        "for linux/arm64, and this machine is linux/amd64"
    );
    let error = Archive::new(&oci(Architecture::Arm64))
        .inspect()
        .expect_err("refused");
    assert!(matches!(error, Error::WrongArchitecture { .. }), "{error}");
}

#[test]
fn what_is_no_image_archive_is_told_apart() {
    let error = Archive::new(
        b"\x7fELF no tar, but long enough for a look"
            .repeat(40)
            .as_slice(),
    )
    .inspect();
    assert!(matches!(error, Err(Error::NotATar(_))), "{error:?}");
    let whole = oci(Architecture::Amd64);
    let error = Archive::new(&whole[..whole.len() / 2]).inspect();
    assert!(matches!(error, Err(Error::NotATar(_))), "{error:?}");
    let error = Archive::tar(&[("README", "hello".to_owned())]).inspect();
    assert!(matches!(error, Err(Error::NoManifest)), "{error:?}");
    let error = Archive::tar(&[("manifest.json", "[]".to_owned())]).inspect();
    assert!(matches!(error, Err(Error::Empty("manifest.json"))), "{error:?}");
    let error = Archive::tar(&[("index.json", "{".to_owned())]).inspect();
    assert!(matches!(error, Err(Error::Decode { .. })), "{error:?}");
    let error = inspect(Path::new("/does/not/exist.tar"), Architecture::Amd64);
    assert!(matches!(error, Err(Error::Open(_))), "{error:?}");
}

#[test]
fn a_missing_layer_is_named() {
    let error = docker("amd64", "somewhere/else.tar")
        .inspect()
        .expect_err("refused");
    assert_eq!(error.to_string(), "abc/layer.tar is missing");
}

#[test]
fn short_docker_names_get_their_registry() {
    assert_eq!(full_reference("app:1"), "docker.io/library/app:1");
    assert_eq!(full_reference("registry:5000/app:1"), "registry:5000/app:1");
    assert_eq!(full_reference("ghcr.io/team/app:1"), "ghcr.io/team/app:1");
}
