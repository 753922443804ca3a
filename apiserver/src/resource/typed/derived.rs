//! What `#[derive(CustomResource)]` says of a type, as its CustomResourceDefinition has it: names, subresources, columns, selectable
//! fields, deprecation.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceScale,
};
use kube::CustomResourceExt;

use super::{Builder, Kind, resource};
use crate::resource::{Column, ScalePaths};

/// Begins the description of a resource whose type is derived with `#[derive(CustomResource)]`, by the attributes of that:
/// `singular`, `shortname`, `category`, `status`, `scale`, `printcolumn`, `selectable` and `deprecated`. What is said after it
/// counts more. Validation rules in CEL are refused by [`Builder::build`]: nobody would run them.
///
/// ```
/// use annex_apiserver::resource::typed;
/// use kube::CustomResource;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
/// #[kube(group = "example.com", version = "v1", kind = "Boat", namespaced, shortname = "bt", status = "BoatStatus")]
/// #[kube(printcolumn = r#"{"name": "Sails", "type": "integer", "jsonPath": ".spec.sails"}"#)]
/// struct BoatSpec {
///     sails: u8,
/// }
///
/// #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
/// struct BoatStatus {
///     afloat: bool,
/// }
///
/// let boats = typed::derived::<Boat>().build()?;
/// assert_eq!(boats.names.short_names, ["bt"]);
/// assert_eq!(boats.versions[0].columns[0].name, "Sails");
/// assert!(boats.versions[0].subresources.status);
/// # Ok::<(), typed::DescriptionError>(())
/// ```
#[must_use]
pub fn derived<S: Kind + CustomResourceExt>() -> Builder<S, S> {
    let spec = S::crd().spec;
    let mut builder = resource::<S>()
        .short_names(spec.names.short_names.unwrap_or_default())
        .categories(spec.names.categories.unwrap_or_default());
    if let Some(singular) = spec.names.singular.filter(|name| !name.is_empty()) {
        builder = builder.singular(singular);
    }
    for version in spec.versions {
        let subresources = version.subresources.clone().unwrap_or_default();
        if subresources.status.is_some() {
            builder = builder.status();
        }
        if let Some(scale) = subresources.scale {
            builder = builder.scale(scale_paths(scale));
        }
        builder = builder.derived_of::<S>(version);
    }
    builder
}

impl<S: Kind, H: Kind> Builder<S, H> {
    /// Takes columns, selectable fields and deprecation of the version `V`, which was described before, from its derived
    /// attributes.
    #[must_use]
    pub fn derived<V: Kind + CustomResourceExt>(self) -> Self {
        let versions = V::crd().spec.versions;
        versions
            .into_iter()
            .fold(self, |builder, version| builder.derived_of::<V>(version))
    }

    fn derived_of<V: Kind>(mut self, version: CustomResourceDefinitionVersion) -> Self {
        if let Some(columns) = version.additional_printer_columns {
            self = self.columns::<V>(columns.into_iter().map(column));
        }
        if let Some(fields) = version.selectable_fields {
            self = self.selectable_fields::<V>(fields.into_iter().map(|field| field.json_path));
        }
        if version.deprecated == Some(true) {
            let default = format!("{} {} is deprecated", V::api_version(&()), V::kind(&()));
            self = self.deprecated::<V>(version.deprecation_warning.unwrap_or(default));
        }
        self
    }
}

fn column(column: CustomResourceColumnDefinition) -> Column {
    Column {
        name: column.name,
        type_: column.type_,
        format: column.format.unwrap_or_default(),
        description: column.description.unwrap_or_default(),
        priority: column.priority.unwrap_or_default(),
        json_path: column.json_path,
    }
}

fn scale_paths(scale: CustomResourceSubresourceScale) -> ScalePaths {
    ScalePaths {
        spec_replicas: scale.spec_replicas_path,
        status_replicas: scale.status_replicas_path,
        label_selector: scale.label_selector_path.filter(|path| !path.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use kube::CustomResource;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::super::DescriptionError;
    use super::*;

    #[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
    #[kube(group = "example.com", version = "v1", kind = "Boat", namespaced)]
    #[kube(
        shortname = "bt",
        category = "fleet",
        singular = "vessel",
        plural = "boats",
        status = "BoatStatus"
    )]
    #[kube(scale(
        spec_replicas_path = ".spec.sails",
        status_replicas_path = ".status.sails",
        label_selector_path = ".status.selector"
    ))]
    #[kube(printcolumn(name = "Sails", type_ = "integer", json_path = ".spec.sails", priority = 1))]
    #[kube(selectable = ".spec.name")]
    struct BoatSpec {
        sails: i64,
        name: String,
    }

    #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
    struct BoatStatus {
        sails: i64,
        selector: String,
    }

    mod v1alpha1 {
        use super::*;

        #[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
        #[kube(
            group = "example.com",
            version = "v1alpha1",
            kind = "Boat",
            namespaced,
            deprecated
        )]
        #[kube(printcolumn(name = "Masts", type_ = "integer", json_path = ".spec.masts"))]
        pub(super) struct BoatSpec {
            masts: i64,
        }

        impl From<Boat> for super::Boat {
            fn from(boat: Boat) -> Self {
                Self {
                    metadata: boat.metadata,
                    spec: super::BoatSpec {
                        sails: boat.spec.masts,
                        name: String::new(),
                    },
                    status: None,
                }
            }
        }

        impl From<super::Boat> for Boat {
            fn from(boat: super::Boat) -> Self {
                Self {
                    metadata: boat.metadata,
                    spec: BoatSpec {
                        masts: boat.spec.sails,
                    },
                }
            }
        }
    }

    #[test]
    fn attributes_are_honoured() {
        let boats = derived::<Boat>()
            .version::<v1alpha1::Boat>()
            .derived::<v1alpha1::Boat>()
            .build()
            .unwrap();
        let names = &boats.names;
        assert_eq!(
            (
                names.short_names.join(","),
                names.categories.join(","),
                names.singular.as_str()
            ),
            ("bt".to_owned(), "fleet".to_owned(), "vessel")
        );
        let [v1, v1alpha1] = boats.versions.as_slice() else {
            panic!("{:?}", boats.versions);
        };
        assert!(v1.subresources.status && v1alpha1.subresources.status);
        let scale = v1.subresources.scale.as_ref().unwrap();
        assert_eq!(
            (scale.spec_replicas.as_str(), scale.label_selector.as_deref()),
            (".spec.sails", Some(".status.selector"))
        );
        let column = |version: &crate::resource::Version| {
            version
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.priority))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (column(v1), column(v1alpha1)),
            (vec![("Sails".to_owned(), 1)], vec![("Masts".to_owned(), 0)])
        );
        assert_eq!(v1.selectable_fields, [".spec.name"]);
        assert_eq!(v1.deprecation_warning, None);
        assert_eq!(
            v1alpha1.deprecation_warning.as_deref(),
            Some("example.com/v1alpha1 Boat is deprecated")
        );
    }

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    struct Raft {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
        #[schemars(extend("x-kubernetes-validations" = [{"rule": "self > 0"}]))]
        logs: i64,
    }

    crate::kind!(Raft: "example.com", "v1", "rafts", Namespaced);

    #[test]
    fn rules_that_nobody_would_run_are_refused() {
        assert_eq!(
            resource::<Raft>().build().unwrap_err(),
            DescriptionError::ValidationRules("example.com/v1 rafts".into())
        );
    }
}
