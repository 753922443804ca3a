//! One version of a typed resource: its Rust type between JSON on one side and the hub's type on the other.

use std::any::{Any, TypeId};
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::KindScope;
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
    fn to_hub(&self, object: &Object) -> Result<H, ConversionError>;
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

impl<V: Kind + From<H> + Into<H>, H: Kind> Erased<H> for Serving<V, H> {
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

    fn normalize(&self, mut object: Object) -> Result<Object, ConversionError> {
        let value: V = read(&object)?;
        write(&value, take_metadata(&mut object))
    }

    fn default_fields(&self, object: &mut Object) {
        let Some(complete) = &self.complete else {
            return;
        };
        // What cannot be read cannot be completed; whoever reads it next says so.
        let Ok(mut value) = read::<V>(object) else {
            return;
        };
        complete(&mut value);
        let metadata = object.0.get("metadata").cloned().unwrap_or_default();
        if let Ok(completed) = write(&value, metadata) {
            *object = completed;
        }
    }

    fn to_hub(&self, object: &Object) -> Result<H, ConversionError> {
        read::<V>(object).map(Into::into)
    }

    fn of_hub(&self, hub: H, metadata: Value) -> Result<Object, ConversionError> {
        write(&V::from(hub), metadata)
    }
}

/// The value that an object says.
pub(super) fn read<V: DeserializeOwned>(object: &Object) -> Result<V, ConversionError> {
    V::deserialize(&object.0).map_err(|error| ConversionError(error.to_string()))
}

/// What stands in the object's metadata, which is left without any.
pub(super) fn take_metadata(object: &mut Object) -> Value {
    object.0.remove("metadata").unwrap_or_default()
}

/// The object that a value says. Metadata is that of the object which the value was made of, so that nothing of it is
/// lost in a type that knows less; only labels and annotations may change with a conversion, as of a
/// CustomResourceDefinition's.
pub(super) fn write<V: Kind>(value: &V, metadata: Value) -> Result<Object, ConversionError> {
    let written = serde_json::to_value(value).map_err(|error| ConversionError(error.to_string()))?;
    let Value::Object(fields) = written else {
        return Err(ConversionError(format!("{} is no object", V::kind(&()))));
    };
    let mut object = Object(fields);
    let mut changed = take_metadata(&mut object);
    object.0.insert("metadata".into(), metadata);
    for field in ["labels", "annotations"] {
        let changed = changed
            .get_mut(field)
            .map(Value::take)
            .filter(|map| !map.is_null());
        match changed {
            Some(changed) => object.metadata_mut().insert(field.into(), changed),
            None => object.metadata_mut().remove(field),
        };
    }
    object.set_type(&V::api_version(&()), &V::kind(&()));
    Ok(object)
}
