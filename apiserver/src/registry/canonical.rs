//! What is stored as a client would see it, and what has to be defaulted first.
//!
//! Kubernetes defaults every object when it is decoded, also on its way out of the storage: an object that was stored
//! before a default existed shows it all the same, in every version. Here most reads decode nothing. So each value is
//! stored with a fingerprint of what made it complete; one with another fingerprint, or none, is decoded once, and what
//! that came to is kept with the entry.

use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroU64;
use std::sync::OnceLock;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Registry;
use crate::managed_fields::remove_managed_fields;
use crate::object::{EncodingKey, Object};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::storage::{Entry, Key, Revision, StorageError};

/// Raised when this library writes the same object in other words.
const ENCODING: u64 = 1;

/// The fingerprint of all that decides what a complete object of a resource is, as it is stored: the schema of the
/// storage version, and the program, whose code may default what no schema tells.
pub(super) fn fingerprint(resource: &Resource) -> NonZeroU64 {
    let schema = resource
        .any_version(&resource.storage_version)
        .map_or(0, |version| version.schema.fingerprint);
    let mut hasher = Sha256::new();
    for number in [ENCODING, schema, program()] {
        hasher.update(number.to_be_bytes());
    }
    hasher.update(resource.storage_version.as_bytes());
    NonZeroU64::new(head(&hasher.finalize())).unwrap_or(NonZeroU64::MIN)
}

/// What the program is read from. Unit tests run in a program of hundreds of megabytes, and are none that stores: of them it is
/// the command line.
const PROGRAM: &str = if cfg!(test) {
    "/proc/self/cmdline"
} else {
    "/proc/self/exe"
};

/// A hash of the program that runs; where it cannot be read, a number that no other run of it has.
fn program() -> u64 {
    static HASH: OnceLock<u64> = OnceLock::new();
    *HASH.get_or_init(|| match hash_of(PROGRAM) {
        Ok(hash) => hash,
        Err(error) => {
            tracing::warn!(%error, "the program cannot be read: what is stored is looked at once more");
            rand::random()
        }
    })
}

fn hash_of(path: &str) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(head(&hasher.finalize())),
            read => hasher.update(&part[..read]),
        }
    }
}

fn head(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// What becomes of an object that is too large for the store with its managedFields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oversize {
    /// It is refused.
    Refused,
    /// It is stored without them.
    WithoutManagers,
}

impl Registry {
    /// Creates what was defaulted in the version `defaulted_in`: only in the storage version is that what makes it
    /// complete.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn store_new(
        &self,
        key: &Key,
        value: Bytes,
        defaulted_in: &str,
        oversize: Oversize,
    ) -> Result<Entry, StorageError> {
        let created = self.create_stored(key, value.clone(), defaulted_in).await;
        match self.within_limit(&created, &value, oversize) {
            Some(smaller) => self.create_stored(key, smaller, defaulted_in).await,
            None => created,
        }
    }

    async fn create_stored(
        &self,
        key: &Key,
        value: Bytes,
        defaulted_in: &str,
    ) -> Result<Entry, StorageError> {
        if defaulted_in == self.rules.resource.storage_version {
            self.storage.create_canonical(key, value, self.schema).await
        } else {
            self.storage.create(key, value).await
        }
    }

    /// The same for a change of `entry`.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn store_changed(
        &self,
        entry: &Entry,
        value: Bytes,
        defaulted_in: &str,
        oversize: Oversize,
    ) -> Result<Entry, StorageError> {
        let updated = self.update_stored(entry, value.clone(), defaulted_in).await;
        match self.within_limit(&updated, &value, oversize) {
            Some(smaller) if smaller == *entry.value() => Ok(entry.clone()),
            Some(smaller) => self.update_stored(entry, smaller, defaulted_in).await,
            None => updated,
        }
    }

    async fn update_stored(
        &self,
        entry: &Entry,
        value: Bytes,
        defaulted_in: &str,
    ) -> Result<Entry, StorageError> {
        let (key, expected) = (entry.key(), entry.revision());
        if defaulted_in == self.rules.resource.storage_version {
            let updated = self.storage.update_canonical(key, expected, value, self.schema);
            updated.await
        } else {
            self.storage.update(key, expected, value).await
        }
    }

    /// What a dry run would have stored of what was defaulted in the version `defaulted_in`.
    pub(super) fn not_stored(&self, key: Key, value: Bytes, revision: Revision, defaulted_in: &str) -> Entry {
        let entry = Entry::new(key, value, revision);
        if defaulted_in == self.rules.resource.storage_version {
            entry.set_schema(self.schema);
        }
        entry
    }

    /// What is to be tried of a value that was too large: it without its managedFields, which may be more than half of it. Go:
    /// `isTooLargeError` in `endpoints/handlers`.
    fn within_limit(
        &self,
        stored: &Result<Entry, StorageError>,
        value: &[u8],
        oversize: Oversize,
    ) -> Option<Bytes> {
        if oversize == Oversize::Refused || !matches!(stored, Err(StorageError::ValueTooLarge { .. })) {
            return None;
        }
        let mut object = Object(serde_json::from_slice(value).ok()?);
        remove_managed_fields(&mut object)?;
        self.value(&object).ok()
    }

    /// The value of `entry`, which begins as one in the storage version does, or in another where conversion has to wait, complete; `None`: it is so as it is stored.
    ///
    /// # Errors
    /// 500: it cannot be read.
    pub(super) fn completed(&self, entry: &Entry) -> Result<Option<Bytes>, ApiError> {
        if self.is_canonical(entry) {
            return Ok(None);
        }
        let key: EncodingKey = self.schema.get();
        let encodings = &entry.facts().encodings;
        if let Some(completed) = encodings.get(key) {
            return Ok(Some(completed));
        }
        let (version, mut object) = self.parse_stored(entry)?;
        // Compared as text, which takes a small part of what another object would.
        let stored = self.value(&object)?;
        self.rules.resource.strategy.default_fields(&version, &mut object);
        let completed = self.value(&object)?;
        // Canonical is what is complete in the storage version: what stands in another one is written again by the next write.
        if completed == stored && version == self.rules.resource.storage_version {
            entry.set_schema(self.schema);
            return Ok(None);
        }
        encodings.get_or_make(key, || Ok(completed)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let hash = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            hash_of(path.to_str().unwrap()).unwrap()
        };
        let large = vec![7; 200_000];
        assert_eq!(hash("a", &large), hash("b", &large));
        let mut other = large.clone();
        other[199_999] = 8;
        assert_ne!(hash("a", &large), hash("c", &other));
        assert!(hash_of("/nowhere").is_err());
        assert_eq!(program(), program());
    }
}
