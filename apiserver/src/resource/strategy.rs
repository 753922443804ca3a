//! The strategy of a resource: preparation, validation, defaulting and conversion of its objects, as pure functions. Go:
//! `RESTCreateStrategy` and `RESTUpdateStrategy` of `registry/rest`, and the scheme's defaulting and conversion.

use std::time::Instant;

use annex_schema::UnknownFields;

use super::Conversion;
use crate::object::Object;
use crate::status::FieldError;

/// An object that cannot be had in another version, or is none of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConversionError(pub String);

/// How much of a processor's time rules may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleBudget {
    /// So little that nobody notices: a few milliseconds.
    Short,
    /// What Kubernetes lets an object have: some hundred milliseconds, and no more than until then.
    Full {
        /// When the request ends.
        until: Instant,
    },
}

/// What rules say of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFindings {
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// What the client should be warned of, whatever becomes of the write.
    pub warnings: Vec<String>,
}

/// What is done to a resource's objects. Pure: no method waits or reads a clock, but for the end of rules that run for too long.
///
/// Order of a create: `normalize` and `default_fields` in the request's version, `convert` to the hub,
/// `prepare_for_create`, `validate`, `validate_rules`, `convert` to the storage version. Of an update the same with
/// `prepare_for_update` and `validate_update`, of one at `/status` with `prepare_for_status_update` and
/// `validate_status_update`. Of a read: `default_fields` in the storage version, `convert`.
pub trait Strategy: Send + Sync + 'static {
    /// The object as its type writes it: unknown fields are gone, fields that the type always writes are there.
    ///
    /// # Errors
    /// It is not of this type: the message that a client is to see.
    fn normalize(&self, version: &str, object: Object) -> Result<Object, ConversionError>;

    /// Takes the fields away that the schema of an object, as a client sent it, does not know, and says which: paths, which
    /// `fieldValidation` is about. It comes before [`normalize_and_default`](Self::normalize_and_default). Of a type the decoder finds
    /// them itself.
    ///
    /// # Errors
    /// It is not of this type: the message that a client is to see.
    fn prune(&self, version: &str, object: &mut Object) -> Result<UnknownFields, ConversionError> {
        let _ = (version, object);
        Ok(UnknownFields::default())
    }

    /// Completes what a client left out.
    fn default_fields(&self, version: &str, object: &mut Object);

    /// What a client sent, as its type writes it and completed: [`normalize`](Self::normalize), then
    /// [`default_fields`](Self::default_fields).
    ///
    /// # Errors
    /// As `normalize`.
    fn normalize_and_default(&self, version: &str, object: Object) -> Result<Object, ConversionError> {
        let mut object = self.normalize(version, object)?;
        self.default_fields(version, &mut object);
        Ok(object)
    }

    /// How an object is had in another version. Where that is not by [`convert`](Self::convert), nobody calls `convert`.
    fn conversion(&self) -> Conversion<'_> {
        Conversion::Function
    }

    /// The object in the version `to`, its `apiVersion` included.
    ///
    /// # Errors
    /// There is no such version.
    fn convert(&self, object: Object, to: &str) -> Result<Object, ConversionError>;

    /// Whether a `prepare` method may change an object: then it is defaulted once more before it is stored.
    fn prepares(&self) -> bool {
        true
    }

    /// Sets what the server decides about a new object (hub version).
    fn prepare_for_create(&self, object: &mut Object) {
        let _ = object;
    }

    /// Sets what the server decides about a changed object (hub version).
    fn prepare_for_update(&self, object: &mut Object, old: &Object) {
        let _ = (object, old);
    }

    /// Sets what the server decides about an object whose status was changed (hub version). Where it begins all but the
    /// status is as it was.
    fn prepare_for_status_update(&self, object: &mut Object, old: &Object) {
        let _ = (object, old);
    }

    /// What is wrong with a new object (hub version), beyond its metadata.
    fn validate(&self, object: &Object) -> Vec<FieldError> {
        let _ = object;
        Vec::new()
    }

    /// What is wrong with a changed object (hub version), beyond its metadata.
    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let _ = (object, old);
        Vec::new()
    }

    /// What is wrong with an object whose status was changed (hub version), beyond its metadata.
    fn validate_status_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let _ = (object, old);
        Vec::new()
    }

    /// What rules say of an object (hub version), which replaces `old` where that is given, whatever of it was changed. `found` is what was
    /// found by then: rules may need values of their types. None: they took more than the `budget`.
    fn validate_rules(
        &self,
        object: &Object,
        old: Option<&Object>,
        found: &[FieldError],
        budget: RuleBudget,
    ) -> Option<RuleFindings> {
        let _ = (object, old, found, budget);
        Some(RuleFindings::default())
    }

    /// What the client should be warned of (hub version). Who writes a status is not.
    fn warnings(&self, object: &Object) -> Vec<String> {
        let _ = object;
        Vec::new()
    }

    /// What the client of a changed object should be warned of (hub version).
    fn update_warnings(&self, object: &Object, old: &Object) -> Vec<String> {
        let _ = old;
        self.warnings(object)
    }
}
