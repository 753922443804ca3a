//! What an image archive holds, read before a container runtime is asked to take it: runtimes say little about what
//! they do not understand, and take images of another processor without a word.
//!
//! Understood, plain or gzipped: the OCI image layout, and what `docker save` writes (docker-archive). An archive
//! that is both, as newer Dockers write, is read as OCI; so does containerd.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::archive::{CONTAINERD_NAME, Descriptor, Index, Manifest, Platform, REF_NAME};
use super::platform::Architecture;

/// Files up to this size are kept while reading: the documents of an image, not its layers.
const DOCUMENT_LIMIT: u64 = 1 << 20;
/// All documents of one archive together.
const DOCUMENTS_LIMIT: u64 = 32 << 20;
/// Indexes inside indexes: one level is usual (several platforms), more is refused.
const NESTING_LIMIT: usize = 2;

/// What an archive holds for one architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// Number of images that run on it.
    pub images: usize,
    /// The full names that containerd will give them. An image may have several, or none.
    pub references: Vec<String>,
}

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("failed to open the archive")]
    Open(#[source] std::io::Error),
    /// The file is neither a tar archive nor a gzipped one, or it is cut short.
    #[error("not a whole tar archive (plain or gzip)")]
    NotATar(#[source] std::io::Error),
    /// Neither layout's first file is there.
    #[error("no image archive: it has neither index.json (OCI) nor manifest.json (docker save)")]
    NoManifest,
    /// It is an image archive without an image.
    #[error("{0} lists no image")]
    Empty(&'static str),
    /// One of the documents is not what it should be.
    #[error("failed to decode {name}")]
    Decode {
        /// The file's name in the archive.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file that another one refers to is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// Indexes refer to indexes without end.
    #[error("image indexes are nested too deeply")]
    TooDeep,
    /// A digest that is no `algorithm:hex`.
    #[error("{0:?} is not a digest")]
    Digest(String),
    /// There are images, but none for this machine.
    #[error("for {found}, and this machine is linux/{wanted}")]
    WrongArchitecture {
        /// The platforms that there are, comma-joined.
        found: String,
        /// This machine's.
        wanted: Architecture,
    },
}

/// Reads the archive at `path` and checks that a machine of architecture `wanted` can run what it holds.
///
/// # Errors
/// What is wrong with the archive.
pub fn inspect(path: &Path, wanted: Architecture) -> Result<Contents, Error> {
    let documents = Documents::read(path)?;
    let mut found = if documents.has("index.json") {
        documents.oci()?
    } else if documents.has("manifest.json") {
        documents.docker()?
    } else {
        return Err(Error::NoManifest);
    };
    let platforms: BTreeSet<String> = found
        .iter()
        .map(|image| format!("{}/{}", image.platform.os, image.platform.architecture))
        .collect();
    found.retain(|image| image.platform.os == "linux" && image.platform.architecture == wanted.oci_name());
    if found.is_empty() {
        let found = platforms.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::WrongArchitecture { found, wanted });
    }
    let images = found.len();
    let references: BTreeSet<String> = found.into_iter().flat_map(|image| image.references).collect();
    Ok(Contents {
        images,
        references: references.into_iter().collect(),
    })
}

/// The archive's bytes, decompressed where they are gzip.
///
/// # Errors
/// The file cannot be opened or read.
pub(super) fn open(path: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let gzip = file.read(&mut magic)? == magic.len() && magic == [0x1f, 0x8b];
    file.rewind()?;
    let file = BufReader::new(file);
    Ok(if gzip {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

struct Image {
    platform: Platform,
    references: Vec<String>,
}

/// An entry of docker-archive's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The small files of an archive, and the names of all.
struct Documents {
    contents: BTreeMap<String, Vec<u8>>,
    names: BTreeSet<String>,
}

impl Documents {
    fn read(path: &Path) -> Result<Self, Error> {
        let reader = open(path).map_err(Error::Open)?;
        Self::read_tar(reader).map_err(Error::NotATar)
    }

    fn read_tar(reader: impl Read) -> std::io::Result<Self> {
        let mut documents = Self {
            contents: BTreeMap::new(),
            names: BTreeSet::new(),
        };
        let mut kept = 0;
        for entry in tar::Archive::new(reader).entries()? {
            let mut entry = entry?;
            let name = entry.path()?.display().to_string();
            let name = name.trim_start_matches("./").to_owned();
            let size = entry.size();
            if entry.header().entry_type().is_file()
                && size <= DOCUMENT_LIMIT
                && kept + size <= DOCUMENTS_LIMIT
            {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                kept += size;
                documents.contents.insert(name.clone(), bytes);
            }
            documents.names.insert(name);
        }
        Ok(documents)
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn decode<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let bytes = self
            .contents
            .get(name)
            .ok_or_else(|| Error::Missing(name.to_owned()))?;
        serde_json::from_slice(bytes).map_err(|source| Error::Decode {
            name: name.to_owned(),
            source,
        })
    }

    fn require(&self, name: String) -> Result<(), Error> {
        if self.has(&name) {
            Ok(())
        } else {
            Err(Error::Missing(name))
        }
    }

    fn oci(&self) -> Result<Vec<Image>, Error> {
        let index: Index = self.decode("index.json")?;
        let mut images = Vec::new();
        for entry in &index.manifests {
            let references: Vec<String> = oci_reference(entry).into_iter().collect();
            for platform in self.oci_platforms(entry, 0)? {
                images.push(Image {
                    platform,
                    references: references.clone(),
                });
            }
        }
        if images.is_empty() {
            Err(Error::Empty("index.json"))
        } else {
            Ok(images)
        }
    }

    /// The platforms of a manifest, or of the manifests of an index that are in the archive.
    fn oci_platforms(&self, entry: &Descriptor, depth: usize) -> Result<Vec<Platform>, Error> {
        let name = blob_name(&entry.digest)?;
        if !is_index(&entry.media_type) {
            return Ok(vec![self.oci_manifest(&name)?]);
        }
        if depth == NESTING_LIMIT {
            return Err(Error::TooDeep);
        }
        let index: Index = self.decode(&name)?;
        let mut platforms = Vec::new();
        for entry in &index.manifests {
            // Attestations are listed under an unknown platform; other platforms' manifests may have been left out.
            let attestation = entry
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "unknown");
            if !attestation && self.has(&blob_name(&entry.digest)?) {
                platforms.extend(self.oci_platforms(entry, depth + 1)?);
            }
        }
        Ok(platforms)
    }

    fn oci_manifest(&self, name: &str) -> Result<Platform, Error> {
        let manifest: Manifest = self.decode(name)?;
        for layer in &manifest.layers {
            self.require(blob_name(&layer.digest)?)?;
        }
        self.decode(&blob_name(&manifest.config.digest)?)
    }

    fn docker(&self) -> Result<Vec<Image>, Error> {
        let list: Vec<DockerImage> = self.decode("manifest.json")?;
        if list.is_empty() {
            return Err(Error::Empty("manifest.json"));
        }
        list.into_iter()
            .map(|image| {
                image
                    .layers
                    .into_iter()
                    .try_for_each(|layer| self.require(layer))?;
                let tags = image.repo_tags.unwrap_or_default();
                let references = tags.iter().map(|tag| full_reference(tag)).collect();
                Ok(Image {
                    platform: self.decode(&image.config)?,
                    references,
                })
            })
            .collect()
    }
}

fn is_index(media_type: &str) -> bool {
    media_type == super::archive::INDEX_TYPE
        || media_type == "application/vnd.docker.distribution.manifest.list.v2+json"
}

fn blob_name(digest: &str) -> Result<String, Error> {
    digest
        .split_once(':')
        .filter(|(algorithm, hex)| !algorithm.is_empty() && !hex.is_empty() && !hex.contains('/'))
        .map(|(algorithm, hex)| format!("blobs/{algorithm}/{hex}"))
        .ok_or_else(|| Error::Digest(digest.to_owned()))
}

/// The name that containerd gives an image of an OCI layout: its own annotation, else a `ref.name` that is more than
/// a tag.
fn oci_reference(entry: &Descriptor) -> Option<String> {
    let whole = entry.annotations.get(CONTAINERD_NAME);
    let reference = entry
        .annotations
        .get(REF_NAME)
        .filter(|name| name.contains(['/', ':', '@']));
    whole.or(reference).cloned()
}

/// A docker tag with registry and namespace, as containerd stores it: a first part without dot or colon that is not
/// `localhost` is no registry but a namespace of docker.io.
fn full_reference(tag: &str) -> String {
    match tag.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => tag.to_owned(),
        Some(_) => format!("docker.io/{tag}"),
        None => format!("docker.io/library/{tag}"),
    }
}

#[cfg(test)]
mod tests;
