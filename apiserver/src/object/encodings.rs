//! Encodings that are made once and served many times.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// What an encoding depends on beside the object itself: the version, the fingerprint of the schema that made it, the
/// kind of event, and the transformation (Table, PartialObjectMetadata), hashed to one number by whoever encodes.
pub type EncodingKey = u64;

/// A few encodings of one object or event. Most have one; a linear search beats a map.
#[derive(Debug, Default)]
pub struct EncodingCache(Mutex<Vec<(EncodingKey, Bytes)>>);

impl EncodingCache {
    /// The encoding under `key`, made by `make` where it is not there yet. `make` runs under the cache's lock, so that
    /// it runs once; it must not wait.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or_make<E>(
        &self,
        key: EncodingKey,
        make: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let mut encodings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = encodings.iter().find(|(found, _)| *found == key) {
            return Ok(bytes.clone());
        }
        let bytes = make()?;
        encodings.push((key, bytes.clone()));
        Ok(bytes)
    }

    /// The encoding under `key`, where it was made.
    #[must_use]
    pub fn get(&self, key: EncodingKey) -> Option<Bytes> {
        let encodings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = encodings.iter().find(|(found, _)| *found == key);
        found.map(|(_, bytes)| bytes.clone())
    }

    /// Drops all. Who comes later makes them again.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }
}
