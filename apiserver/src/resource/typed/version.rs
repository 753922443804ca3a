//! One version of a typed resource: its Rust type between JSON on one side and the hub's type on the other.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::KindScope;
use crate::managed_fields::{remove_managed_fields, set_managed_fields};
use crate::object::Object;
use crate::resource::ConversionError;
use crate::schema::Schema;

/// A Rust type whose values are objects of an API.
pub trait Kind:
    kube::Resource<DynamicType = (), Scope: KindScope>
    + JsonSchema
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<T> Kind for T where
    T: kube::Resource<DynamicType = (), Scope: KindScope>
        + JsonSchema
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// A version that converts to and from the hub `H`: with `From`, or with `TryFrom` where one cannot say all that the other says.
pub trait Converts<H>: Kind + TryFrom<H, Error: Display> + TryInto<H, Error: Display> {}

impl<V, H> Converts<H> for V where V: Kind + TryFrom<H, Error: Display> + TryInto<H, Error: Display> {}

fn failed<V: Kind>(error: &impl Display) -> ConversionError {
    ConversionError(format!(
        "cannot convert {} {}: {error}",
        V::api_version(&()),
        V::kind(&())
    ))
}

/// Completes a value of a type that only its giver knows.
pub(super) type Complete = Box<dyn Fn(&mut dyn Any) + Send + Sync>;

/// A version whose type is forgotten, of a resource whose hub is `H`.
pub(super) trait Erased<H>: Send + Sync + 'static {
    fn of_type(&self) -> TypeId;
    fn version(&self) -> String;
    fn schema(&self) -> Schema;
    fn set_default(&mut self, complete: Complete);
    /// The object as the type writes it.
    fn normalize(&self, object: Object) -> Result<Object, ConversionError>;
    fn default_fields(&self, object: &mut Object);
    /// Both at once.
    fn normalize_and_default(&self, object: Object) -> Result<Object, ConversionError>;
    fn to_hub(&self, object: &Unmanaged) -> Result<H, ConversionError>;
    /// The value in this version, with the metadata of the object that it was made of.
    fn of_hub(&self, hub: H, metadata: Value) -> Result<Object, ConversionError>;
}

/// Serves `V` where the hub is `H`.
pub(super) struct Serving<V, H> {
    complete: Option<Complete>,
    types: PhantomData<fn(V, H)>,
}

impl<V, H> Serving<V, H> {
    pub(super) fn new() -> Self {
        Self {
            complete: None,
            types: PhantomData,
        }
    }
}

impl<V: Converts<H>, H: Kind> Erased<H> for Serving<V, H> {
    fn of_type(&self) -> TypeId {
        TypeId::of::<V>()
    }

    fn version(&self) -> String {
        V::version(&()).into_owned()
    }

    fn schema(&self) -> Schema {
        Schema::of::<V>(&V::version(&()))
    }

    fn set_default(&mut self, complete: Complete) {
        self.complete = Some(complete);
    }

    fn normalize(&self, object: Object) -> Result<Object, ConversionError> {
        let mut object = Unmanaged::new(object);
        let value: V = read(&object.rest)?;
        write(value, object.take_metadata())
    }

    fn default_fields(&self, object: &mut Object) {
        let Some(complete) = &self.complete else {
            return;
        };
        let there = Unmanaged::new(std::mem::take(object));
        // What cannot be read cannot be completed; whoever reads it next says so.
        *object = match read::<V>(&there.rest) {
            Ok(mut value) => {
                complete(&mut value);
                there.replaced_by(value)
            }
            Err(_) => there.into_object(),
        };
    }

    // A value is completed as it was read, as Go's decoder does it.
    fn normalize_and_default(&self, object: Object) -> Result<Object, ConversionError> {
        let mut object = Unmanaged::new(object);
        let mut value: V = read(&object.rest)?;
        if let Some(complete) = &self.complete {
            complete(&mut value);
        }
        write(value, object.take_metadata())
    }

    fn to_hub(&self, object: &Unmanaged) -> Result<H, ConversionError> {
        let hub: Result<H, _> = read::<V>(&object.rest)?.try_into();
        hub.map_err(|error| failed::<V>(&error))
    }

    fn of_hub(&self, hub: H, metadata: Value) -> Result<Object, ConversionError> {
        let value = V::try_from(hub).map_err(|error| failed::<V>(&error))?;
        write(value, metadata)
    }
}

/// The value that an object says.
pub(super) fn read<V: DeserializeOwned>(object: &Object) -> Result<V, ConversionError> {
    V::deserialize(&object.0).map_err(|error| ConversionError(error.to_string()))
}

/// An object, and beside it its managedFields: no type is about them, and they are often most of an object's values.
pub(super) struct Unmanaged {
    rest: Object,
    managed: Option<Value>,
}

impl Unmanaged {
    pub(super) fn new(mut object: Object) -> Self {
        let managed = remove_managed_fields(&mut object);
        Self {
            rest: object,
            managed,
        }
    }

    /// The metadata of the object, managedFields included, which is left without any.
    pub(super) fn take_metadata(&mut self) -> Value {
        self.put_back();
        self.rest.0.remove("metadata").unwrap_or_default()
    }

    /// The object that `value` says, with this one's metadata; this one where it cannot be written.
    fn replaced_by<V: Kind>(mut self, value: V) -> Object {
        self.put_back();
        replaced_by(self.rest, value)
    }

    fn into_object(mut self) -> Object {
        self.put_back();
        self.rest
    }

    fn put_back(&mut self) {
        if let Some(managed) = self.managed.take() {
            set_managed_fields(&mut self.rest, Some(managed));
        }
    }
}

/// The object that `value` says, with the metadata of `object`; that one where it cannot be written.
pub(super) fn replaced_by<V: Kind>(mut object: Object, value: V) -> Object {
    let Ok((mut fields, said)) = fields_of(value) else {
        return object;
    };
    let metadata = object.0.remove("metadata").unwrap_or_default();
    complete::<V>(&mut fields, metadata, said);
    fields
}

/// The object that a value says. Metadata is that of the object which the value was made of, so that nothing of it is
/// lost in a type that knows less; only labels and annotations may change with a conversion, as of a
/// CustomResourceDefinition's.
pub(super) fn write<V: Kind>(value: V, metadata: Value) -> Result<Object, ConversionError> {
    let (mut object, said) = fields_of(value)?;
    complete::<V>(&mut object, metadata, said);
    Ok(object)
}

/// What is taken from the metadata of a value.
struct Said {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// The fields that a value says, without its metadata, and what is taken from these.
fn fields_of<V: Kind>(mut value: V) -> Result<(Object, Said), ConversionError> {
    let ObjectMeta {
        labels, annotations, ..
    } = std::mem::take(value.meta_mut());
    let written = serde_json::to_value(value).map_err(|error| ConversionError(error.to_string()))?;
    match written {
        Value::Object(fields) => Ok((Object(fields), Said { labels, annotations })),
        _ => Err(ConversionError(format!("{} is no object", V::kind(&())))),
    }
}

/// Gives what a value says its type, and the metadata that it was made of.
fn complete<V: Kind>(object: &mut Object, metadata: Value, said: Said) {
    object.0.insert("metadata".into(), metadata);
    for (field, said) in [("labels", said.labels), ("annotations", said.annotations)] {
        let there = object.metadata_mut();
        match said {
            None => drop(there.remove(field)),
            // Most conversions leave them as they are, and annotations are often most of an object.
            Some(said) if says(there.get(field), &said) => {}
            Some(said) => {
                let said = said.into_iter().map(|(key, text)| (key, text.into()));
                there.insert(field.into(), Value::Object(said.collect()));
            }
        }
    }
    object.set_type(&V::api_version(&()), &V::kind(&()));
}

/// Whether `value` is the map `said`.
fn says(value: Option<&Value>, said: &BTreeMap<String, String>) -> bool {
    let Some(Value::Object(fields)) = value else {
        return false;
    };
    let mut pairs = fields.iter().zip(said);
    fields.len() == said.len()
        && pairs.all(|((key, value), said)| (key, value.as_str()) == (said.0, Some(said.1)))
}
