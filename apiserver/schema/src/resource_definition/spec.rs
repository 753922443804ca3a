//! The spec of a CustomResourceDefinition of `apiextensions.k8s.io/v1`, as far as a server needs it. Go:
//! `pkg/apis/apiextensions/v1/types.go` and `defaults.go`.

use serde::Deserialize;
use serde_json::Value;

/// How objects of a kind are described: `CustomResourceDefinitionSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionSpec {
    /// The API group.
    pub group: String,
    /// What the resource and its kind are called.
    pub names: DefinitionNames,
    /// `Namespaced` or `Cluster`.
    pub scope: String,
    /// The versions; the order is of no importance.
    pub versions: Vec<DefinitionVersion>,
    /// How objects are converted between versions.
    pub conversion: Option<DefinitionConversion>,
    /// Deprecated: whether unknown fields are kept everywhere. Nothing but false is accepted.
    pub preserve_unknown_fields: bool,
}

/// What a resource and its kind are called: `CustomResourceDefinitionNames`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionNames {
    /// `flunders`
    pub plural: String,
    /// `flunder`; left out: the kind in lower case.
    pub singular: String,
    /// What kubectl takes for it too.
    pub short_names: Vec<String>,
    /// `Flunder`
    pub kind: String,
    /// `FlunderList`; left out: the kind and `List`.
    pub list_kind: String,
    /// Groups of resources that kubectl lists together, such as `all`.
    pub categories: Vec<String>,
}

/// A version: `CustomResourceDefinitionVersion`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionVersion {
    /// `v1alpha1`
    pub name: String,
    /// Whether clients may use it.
    pub served: bool,
    /// Whether objects are stored in it; of exactly one version.
    pub storage: bool,
    /// Whether its clients are warned.
    pub deprecated: bool,
    /// Of what they are warned.
    pub deprecation_warning: Option<String>,
    /// What its objects look like.
    pub schema: Option<DefinitionValidation>,
    /// What is served behind the name of an object.
    pub subresources: Option<DefinitionSubresources>,
    /// Columns of `kubectl get`.
    pub additional_printer_columns: Vec<PrinterColumn>,
    /// What field selectors may use beside name and namespace.
    pub selectable_fields: Vec<SelectableField>,
}

/// A schema: `CustomResourceValidation`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionValidation {
    /// OpenAPI v3, structural.
    #[serde(rename = "openAPIV3Schema")]
    pub open_api_v3_schema: Option<Value>,
}

/// What is served behind the name of an object: `CustomResourceSubresources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionSubresources {
    /// `/status`
    pub status: Option<StatusSubresource>,
    /// `/scale`
    pub scale: Option<ScaleSubresource>,
}

/// That `/status` is served: `CustomResourceSubresourceStatus`, which says nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct StatusSubresource {}

/// Where `/scale` finds what it shows: `CustomResourceSubresourceScale`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScaleSubresource {
    /// Below `.spec`.
    pub spec_replicas_path: String,
    /// Below `.status`.
    pub status_replicas_path: String,
    /// Below `.spec` or `.status`.
    pub label_selector_path: Option<String>,
}

/// A column of `kubectl get`: `CustomResourceColumnDefinition`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrinterColumn {
    /// Its head.
    pub name: String,
    /// `integer`, `number`, `string`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub type_: String,
    /// An OpenAPI format; empty: none.
    pub format: String,
    /// For people.
    pub description: String,
    /// 0 is shown always, more only with `-o wide`.
    pub priority: i32,
    /// Where in the object.
    pub json_path: String,
}

/// What field selectors may use: `SelectableField`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectableField {
    /// Where in the object.
    pub json_path: String,
}

/// How objects are converted: `CustomResourceConversion`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinitionConversion {
    /// `None` or `Webhook`.
    pub strategy: String,
    /// Whom to ask.
    pub webhook: Option<Value>,
}

/// `None`, of [`DefinitionConversion::strategy`].
pub const NO_CONVERSION: &str = "None";
/// `Webhook`, of [`DefinitionConversion::strategy`].
pub const WEBHOOK: &str = "Webhook";

impl DefinitionVersion {
    /// Its schema, where it has one.
    #[must_use]
    pub fn document(&self) -> Option<&Value> {
        self.schema.as_ref()?.open_api_v3_schema.as_ref()
    }

    /// Whether `/status` is served in it.
    #[must_use]
    pub fn has_status(&self) -> bool {
        let subresources = self.subresources.as_ref();
        subresources.is_some_and(|subresources| subresources.status.is_some())
    }
}

impl DefinitionSpec {
    /// Completes what may be left out: `SetDefaults_CustomResourceDefinitionSpec`.
    pub fn set_defaults(&mut self) {
        let names = &mut self.names;
        if names.singular.is_empty() {
            names.singular = names.kind.to_lowercase();
        }
        if names.list_kind.is_empty() && !names.kind.is_empty() {
            names.list_kind = format!("{}List", names.kind);
        }
        self.conversion.get_or_insert_with(|| DefinitionConversion {
            strategy: NO_CONVERSION.to_owned(),
            webhook: None,
        });
    }
}
