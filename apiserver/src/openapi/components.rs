//! Schemas by name: those of the resources, and those of Kubernetes that operations refer to.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::apimachinery::pkg::version;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::custom_resource::{self, OpenApi};
use crate::resource::{Resource, SubresourceRest, Version};
use crate::schema::{components_of, declare_patches};

pub(super) const API_GROUP: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup";
pub(super) const API_GROUP_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList";
pub(super) const API_RESOURCE_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList";
pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(super) const VERSION_INFO: &str = "io.k8s.apimachinery.pkg.version.Info";
pub(super) const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
pub(super) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// How references begin in a generated schema, and in documents of version 3.
pub(super) const PREFIX: &str = "#/components/schemas/";
/// Names the kinds that a schema is of.
const KINDS: &str = "x-kubernetes-group-version-kind";

/// A kind in a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gvk {
    group: String,
    version: String,
    kind: String,
}

impl Gvk {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// As the extension says it.
    pub(super) fn value(&self) -> Value {
        json!({"group": self.group, "version": self.version, "kind": self.kind})
    }
}

/// The name of the component of a resource's objects, as Kubernetes names those of CustomResourceDefinitions:
/// `com.example.wardle.v1alpha1.Flunder`.
pub(super) fn object_name(resource: &Resource, version: &str) -> String {
    component_name(&resource.group, version, &resource.names.kind)
}

/// The same of its lists.
pub(super) fn list_name(resource: &Resource, version: &str) -> String {
    component_name(&resource.group, version, &resource.names.list_kind)
}

pub(super) fn component_name(group: &str, version: &str, kind: &str) -> String {
    let reversed: Vec<&str> = group.rsplit('.').collect();
    format!("{}.{version}.{kind}", reversed.join("."))
}

/// Schemas by name, in the form of version 3.
#[derive(Debug, Default)]
pub(super) struct Components(pub(super) BTreeMap<String, Value>);

impl Components {
    /// What operations on resources of these group-versions refer to.
    pub(super) fn add_operands<'a>(
        &mut self,
        group_versions: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) {
        self.add::<meta::APIResourceList>(API_RESOURCE_LIST);
        self.add::<meta::ObjectMeta>(OBJECT_META);
        if let Some(metadata) = self.0.get_mut(OBJECT_META) {
            declare_patches(metadata);
        }
        self.add::<meta::ListMeta>(LIST_META);
        self.add::<meta::Status>(STATUS);
        self.add::<meta::DeleteOptions>(DELETE_OPTIONS);
        let description =
            "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.";
        self.0.insert(
            PATCH.into(),
            json!({"type": "object", "description": description}),
        );
        self.kinds(STATUS, [Gvk::new("", "v1", "Status")]);
        let of_groups = group_versions.map(|(group, version)| Gvk::new(group, version, "DeleteOptions"));
        self.kinds(
            DELETE_OPTIONS,
            [Gvk::new("", "v1", "DeleteOptions")].into_iter().chain(of_groups),
        );
        self.kinds(API_RESOURCE_LIST, [Gvk::new("", "v1", "APIResourceList")]);
    }

    /// What `/apis/` answers.
    pub(super) fn add_group_list(&mut self) {
        self.add::<meta::APIGroupList>(API_GROUP_LIST);
        self.kinds(API_GROUP_LIST, [Gvk::new("", "v1", "APIGroupList")]);
        self.kinds(API_GROUP, [Gvk::new("", "v1", "APIGroup")]);
    }

    /// What `/apis/GROUP/` answers.
    pub(super) fn add_group(&mut self) {
        self.add::<meta::APIGroup>(API_GROUP);
        self.kinds(API_GROUP, [Gvk::new("", "v1", "APIGroup")]);
    }

    /// What `/version/` answers.
    pub(super) fn add_version_info(&mut self) {
        self.add::<version::Info>(VERSION_INFO);
    }

    /// Objects and lists of a resource.
    pub(super) fn add_resource(&mut self, resource: &Resource, version: &str, open_api: OpenApi) {
        let Some(served) = resource.version(version) else {
            return;
        };
        let object = object(resource, served, open_api);
        let name = object_name(resource, version);
        let mut list = list(resource, version, &served.schema.document, &name);
        if resource.policy.unstructured {
            custom_resource::complete_list(&mut list, &resource.names.plural, served);
        }
        if served.subresources.scale.is_some() {
            self.add::<Scale>(SCALE);
            self.kinds(SCALE, [Gvk::new("autoscaling", "v1", "Scale")]);
        }
        for own in &resource.subresources {
            if let SubresourceRest::Computed(kind) = &own.rest
                && let Some(beside) = kind.version_beside(&resource.group, version)
            {
                self.0.insert(
                    object_name(kind, &beside.name),
                    self::object(kind, beside, open_api),
                );
            }
        }
        self.0.insert(name, object);
        self.0.insert(list_name(resource, version), list);
    }

    fn add<T: JsonSchema>(&mut self, name: &str) {
        let (root, definitions) = components_of::<T>();
        for (name, schema) in definitions.into_iter().chain([(name.to_owned(), root)]) {
            self.0.entry(name).or_insert_with(|| {
                let mut schema = schema;
                wrap_references(&mut schema);
                schema
            });
        }
    }

    fn kinds(&mut self, name: &str, kinds: impl IntoIterator<Item = Gvk>) {
        if let Some(schema) = self.0.get_mut(name) {
            schema[KINDS] = kinds.into_iter().map(|gvk| gvk.value()).collect();
        }
    }
}

fn object(resource: &Resource, version: &Version, open_api: OpenApi) -> Value {
    let mut object = if resource.policy.unstructured {
        custom_resource::object(version, open_api)
    } else {
        let mut object = version.schema.document.clone();
        object["properties"]["metadata"] = reference_with(OBJECT_META, "Standard object's metadata.");
        object
    };
    object[KINDS] = json!([Gvk::new(&resource.group, &version.name, &resource.names.kind).value()]);
    object
}

fn list(resource: &Resource, version: &str, document: &Value, name: &str) -> Value {
    let (kind, list_kind) = (&resource.names.kind, &resource.names.list_kind);
    json!({
        "description": format!("{list_kind} is a list of {kind}"),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": document["properties"]["apiVersion"],
            "kind": document["properties"]["kind"],
            "metadata": reference_with(LIST_META, "Standard list metadata."),
            "items": {
                "description": format!("List of {}.", resource.names.plural),
                "type": "array",
                "items": {"$ref": format!("{PREFIX}{name}")},
            },
        },
        KINDS: [Gvk::new(&resource.group, version, list_kind).value()],
    })
}

fn reference_with(name: &str, description: &str) -> Value {
    json!({"description": description, "default": {}, "allOf": [{"$ref": format!("{PREFIX}{name}")}]})
}

/// In version 3 nothing may stand beside a reference: it is wrapped where something does.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(wrap_references);
            if map.len() > 1
                && let Some(reference) = map.remove("$ref")
            {
                let mut wrapped = Map::new();
                wrapped.insert("$ref".into(), reference);
                map.insert("allOf".into(), json!([wrapped]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(wrap_references),
        _ => {}
    }
}
