//! What is made of an object once and used many times: encodings, and what plugins read it as.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// What an encoding depends on beside the object itself: the version, the fingerprint of the schema that made it, the
/// kind of event, and the transformation (Table, PartialObjectMetadata), hashed to one number by whoever encodes.
pub type EncodingKey = u64;

/// A few encodings of one object or event. Most have one; a linear search beats a map.
#[derive(Debug, Default)]
pub struct EncodingCache(Mutex<Vec<(EncodingKey, Cached)>>);

#[derive(Debug)]
enum Cached {
    Encoded(Bytes),
    /// A value of a type that whoever keeps it here knows.
    Decoded(Arc<dyn Any + Send + Sync>),
}

impl Cached {
    fn encoded(&self) -> Option<Bytes> {
        match self {
            Self::Encoded(bytes) => Some(bytes.clone()),
            Self::Decoded(_) => None,
        }
    }

    fn decoded(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        match self {
            Self::Encoded(_) => None,
            Self::Decoded(value) => Some(value.clone()),
        }
    }
}

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
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = find(&cached, key, Cached::encoded) {
            return Ok(bytes);
        }
        let bytes = make()?;
        cached.push((key, Cached::Encoded(bytes.clone())));
        Ok(bytes)
    }

    /// The encoding under `key`, where it was made.
    #[must_use]
    pub fn get(&self, key: EncodingKey) -> Option<Bytes> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        find(&cached, key, Cached::encoded)
    }

    /// The decoded value under `key`, where one of this type is kept.
    #[must_use]
    pub fn decoded<T: Send + Sync + 'static>(&self, key: EncodingKey) -> Option<Arc<T>> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        find(&cached, key, Cached::decoded)?.downcast().ok()
    }

    /// Keeps a decoded value under `key`, in the place of one that is there.
    pub fn keep_decoded<T: Send + Sync + 'static>(&self, key: EncodingKey, value: Arc<T>) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.retain(|(found, cached)| *found != key || cached.decoded().is_none());
        cached.push((key, Cached::Decoded(value)));
    }

    /// Keeps a decoded value under `key`, unless one of this type is there; returns the one that is there then.
    pub fn keep_first<T: Send + Sync + 'static>(&self, key: EncodingKey, value: Arc<T>) -> Arc<T> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(found)) = find(&cached, key, Cached::decoded).map(Arc::downcast) {
            return found;
        }
        cached.push((key, Cached::Decoded(value.clone())));
        value
    }

    /// Drops all. Who comes later makes them again.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }
}

/// The first under `key` that `is` what is wanted.
fn find<T>(
    cached: &[(EncodingKey, Cached)],
    key: EncodingKey,
    is: impl Fn(&Cached) -> Option<T>,
) -> Option<T> {
    let of_key = cached.iter().filter(|(found, _)| *found == key);
    of_key.map(|(_, cached)| cached).find_map(is)
}
