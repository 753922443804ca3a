//! A made-up kind, Paint, in two versions, and short ways to write about it.
//!
//! `v1` is stored and is the hub: `spec.color`, `spec.size` (1 where it is left out), `status`. `v2` calls the color
//! `spec.colour`, and can be selected by it. A paint is not `invisible`, and keeps its size.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::admission::{Admission, Attributes, Operation};
use crate::authz::Authorized;
use crate::object::Object;
use crate::registry::{Created, Current, Deleted, Registry, Updated};
use crate::request::options::{CreateOptions, DeleteOptions, GetOptions, UpdateOptions};
use crate::request::{RequestInfo, User, Verb};
use crate::resource::testing::{Calls, waiting};
use crate::resource::{ConversionError, Hub, Names, Policy, Resource, Scope, Strategy, Version};
use crate::schema::Schema;
use crate::status::{ApiError, FieldError, Status};
use crate::storage::memory::MemoryStore;
use crate::storage::{Entry, Key, Revision, Storage};

pub(super) const GROUP: &str = "test.example.com";

#[derive(Debug)]
struct Paint;

impl Paint {
    fn rename(object: &mut Object, from: &str, to: &str) {
        if let Some(spec) = object.0.get_mut("spec").and_then(Value::as_object_mut)
            && let Some(color) = spec.remove(from)
        {
            spec.insert(to.into(), color);
        }
    }
}

impl Strategy for Paint {
    fn normalize(&self, _version: &str, object: Object) -> Result<Object, ConversionError> {
        Ok(object)
    }

    fn default_fields(&self, version: &str, object: &mut Object) {
        if version == "v1"
            && let Some(spec) = object.0.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.entry("size").or_insert_with(|| 1.into());
        }
    }

    fn convert(&self, mut object: Object, to: &str) -> Result<Object, ConversionError> {
        match to {
            "v1" => Self::rename(&mut object, "colour", "color"),
            "v2" => Self::rename(&mut object, "color", "colour"),
            _ => return Err(ConversionError(format!("no version {to}"))),
        }
        object.set_type(&format!("{GROUP}/{to}"), "Paint");
        Ok(object)
    }

    fn prepare_for_create(&self, object: &mut Object) {
        object.0.remove("status");
    }

    fn validate(&self, object: &Object) -> Vec<FieldError> {
        let color = &object.0.get("spec").unwrap_or(&Value::Null)["color"];
        if color == "invisible" {
            return vec![FieldError::invalid("spec.color", "invisible", "must be seen")];
        }
        Vec::new()
    }

    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let size = |object: &Object| object.0.get("spec").unwrap_or(&Value::Null)["size"].clone();
        if size(object) == size(old) {
            return self.validate(object);
        }
        vec![FieldError::invalid(
            "spec.size",
            size(object),
            "field is immutable",
        )]
    }

    fn warnings(&self, object: &Object) -> Vec<String> {
        let spec = object.0.get("spec").unwrap_or(&Value::Null);
        if spec["color"] == "mauve" {
            vec!["mauve fades".into()]
        } else {
            Vec::new()
        }
    }
}

/// Admission that notes what it was asked. It refuses objects that are called `refused`, and, once they are valid, of the color
/// `rejected`; the change that a test gives it is made to each new object.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) asked: Mutex<Vec<(Operation, String, bool)>>,
    /// What validating admission was asked about: the name, and the color of the new object.
    pub(super) validated: Mutex<Vec<(Operation, String, Option<Value>)>>,
    change: Mutex<Option<Edit>>,
}

type Edit = Box<dyn Fn(&mut Object) + Send>;

impl Gate {
    /// Changes every new object from now on.
    pub(super) fn change(&self, edit: impl Fn(&mut Object) + Send + 'static) {
        *self.change.lock().unwrap() = Some(Box::new(edit));
    }
}

#[async_trait]
impl Admission for Gate {
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let object = attributes.object().or_else(|| attributes.old());
        let name = object.map(Object::name).unwrap_or_default().to_owned();
        let asked = (attributes.operation(), name.clone(), attributes.dry_run());
        self.asked.lock().unwrap().push(asked);
        if name == "refused" {
            return Err(attributes.forbidden("not this one"));
        }
        if name == "warned" {
            attributes.warn("it is admitted");
        }
        if let Some(edit) = &*self.change.lock().unwrap()
            && let Some(object) = attributes.object_mut()
        {
            edit(object);
        }
        Ok(())
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        let color = |object: &Object| object.0["spec"]["color"].clone();
        let color = attributes.object().map(color);
        let asked = (
            attributes.operation(),
            attributes.name().to_owned(),
            color.clone(),
        );
        self.validated.lock().unwrap().push(asked);
        if attributes.name() == "warned" {
            attributes.warn("it is validated");
        }
        if color.is_some_and(|color| color == "rejected") {
            return Err(attributes.forbidden("not this color"));
        }
        Ok(())
    }
}

/// A registry of paints, and what lies behind it.
pub(super) struct Shop {
    pub(super) registry: Registry,
    pub(super) store: Arc<MemoryStore>,
    pub(super) gate: Arc<Gate>,
    /// What clients were warned of.
    pub(super) warnings: Mutex<Vec<String>>,
}

pub(super) fn shop() -> Shop {
    shop_with(Scope::Namespaced, Policy::default())
}

pub(super) fn shop_with(scope: Scope, policy: Policy) -> Shop {
    shop_of(scope, policy, &json!({"type": "object"}))
}

/// A shop whose paints have this schema in both versions.
pub(super) fn shop_of(scope: Scope, policy: Policy, schema: &Value) -> Shop {
    shop_selling(paints(scope, policy, schema))
}

/// A shop whose paints are converted by somebody who must be asked.
pub(super) fn waiting_shop() -> (Shop, Arc<Calls>) {
    let paints = paints(Scope::Namespaced, Policy::default(), &json!({"type": "object"}));
    let (paints, calls) = waiting(paints);
    (shop_selling(paints), calls)
}

fn paints(scope: Scope, policy: Policy, schema: &Value) -> Resource {
    let version = |name: &str, selectable: &[&str]| Version {
        name: name.into(),
        schema: Arc::new(Schema::new(titled(schema, name))),
        columns: Vec::new(),
        subresources: crate::resource::Subresources::default(),
        deprecation_warning: None,
        selectable_fields: selectable.iter().map(|field| (*field).to_owned()).collect(),
    };
    Resource {
        group: GROUP.into(),
        names: Names {
            plural: "paints".into(),
            singular: "paint".into(),
            kind: "Paint".into(),
            list_kind: "PaintList".into(),
            ..Names::default()
        },
        scope,
        versions: vec![version("v2", &[".spec.colour"]), version("v1", &[])],
        unserved: Vec::new(),
        storage_version: "v1".into(),
        hub: Hub::Version("v1".into()),
        strategy: Arc::new(Paint),
        policy,
        rest: crate::rest::Rest::Stored,
        subresources: Vec::new(),
    }
}

fn shop_selling(resource: Resource) -> Shop {
    let store = Arc::new(MemoryStore::new());
    let gate = Arc::new(Gate::default());
    let registry = Registry::new(Arc::new(resource), store.clone(), gate.clone()).unwrap();
    Shop {
        registry,
        store,
        gate,
        warnings: Mutex::default(),
    }
}

fn titled(schema: &Value, name: &str) -> Value {
    let mut schema = schema.clone();
    schema["title"] = name.into();
    schema
}

/// A paint in v1.
pub(super) fn paint(name: &str, color: &str) -> Object {
    object(json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Paint",
        "metadata": {"name": name}, "spec": {"color": color, "size": 1},
    }))
}

pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(fields) => Object(fields),
        other => panic!("{other} is no object"),
    }
}

/// `object` with a field of its metadata.
pub(super) fn with(mut object: Object, field: &str, value: impl Into<Value>) -> Object {
    object.metadata_mut().insert(field.into(), value.into());
    object
}

pub(super) fn request(verb: Verb, version: &str, name: &str) -> Authorized {
    request_in("shop", verb, version, name)
}

pub(super) fn request_in(namespace: &str, verb: Verb, version: &str, name: &str) -> Authorized {
    let info = RequestInfo {
        is_resource: true,
        path_verb: None,
        verb,
        path: String::new(),
        method: String::new(),
        group: GROUP.into(),
        version: version.into(),
        namespace: namespace.into(),
        resource: "paints".into(),
        subresource: String::new(),
        subpath: String::new(),
        name: name.into(),
        label_selector: String::new(),
        field_selector: String::new(),
    };
    Authorized::in_test(User::anonymous(), info)
}

pub(super) const DRY_RUN: &str = "dryRun=All";

impl Shop {
    pub(super) async fn create(&self, object: Object) -> Result<Created, ApiError> {
        self.create_in("shop", object, "").await
    }

    pub(super) async fn create_in(
        &self,
        namespace: &str,
        object: Object,
        query: &str,
    ) -> Result<Created, ApiError> {
        let options = CreateOptions::parse(query).unwrap();
        let request = request_in(namespace, Verb::Create, "v1", "");
        let mut warnings = Vec::new();
        let created = self
            .registry
            .create(&request, object, &options, &mut warnings)
            .await;
        self.warnings.lock().unwrap().extend(warnings);
        created
    }

    /// Creates a paint that is known to be right.
    pub(super) async fn stock(&self, object: Object) -> Object {
        self.v1(&self.create(object).await.unwrap().entry)
    }

    /// A PUT of v1.
    pub(super) async fn put(&self, object: Object) -> Result<Updated, ApiError> {
        self.put_with(object, UpdateOptions::default()).await
    }

    pub(super) async fn put_with(&self, object: Object, options: UpdateOptions) -> Result<Updated, ApiError> {
        let request = request(Verb::Update, "v1", object.name());
        let mut change = |_: Option<Current<'_>>| Ok(object.clone());
        self.update(&request, &mut change, &options).await
    }

    async fn update(
        &self,
        request: &Authorized,
        change: &mut crate::registry::UpdateFn<'_>,
        options: &UpdateOptions,
    ) -> Result<Updated, ApiError> {
        let mut warnings = Vec::new();
        let updated = self
            .registry
            .update(request, change, options, &mut warnings)
            .await;
        self.warnings.lock().unwrap().extend(warnings);
        updated
    }

    /// A PATCH of v1 that does not know of resourceVersions.
    pub(super) async fn patch(
        &self,
        name: &str,
        mut edit: impl FnMut(&mut Object) + Send,
    ) -> Result<Updated, ApiError> {
        let mut change = |current: Option<Current<'_>>| {
            let mut object = current.map(|current| current.object.clone()).unwrap_or_default();
            edit(&mut object);
            Ok(object)
        };
        let request = request(Verb::Patch, "v1", name);
        self.update(&request, &mut change, &UpdateOptions::default())
            .await
    }

    pub(super) async fn delete(&self, name: &str, query: &str) -> Result<Deleted, ApiError> {
        let options = DeleteOptions::parse(query).unwrap();
        self.registry
            .delete(&request(Verb::Delete, "v1", name), &options)
            .await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Object, ApiError> {
        let entry = self.registry.get("shop", name, &GetOptions::default()).await?;
        Ok(self.v1(&entry))
    }

    pub(super) fn v1(&self, entry: &Entry) -> Object {
        let bytes = self.registry.encode(entry, "v1").unwrap();
        object(serde_json::from_slice(&bytes).unwrap())
    }

    /// Writes bytes past the registry, as another server would.
    pub(super) async fn smuggle(&self, name: &str, value: &str) -> Entry {
        let key = Key::parse(&format!("/{GROUP}/paints/shop/{name}")).unwrap();
        self.store.create(&key, value.to_owned().into()).await.unwrap()
    }

    pub(super) async fn revision(&self) -> Revision {
        self.store.current_revision().await.unwrap()
    }
}

/// The Status of what must have failed.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Status {
    result.unwrap_err().status()
}
