//! Which group-versions a server is to be registered for, since definitions name it. Pure.

use std::collections::{BTreeMap, HashMap};

use annex_crds::v1alpha1::DefinitionCondition;

use super::{
    declared::Declared,
    names::Decision,
    replicas::{Replicas, Serving},
};

/// How many group-versions of definitions one server may have, beside those of its own `apis`.
pub const MOST: usize = 64;

/// A group-version that follows from definitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The group.
    pub group: String,
    /// The version.
    pub version: String,
    /// A digest of what is served of the group; `None`: as it was.
    pub digest: Option<String>,
}

/// What claims follow from.
pub struct Known<'a> {
    /// What was decided of each definition.
    pub decisions: &'a HashMap<String, Decision>,
    /// What the replicas of each server say.
    pub replicas: &'a HashMap<String, Replicas>,
    /// The group-versions that a server is registered for, as far as they are definitions'.
    pub registered: &'a dyn Fn(&str) -> Vec<(String, String)>,
}

/// The claims of each server. A group-version is claimed once every ready replica serves it: until then a registration would fail; what
/// is registered stays, also where a definition became wrong.
#[must_use]
pub fn claims(definitions: &[&Declared], known: &Known<'_>) -> BTreeMap<String, Vec<Claim>> {
    let nobody = Replicas::default();
    let mut of_servers: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    let mut registered: HashMap<&str, Vec<(String, String)>> = HashMap::new();
    for declared in definitions {
        let server = declared.server.as_str();
        let replicas = known.replicas.get(server).unwrap_or(&nobody);
        let registered = registered
            .entry(server)
            .or_insert_with(|| (known.registered)(server));
        let claims = of_servers.entry(server.to_owned()).or_default();
        for version in versions(declared, known, replicas, registered) {
            let group = declared.group();
            let is_there = |claim: &Claim| claim.group == group && claim.version == version;
            if !claims.iter().any(is_there) {
                claims.push(Claim {
                    group: group.to_owned(),
                    version,
                    digest: replicas.digest(group),
                });
            }
        }
    }
    for (server, claims) in &mut of_servers {
        let registered = registered.get(server.as_str());
        let stands = |claim: &Claim| {
            let mut pairs = registered.into_iter().flatten();
            pairs.any(|(group, version)| (group, version) == (&claim.group, &claim.version))
        };
        claims.sort_by_key(|claim| (!stands(claim), claim.group.clone(), claim.version.clone()));
        claims.truncate(MOST);
        claims.sort();
    }
    of_servers
}

fn versions(
    declared: &Declared,
    known: &Known<'_>,
    replicas: &Replicas,
    registered: &[(String, String)],
) -> Vec<String> {
    let group = declared.group();
    let is_registered = |version: &String| {
        registered
            .iter()
            .any(|(other, its)| (other.as_str(), its) == (group, version))
    };
    let decision = known.decisions.get(&declared.name);
    let is_accepted = decision.is_some_and(|decision| decision.conflict.is_none());
    match &declared.said {
        // What nobody can decide now stands as it is.
        Ok(said) if decision.is_none() => {
            let versions = said.served.iter();
            versions
                .filter(|version| is_registered(version))
                .cloned()
                .collect()
        }
        Ok(said) if is_accepted => {
            let serving = replicas.serving(&declared.name, &declared.uid, declared.generation);
            let versions = said.served.iter();
            versions
                .filter(|version| serving == Serving::Everywhere || is_registered(version))
                .cloned()
                .collect()
        }
        // The last generation that was right is served still, whichever versions it had.
        _ if declared.is(DefinitionCondition::Established) => {
            let versions = registered.iter().filter(|(other, _)| other == group);
            versions.map(|(_, version)| version.clone()).collect()
        }
        _ => Vec::new(),
    }
}
