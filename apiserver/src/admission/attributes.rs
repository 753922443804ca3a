//! What a plugin is told of a write. Go: `Attributes` of `pkg/admission/interfaces.go`, and `errors.go`.

use std::ops::{Deref, DerefMut};

use serde_json::Value;

use crate::managed_fields::managed_fields_of;
use crate::object::Object;
use crate::request::{GroupResource, RequestInfo, User};
use crate::resource::Resource;
use crate::status::ApiError;

/// What is done to an object, or to a subresource that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of admission.k8s.io")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A write that is about to happen.
#[derive(Debug)]
pub struct Attributes<'a> {
    /// What is done.
    pub operation: Operation,
    /// To what.
    pub resource: &'a Resource,
    /// The request; its `subresource` says which path of the object is written.
    pub info: &'a RequestInfo,
    /// Who asks.
    pub user: &'a User,
    /// The namespace; empty: none.
    pub namespace: &'a str,
    /// The object's name. It is empty for `admit` of a create by generateName, and for a deletecollection.
    pub name: &'a str,
    /// The new object, in the hub version. For `admit` as the client sent it: without what the server sets, and with the
    /// resourceVersion that the client believes in. Of a deletion, and of what connects, `None`.
    pub object: Option<NewObject<'a>>,
    /// The old one, in the hub version. Of a creation, and of what connects, `None`.
    pub old: Option<&'a Object>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

impl Attributes<'_> {
    /// A refusal: `flunders.wardle.example.com "x" is forbidden: MESSAGE`. An object without a name yet is called by what its
    /// name will begin with. Go: `admission.NewForbidden`.
    #[must_use]
    pub fn forbidden(&self, message: impl Into<String>) -> ApiError {
        Subject::of(self).forbidden(message)
    }

    /// The refusal of a plugin that does not know yet what it decides by.
    #[must_use]
    pub fn not_ready(&self) -> ApiError {
        Subject::of(self).not_ready()
    }
}

/// What a refusal is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    resource: GroupResource,
    name: String,
}

impl Subject {
    pub(crate) fn of(attributes: &Attributes<'_>) -> Self {
        let of_object = |object: &Object| {
            let names = [object.name(), object.meta("generateName")];
            names.into_iter().find(|name| !name.is_empty()).map(str::to_owned)
        };
        let name = if attributes.name.is_empty() {
            let named = attributes.object.as_deref().and_then(of_object);
            named.unwrap_or_else(|| "Unknown".into())
        } else {
            attributes.name.to_owned()
        };
        Self {
            resource: attributes.resource.group_resource(),
            name,
        }
    }

    pub(crate) fn forbidden(self, message: impl Into<String>) -> ApiError {
        ApiError::forbidden(self.resource, self.name, message)
    }

    pub(crate) fn not_ready(self) -> ApiError {
        self.forbidden("not yet ready to handle request")
    }
}

/// The new object of a write. It is read like an [`Object`]; who asks for it mutably has changed it, which costs that it is brought
/// into its kind's form again: a plugin that changes nothing only reads.
#[derive(Debug)]
pub struct NewObject<'a> {
    object: &'a mut Object,
    before: Option<Change>,
}

/// That plugins have changed an object.
#[derive(Debug)]
pub(crate) struct Change {
    /// Its managedFields before.
    pub(crate) managed_fields: Option<Value>,
}

impl<'a> NewObject<'a> {
    /// This object, which nobody has changed yet.
    #[must_use]
    pub fn new(object: &'a mut Object) -> Self {
        Self { object, before: None }
    }

    /// The object, and what was before plugins changed it; `None`: they have not.
    pub(crate) fn into_parts(self) -> (&'a mut Object, Option<Change>) {
        (self.object, self.before)
    }
}

impl Deref for NewObject<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object
    }
}

impl DerefMut for NewObject<'_> {
    fn deref_mut(&mut self) -> &mut Object {
        if self.before.is_none() {
            self.before = Some(Change {
                managed_fields: managed_fields_of(self.object).cloned(),
            });
        }
        self.object
    }
}
