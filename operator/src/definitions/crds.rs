//! The names that CustomResourceDefinitions of the groups of definitions have. Their metadata are watched; their names are read once for
//! each of their versions.

use std::collections::{HashMap, HashSet};

use annex_crds::v1alpha1::AcceptedNames;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};

use crate::{
    aggregated_server::informers::{Informers, group_index},
    error_chain::error_chain,
};

/// How many are read of one group: more share none with us.
const MOST: usize = 256;

/// What was read.
#[derive(Debug, Default)]
pub struct CrdNames {
    /// By name, with uid and resourceVersion.
    read: HashMap<String, (String, AcceptedNames)>,
}

/// The names that CustomResourceDefinitions have.
#[derive(Debug, Default)]
pub struct Read {
    /// By group; a group of which one was not read is left out.
    pub names: HashMap<String, Vec<AcceptedNames>>,
    /// Those that were not read, each with why.
    pub unread: Vec<(String, String)>,
}

impl CrdNames {
    /// The names of these `groups`.
    pub async fn of(&mut self, client: &Client, informers: &Informers, groups: &HashSet<String>) -> Read {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        let mut read = Read::default();
        let mut there = HashSet::new();
        for group in groups {
            let crds = informers.crds.indexed(&group_index(group));
            let mut of_group: Vec<AcceptedNames> = Vec::new();
            let before = read.unread.len();
            for crd in crds.iter().take(MOST) {
                let name = crd.name.to_string();
                let version = format!("{} {}", crd.known.uid, crd.known.resource_version);
                there.insert(name.clone());
                let known = self.read.get(&name).filter(|(read, _)| *read == version);
                let accepted = match known {
                    Some((_, accepted)) => accepted.clone(),
                    None => {
                        let crd = match api.get_opt(&name).await {
                            Ok(Some(crd)) => crd,
                            Ok(None) => continue,
                            Err(error) => {
                                read.unread.push((name, error_chain(&error)));
                                continue;
                            }
                        };
                        let accepted = accepted(crd);
                        self.read.insert(name, (version, accepted.clone()));
                        accepted
                    }
                };
                of_group.push(accepted);
            }
            if read.unread.len() == before {
                read.names.insert(group.clone(), of_group);
            }
        }
        self.read.retain(|name, _| there.contains(name));
        read
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
