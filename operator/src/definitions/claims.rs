//! Which group-versions a server is to be registered for, since definitions name it. Pure.

use std::collections::{BTreeMap, HashMap};

use annex_crds::v1alpha1::DefinitionCondition;

use super::{
    declared::Declared,
    names::Decision,
    registration::Registration,
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
    /// What each server is registered for, as far as it is definitions'.
    pub registered: &'a HashMap<String, Vec<Registration>>,
}

/// The claims of each server. A group-version is claimed once every ready replica serves it: until then a registration would fail; what
/// is registered stays, also where a definition became wrong.
#[must_use]
pub fn claims(definitions: &[&Declared], known: &Known<'_>) -> BTreeMap<String, Vec<Claim>> {
    let nobody = Replicas::default();
    let mut of_servers: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for declared in definitions {
        let server = declared.server.as_str();
        let replicas = known.replicas.get(server).unwrap_or(&nobody);
        let registered = known.registered.get(server).map_or(&[][..], Vec::as_slice);
        let claims = of_servers.entry(server.to_owned()).or_default();
        for version in versions(declared, known, replicas, registered) {
            let group = declared.group();
            let is_there = |claim: &Claim| claim.group == group && claim.version == version;
            if !claims.iter().any(is_there) {
                claims.push(Claim {
                    group: group.to_owned(),
                    version,
                    digest: None,
                });
            }
        }
    }
    for (server, claims) in &mut of_servers {
        let registered = known.registered.get(server.as_str());
        let stands = |claim: &Claim| {
            let mut registered = registered.into_iter().flatten();
            registered.any(|it| (&it.group, &it.version) == (&claim.group, &claim.version))
        };
        claims.sort_by_key(|claim| (!stands(claim), claim.group.clone(), claim.version.clone()));
        claims.truncate(MOST);
        let replicas = known.replicas.get(server).unwrap_or(&nobody);
        for claim in claims.iter_mut() {
            claim.digest = replicas.digest(&claim.group);
        }
        claims.sort();
    }
    of_servers
}

/// What of `before` is not in `now`.
#[must_use]
pub fn lost(
    before: &BTreeMap<String, Vec<Claim>>,
    now: &BTreeMap<String, Vec<Claim>>,
) -> BTreeMap<String, Vec<Claim>> {
    let mut lost = BTreeMap::new();
    for (server, claims) in before {
        let stay = now.get(server).map_or(&[][..], Vec::as_slice);
        let is_lost = |claim: &&Claim| {
            let pair = (&claim.group, &claim.version);
            !stay.iter().any(|it| (&it.group, &it.version) == pair)
        };
        let of_server: Vec<Claim> = claims.iter().filter(is_lost).cloned().collect();
        if !of_server.is_empty() {
            lost.insert(server.clone(), of_server);
        }
    }
    lost
}

fn versions(
    declared: &Declared,
    known: &Known<'_>,
    replicas: &Replicas,
    registered: &[Registration],
) -> Vec<String> {
    let group = declared.group();
    let is_registered = |version: &String| {
        registered
            .iter()
            .any(|it| (it.group.as_str(), &it.version) == (group, version))
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
            let versions = registered.iter().filter(|it| it.group == group);
            versions.map(|it| it.version.clone()).collect()
        }
        _ => Vec::new(),
    }
}
