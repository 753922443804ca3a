//! One static program as an OCI image-layout archive, in memory, reproducibly.
//!
//! Shape: OCI image-spec v1.1, "Image Layout", "Manifest", "Configuration" and "Layer Filesystem Changeset". Equal
//! inputs give equal bytes: entries in a fixed order, dates from the caller, owner root, maps sorted by key.
//! containerd takes an image's name from `io.containerd.image.name`; `org.opencontainers.image.ref.name` is
//! everybody else's, and holds the tag.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::catalog::ImageSpec;
use super::platform::Architecture;

pub(super) const LAYOUT_VERSION: &str = "1.0.0";
pub(super) const CONTAINERD_NAME: &str = "io.containerd.image.name";
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// What Docker gives an image that says nothing, so that a program started by a bare name is found alike.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image's archive and its name by content.
#[derive(Debug)]
pub struct LaidOut {
    /// The OCI image layout, as a tar archive.
    pub archive: Vec<u8>,
    /// The manifest's digest, `sha256:…`.
    pub digest: String,
}

/// Why an image could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be added to an archive.
    #[error("failed to add {name} to the archive")]
    Append {
        /// The file's name in the archive.
        name: String,
        /// What the writer said.
        source: std::io::Error,
    },
    /// The layer could not be compressed.
    #[error("failed to compress the layer")]
    Compress(#[source] std::io::Error),
    /// One of the JSON documents could not be encoded.
    #[error("failed to encode the image's documents")]
    Encode(#[source] serde_json::Error),
    /// The date is out of range.
    #[error("the date {0} is out of range")]
    Date(u64),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: &'static str,
}

/// An OCI descriptor, as far as archives of images use it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
}

/// What a program needs to run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Platform {
    pub(super) architecture: String,
    pub(super) os: String,
}

/// `index.json`, and nested indexes.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    pub(super) media_type: Option<String>,
    pub(super) manifests: Vec<Descriptor>,
}

/// An image manifest.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    pub(super) media_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Serialize)]
struct Configuration {
    created: String,
    #[serde(flatten)]
    platform: Platform,
    config: Execution,
    rootfs: RootFs,
    history: [History; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    env: Vec<&'static str>,
    entrypoint: [String; 1],
    working_dir: &'static str,
    labels: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [String; 1],
}

#[derive(Serialize)]
struct History {
    created: String,
    created_by: String,
}

/// The archive of the image that holds `program` alone.
///
/// `created` is the date of everything in it, in seconds since 1970.
///
/// # Errors
/// A name that a tar header cannot hold, or a date beyond the calendar.
pub fn lay_out(
    spec: &ImageSpec,
    architecture: Architecture,
    program: &[u8],
    created: u64,
) -> Result<LaidOut, Error> {
    let changeset = changeset(spec, program, created)?;
    let layer = compress(&changeset)?;
    let config = encode(&configuration(spec, architecture, &changeset, created)?)?;
    let manifest = encode(&Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST_TYPE.to_owned()),
        config: descriptor(CONFIG_TYPE, &config),
        layers: vec![descriptor(LAYER_TYPE, &layer)],
    })?;
    let mut entry = descriptor(MANIFEST_TYPE, &manifest);
    entry.platform = Some(platform(architecture));
    entry.annotations = BTreeMap::from([
        (CONTAINERD_NAME.to_owned(), spec.reference.clone()),
        (REF_NAME.to_owned(), spec.tag().to_owned()),
    ]);
    let index = Index {
        schema_version: 2,
        media_type: Some(INDEX_TYPE.to_owned()),
        manifests: vec![entry],
    };
    let archive = layout_archive(&encode(&index)?, &[&manifest, &config, &layer], created)?;
    Ok(LaidOut {
        archive,
        digest: digest(&manifest),
    })
}

/// The layer: the program, owned by root, executable by all, and nothing else.
fn changeset(spec: &ImageSpec, program: &[u8], created: u64) -> Result<Vec<u8>, Error> {
    let mut tar = tar::Builder::new(Vec::with_capacity(program.len() + 4096));
    append(&mut tar, &spec.name, 0o755, created, program)?;
    finish(tar)
}

fn layout_archive(index: &[u8], blobs: &[&[u8]], created: u64) -> Result<Vec<u8>, Error> {
    let size: usize = blobs.iter().map(|blob| blob.len()).sum();
    let mut tar = tar::Builder::new(Vec::with_capacity(size + 16 * 1024));
    let layout = encode(&Layout {
        image_layout_version: LAYOUT_VERSION,
    })?;
    append(&mut tar, "oci-layout", 0o644, created, &layout)?;
    append(&mut tar, "index.json", 0o644, created, index)?;
    for blob in blobs {
        append(
            &mut tar,
            &format!("blobs/sha256/{}", hex_digest(blob)),
            0o644,
            created,
            blob,
        )?;
    }
    finish(tar)
}

fn append(
    tar: &mut tar::Builder<Vec<u8>>,
    name: &str,
    mode: u32,
    created: u64,
    bytes: &[u8],
) -> Result<(), Error> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(created);
    // A slice's length always fits.
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes)
        .map_err(|source| Error::Append {
            name: name.to_owned(),
            source,
        })
}

fn finish(tar: tar::Builder<Vec<u8>>) -> Result<Vec<u8>, Error> {
    tar.into_inner().map_err(|source| Error::Append {
        name: "its end".to_owned(),
        source,
    })
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    // flate2's header carries neither a date nor a file name.
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(bytes.len() / 2),
        flate2::Compression::default(),
    );
    encoder.write_all(bytes).map_err(Error::Compress)?;
    encoder.finish().map_err(Error::Compress)
}

fn configuration(
    spec: &ImageSpec,
    architecture: Architecture,
    changeset: &[u8],
    created: u64,
) -> Result<Configuration, Error> {
    let date = i64::try_from(created)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .ok_or(Error::Date(created))?
        .to_string();
    Ok(Configuration {
        created: date.clone(),
        platform: platform(architecture),
        config: Execution {
            user: spec.user.clone(),
            env: [PATH].into_iter().chain(spec.env.iter().copied()).collect(),
            entrypoint: [spec.entrypoint()],
            working_dir: "/",
            labels: BTreeMap::from([
                ("org.opencontainers.image.title", spec.name.clone()),
                ("org.opencontainers.image.version", spec.tag().to_owned()),
                ("org.opencontainers.image.licenses", spec.licenses.clone()),
            ]),
        },
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: [digest(changeset)],
        },
        history: [History {
            created: date,
            created_by: format!("COPY {} /", spec.name),
        }],
    })
}

fn platform(architecture: Architecture) -> Platform {
    Platform {
        architecture: architecture.oci_name().to_owned(),
        os: "linux".to_owned(),
    }
}

fn descriptor(media_type: &str, blob: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: digest(blob),
        size: blob.len() as u64,
        annotations: BTreeMap::new(),
        platform: None,
    }
}

fn encode<T: Serialize>(document: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(document).map_err(Error::Encode)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex_digest(bytes))
}

fn hex_digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
