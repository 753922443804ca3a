//! From stored bytes to what a client of some version sees, and back.
//!
//! A read in the storage version decodes nothing: the resourceVersion is spliced into the stored bytes, where these are
//! complete (`canonical`). Any other one is decoded, defaulted and converted once for each version, and kept beside the
//! entry.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Pieces, Registry};
use crate::object::{EncodingKey, Object};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::storage::{Entry, Revision, StorageError};

/// How the value of an object in `version` begins, as this server and Go's write it.
pub(super) fn head(resource: &Resource, version: &str) -> Vec<u8> {
    let api_version = Value::from(resource.api_version(version));
    let kind = Value::from(resource.names.kind.as_str());
    format!(r#"{{"kind":{kind},"apiVersion":{api_version},"metadata":{{"#).into_bytes()
}

impl Registry {
    /// The JSON of `entry` in `version`, with its resourceVersion (a dry run's has none), in parts that need no copy. Where conversion has
    /// to wait, it is [converted](Self::entry_in) already.
    ///
    /// # Errors
    /// 500: what is stored cannot be read, or not be had in this version.
    pub fn pieces(&self, entry: &Entry, version: &str) -> Result<Pieces, ApiError> {
        if let Some(head) = self.head_of(entry, version) {
            let at = head.len();
            let completed = self.completed(entry)?;
            let value = completed.as_ref().unwrap_or_else(|| entry.value());
            if entry.revision() == Revision::ZERO {
                return Ok(Pieces::whole(value.slice(..value.trim_ascii_end().len())));
            }
            let comma = !value[at..].trim_ascii_start().starts_with(b"}");
            return Ok(Pieces::spliced(value, at, comma, entry.revision().get()));
        }
        let converted = entry
            .facts()
            .encodings
            .get_or_make(self.encoding_key(version), || {
                let object = self.decode(entry, version)?;
                let bytes = write(&object).map_err(internal)?;
                Ok(Bytes::from(bytes))
            });
        Ok(Pieces::whole(converted?))
    }

    /// The same, without `metadata.managedFields` where the client drops them: a splice too, where they stand in what is stored.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub fn pieces_to_send(
        &self,
        entry: &Entry,
        version: &str,
        drops_managed_fields: bool,
    ) -> Result<Pieces, ApiError> {
        let pieces = self.pieces(entry, version)?;
        if !drops_managed_fields {
            return Ok(pieces);
        }
        if entry.revision() == Revision::ZERO || !self.is_copied(entry, version) {
            return Ok(pieces.without_managed_fields());
        }
        Ok(match entry.facts().managed_fields(entry.value()) {
            Some(found) => pieces.without(found),
            None => pieces,
        })
    }

    /// Whether what is stored is what a client of `version` is sent, but for the resourceVersion: to be copied, not looked at.
    #[must_use]
    pub fn is_copied(&self, entry: &Entry, version: &str) -> bool {
        self.is_canonical(entry) && self.head_of(entry, version).is_some()
    }

    /// How the value of `entry` begins, where it is an object in `version` as this server writes it.
    fn head_of(&self, entry: &Entry, version: &str) -> Option<&Bytes> {
        let head = if version == self.rules.resource.storage_version {
            &self.stored_head
        } else {
            self.versions.head(version)?
        };
        entry.value().starts_with(head).then_some(head)
    }

    /// The JSON of `entry` in `version`, with its resourceVersion, in one.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub fn encode(&self, entry: &Entry, version: &str) -> Result<Bytes, ApiError> {
        Ok(self.pieces(entry, version)?.into_bytes())
    }

    /// `entry` in `version`, with its resourceVersion: for whoever must look inside. Where conversion has to wait, it is
    /// [converted](Self::entry_in) already.
    ///
    /// # Errors
    /// As [`Registry::pieces`].
    pub fn decode(&self, entry: &Entry, version: &str) -> Result<Object, ApiError> {
        self.read_in(self.stored(entry)?, entry, version)
    }

    /// `object`, which is what is [`stored`](Self::stored) in `entry`, in `version`, with its resourceVersion.
    ///
    /// # Errors
    /// 500: it cannot be had in this version.
    pub(super) fn read_in(&self, object: Object, entry: &Entry, version: &str) -> Result<Object, ApiError> {
        let mut object = self.rules.in_version(object, version).map_err(internal)?;
        if entry.revision() != Revision::ZERO {
            object.set_meta("resourceVersion", &entry.revision().to_string());
        }
        Ok(object)
    }

    /// The stored object, defaulted, in the version that it was stored in.
    pub(super) fn stored(&self, entry: &Entry) -> Result<Object, ApiError> {
        let (version, mut object) = self.parse_stored(entry)?;
        if !self.is_canonical(entry) {
            self.rules.resource.strategy.default_fields(&version, &mut object);
        }
        Ok(object)
    }

    /// Whether the value of `entry` is known to be complete as it is stored.
    pub(super) fn is_canonical(&self, entry: &Entry) -> bool {
        entry.schema() == Some(self.schema)
    }

    /// The stored object as it is, and the version that it was stored in.
    pub(super) fn parse_stored(&self, entry: &Entry) -> Result<(String, Object), ApiError> {
        if entry.is_lost() {
            return Err(internal(StorageError::Unreadable {
                key: entry.key().to_string(),
                reason: entry.damage().unwrap_or_default().to_owned(),
            }));
        }
        let fields = parse(entry.value())
            .map_err(|error| internal(format!("unable to decode {}: {error}", entry.key())))?;
        let object = Object(fields);
        let version = self.rules.version_of(&object).map(str::to_owned).ok_or_else(|| {
            let message = format!(
                "unable to decode {}: no version {:?}",
                entry.key(),
                object.api_version()
            );
            internal(message)
        })?;
        Ok((version, object))
    }

    /// What is stored of `object`, which is in the storage version: JSON without a resourceVersion, with a newline, as
    /// Go's serializer writes it.
    pub(super) fn value(&self, object: &Object) -> Result<Bytes, ApiError> {
        let mut value = write(object).map_err(internal)?;
        value.push(b'\n');
        Ok(value.into())
    }

    fn encoding_key(&self, version: &str) -> EncodingKey {
        let mut hasher = DefaultHasher::new();
        "object".hash(&mut hasher);
        version.hash(&mut hasher);
        let schema = self
            .rules
            .resource
            .any_version(version)
            .map(|found| found.schema.fingerprint);
        // What is stored is completed by the schema of its own version before it is converted.
        (schema, self.schema).hash(&mut hasher);
        hasher.finish()
    }
}

/// The fields of an object's JSON.
fn parse(value: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    // Looked at as text once, and not string by string.
    match str::from_utf8(value) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(value),
    }
}

/// JSON with `kind`, `apiVersion` and `metadata` first.
fn write(object: &Object) -> Result<Vec<u8>, serde_json::Error> {
    const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];
    let first = FIRST.iter().filter_map(|key| object.0.get_key_value(*key));
    let rest = object.0.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    for (index, (key, value)) in first.chain(rest).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut out, key)?;
        out.push(b':');
        serde_json::to_writer(&mut out, value)?;
    }
    out.push(b'}');
    Ok(out)
}

/// The JSON of an object as it is sent.
///
/// # Errors
/// 500: it cannot be written.
pub(crate) fn encode_object(object: &Object) -> Result<Bytes, ApiError> {
    Ok(write(object).map_err(internal)?.into())
}

fn internal(error: impl ToString) -> ApiError {
    ApiError::Internal(error.to_string())
}
