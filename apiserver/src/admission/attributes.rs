//! What a plugin is told of a write. Go: `Attributes` of `pkg/admission/interfaces.go`, and `errors.go`.

use serde_json::Value;

use crate::managed_fields::managed_fields_of;
use crate::object::Object;
use crate::request::{GroupResource, RequestInfo, User};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::warnings::Warnings;

/// What is done to an object, or to a subresource that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of admission.k8s.io")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl Operation {
    /// Its word in admission.k8s.io.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A write that is about to happen.
#[derive(Debug)]
pub struct Attributes<'a> {
    operation: Operation,
    resource: &'a Resource,
    info: &'a RequestInfo,
    user: &'a User,
    namespace: &'a str,
    name: &'a str,
    object: Option<&'a mut Object>,
    old: Option<&'a Object>,
    dry_run: bool,
    warnings: Warnings,
    change: Option<Change>,
}

impl<'a> Attributes<'a> {
    /// What a request is about to do, by its namespace and name, without objects. For tests of plugins: the server makes its own.
    #[must_use]
    pub fn new(operation: Operation, resource: &'a Resource, info: &'a RequestInfo, user: &'a User) -> Self {
        Self {
            operation,
            resource,
            info,
            user,
            namespace: &info.namespace,
            name: &info.name,
            object: None,
            old: None,
            dry_run: false,
            warnings: Warnings::default(),
            change: None,
        }
    }

    /// The same of an object of this namespace and name, which the request need not name.
    #[must_use]
    pub fn of_name(self, namespace: &'a str, name: &'a str) -> Self {
        Self {
            namespace,
            name,
            ..self
        }
    }

    /// The same with this new object.
    #[must_use]
    pub fn of_object(self, object: Option<&'a mut Object>) -> Self {
        Self { object, ..self }
    }

    /// The same with this old object.
    #[must_use]
    pub fn of_old(self, old: Option<&'a Object>) -> Self {
        Self { old, ..self }
    }

    /// The same, of which nothing is to be stored.
    #[must_use]
    pub fn of_dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// The same, whose warnings go into these.
    #[must_use]
    pub fn of_warnings(self, warnings: &Warnings) -> Self {
        Self {
            warnings: warnings.clone(),
            ..self
        }
    }

    /// What is done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// To what.
    #[must_use]
    pub fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// The request.
    #[must_use]
    pub fn info(&self) -> &'a RequestInfo {
        self.info
    }

    /// The path of the object that is written or connects, such as `status`; empty: the object itself.
    #[must_use]
    pub fn subresource(&self) -> &'a str {
        &self.info.subresource
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &'a User {
        self.user
    }

    /// The namespace; empty: none.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// The object's name. It is empty for `admit` of a create by generateName, and for a deletecollection.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The new object, in the hub version. For `admit` as the client sent it: without what the server sets, and with the
    /// resourceVersion that the client believes in. Of a deletion, and of what connects, `None`.
    #[must_use]
    pub fn object(&self) -> Option<&Object> {
        self.object.as_deref()
    }

    /// The new object, to be changed. Who asks for it counts as having changed it, which costs that it is brought into its kind's
    /// form again: a plugin that changes nothing only reads.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let object = self.object.as_deref_mut()?;
        if self.change.is_none() {
            self.change = Some(Change {
                managed_fields: managed_fields_of(object).cloned(),
            });
        }
        Some(object)
    }

    /// The old object, in the hub version. Of a creation, and of what connects, `None`.
    #[must_use]
    pub fn old(&self) -> Option<&'a Object> {
        self.old
    }

    /// Whether nothing is to be stored.
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// What the client is warned of.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Warns the client of `text`, whatever becomes of the write: once, however often the plugin is asked. kubectl shows it. Go:
    /// `warning.AddWarning`.
    pub fn warn(&self, text: impl Into<String>) {
        self.warnings.add(text);
    }

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

    /// What was before plugins changed the new object; `None`: they have not.
    pub(crate) fn into_change(self) -> Option<Change> {
        self.change
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
            let named = attributes.object().and_then(of_object);
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

/// That plugins have changed an object.
#[derive(Debug)]
pub(crate) struct Change {
    /// Its managedFields before.
    pub(crate) managed_fields: Option<Value>,
}
