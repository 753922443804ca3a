//! A definition as the watch brings it. What may be large stays text until its values were counted: parsed, five definitions could be
//! more than all memory that there is.

use std::{borrow::Cow, collections::BTreeMap};

use annex_crds::v1alpha1::AggregatedResourceDefinition;
use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// A definition.
#[derive(Clone, Debug, Deserialize)]
pub struct Watched {
    /// Without `managedFields`.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// The spec, as it was sent.
    #[serde(default)]
    pub spec: Option<Box<RawValue>>,
    /// The status, as it was sent.
    #[serde(default)]
    pub status: Option<Box<RawValue>>,
}

/// `managedFields` have as many values as the spec.
fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let mut fields = BTreeMap::<String, Box<RawValue>>::deserialize(deserializer)?;
    fields.remove("managedFields");
    let text = serde_json::to_string(&fields).map_err(D::Error::custom)?;
    serde_json::from_str(&text).map_err(D::Error::custom)
}

impl Resource for Watched {
    type DynamicType = ();
    type Scope = <AggregatedResourceDefinition as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        AggregatedResourceDefinition::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        AggregatedResourceDefinition::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        AggregatedResourceDefinition::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        AggregatedResourceDefinition::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
