//! The names that CustomResourceDefinitions of the groups of definitions have. Their metadata are watched; their names are read once for
//! each of their versions.

use std::collections::{HashMap, HashSet};

use annex_crds::v1alpha1::AcceptedNames;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};

use crate::aggregated_server::informers::{Informers, group_index};

/// How many are read of one group: more share none with us.
const MOST: usize = 256;

/// What was read.
#[derive(Debug, Default)]
pub struct CrdNames {
    /// By name, with uid and resourceVersion.
    read: HashMap<String, (String, AcceptedNames)>,
}

impl CrdNames {
    /// The names by group, of these `groups`.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn of(
        &mut self,
        client: &Client,
        informers: &Informers,
        groups: &HashSet<String>,
    ) -> Result<HashMap<String, Vec<AcceptedNames>>, kube::Error> {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        let mut names = HashMap::new();
        let mut there = HashSet::new();
        for group in groups {
            let crds = informers.crds.indexed(&group_index(group));
            let of_group: &mut Vec<AcceptedNames> = names.entry(group.clone()).or_default();
            for crd in crds.iter().take(MOST) {
                let name = crd.name.to_string();
                let version = format!("{} {}", crd.known.uid, crd.known.resource_version);
                there.insert(name.clone());
                let known = self.read.get(&name).filter(|(read, _)| *read == version);
                let accepted = match known {
                    Some((_, accepted)) => accepted.clone(),
                    None => {
                        let Some(crd) = api.get_opt(&name).await? else {
                            continue;
                        };
                        let accepted = accepted(crd);
                        self.read.insert(name, (version, accepted.clone()));
                        accepted
                    }
                };
                of_group.push(accepted);
            }
        }
        self.read.retain(|name, _| there.contains(name));
        Ok(names)
    }
}

/// Those that it has, and before it has some, those that it asks for.
fn accepted(crd: CustomResourceDefinition) -> AcceptedNames {
    let has = crd.status.and_then(|status| status.accepted_names);
    let names = has
        .filter(|names| !names.plural.is_empty())
        .unwrap_or(crd.spec.names);
    AcceptedNames {
        plural: names.plural,
        singular: names.singular.unwrap_or_default(),
        short_names: names.short_names.unwrap_or_default(),
        kind: names.kind,
        list_kind: names.list_kind.unwrap_or_default(),
        categories: names.categories.unwrap_or_default(),
    }
}
