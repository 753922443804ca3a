//! Which names a definition may have: those that no other resource of its group has, and group-versions that nobody else serves. Pure.
//! Go: `calculateNamesAndConditions` of apiextensions' `pkg/controller/status/naming_controller.go`, which knows one server alone.

use std::collections::{HashMap, HashSet};

use annex_crds::v1alpha1::{AcceptedNames, DefinitionCondition};

use super::declared::{Declared, Said};

/// Who else there is.
pub struct Others<'a> {
    /// Whether the kube-apiserver serves a group itself.
    pub kubernetes: &'a dyn Fn(&str) -> bool,
    /// Who serves, or claims, `group` in `version` other than a server, in words.
    pub holder: &'a dyn Fn(&str, &str, &str) -> Option<String>,
    /// The names that CustomResourceDefinitions have, by group.
    pub crds: &'a HashMap<String, Vec<AcceptedNames>>,
}

/// What was decided of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The names that it has.
    pub names: AcceptedNames,
    /// Why it has not those that it asks for: a reason, and words.
    pub conflict: Option<(&'static str, String)>,
}

/// The names that are in use in one group.
#[derive(Default)]
struct Used {
    resources: HashSet<String>,
    kinds: HashSet<String>,
    /// By version: the server, and one of its definitions.
    versions: HashMap<String, String>,
}

impl Used {
    fn take(&mut self, names: &AcceptedNames) {
        let resources = [&names.plural, &names.singular].into_iter();
        self.resources
            .extend(resources.chain(&names.short_names).cloned());
        self.kinds.extend([names.kind.clone(), names.list_kind.clone()]);
    }
}

/// Decides of all `definitions`, by their names. Who has names keeps them, and who asked first gets them.
#[must_use]
pub fn decide(definitions: &[&Declared], others: &Others<'_>) -> HashMap<String, Decision> {
    let mut in_order = definitions.to_vec();
    in_order.sort_by_key(|declared| {
        let has_names = declared.is(DefinitionCondition::NamesAccepted);
        (!has_names, declared.created, declared.name.clone())
    });
    let mut groups: HashMap<&str, Used> = HashMap::new();
    let mut decisions = HashMap::new();
    for declared in in_order {
        let used = groups.entry(declared.group()).or_insert_with(|| {
            let mut used = Used::default();
            let crds = others.crds.get(declared.group());
            crds.into_iter().flatten().for_each(|names| used.take(names));
            used
        });
        let decision = of(declared, used, others);
        used.take(&decision.names);
        if let (Ok(said), None) = (&declared.said, &decision.conflict) {
            for version in &said.served {
                used.versions
                    .entry(version.clone())
                    .or_insert_with(|| declared.server.clone());
            }
        }
        decisions.insert(declared.name.clone(), decision);
    }
    decisions
}

fn of(declared: &Declared, used: &Used, others: &Others<'_>) -> Decision {
    let has = declared.status.accepted_names.clone();
    let Ok(said) = &declared.said else {
        return Decision {
            names: has,
            conflict: None,
        };
    };
    if let Some(conflict) = of_group(declared, said, used, others) {
        return Decision {
            names: has,
            conflict: Some(conflict),
        };
    }
    of_names(&said.names, has, used)
}

fn of_group(
    declared: &Declared,
    said: &Said,
    used: &Used,
    others: &Others<'_>,
) -> Option<(&'static str, String)> {
    let group = &said.group;
    if (others.kubernetes)(group) {
        return Some((
            "GroupConflict",
            format!("the kube-apiserver serves the group {group:?} itself"),
        ));
    }
    said.served.iter().find_map(|version| {
        let taken = used
            .versions
            .get(version)
            .filter(|server| **server != declared.server)
            .map(|server| format!("definitions of AggregatedServer {server:?} have it"));
        let holder = taken.or_else(|| (others.holder)(&declared.server, group, version))?;
        let words = format!("{:?} is already in use: {holder}", format!("{group}/{version}"));
        Some(("GroupVersionConflict", words))
    })
}

fn of_names(asked: &AcceptedNames, has: AcceptedNames, used: &Used) -> Decision {
    let mut names = has.clone();
    let mut conflict = None;
    let free = |asked: &str, has: &str, used: &HashSet<String>| {
        (asked.is_empty() || asked == has || !used.contains(asked))
            .then_some(())
            .ok_or_else(|| format!("{asked:?} is already in use"))
    };
    let mut one = |reason, asked: &String, has: &String, used: &HashSet<String>, name: &mut String| match free(
        asked, has, used,
    ) {
        Ok(()) => *name = asked.clone(),
        Err(words) => conflict = Some((reason, words)),
    };
    one(
        "PluralConflict",
        &asked.plural,
        &has.plural,
        &used.resources,
        &mut names.plural,
    );
    one(
        "SingularConflict",
        &asked.singular,
        &has.singular,
        &used.resources,
        &mut names.singular,
    );
    one(
        "KindConflict",
        &asked.kind,
        &has.kind,
        &used.kinds,
        &mut names.kind,
    );
    one(
        "ListKindConflict",
        &asked.list_kind,
        &has.list_kind,
        &used.kinds,
        &mut names.list_kind,
    );
    let new = asked
        .short_names
        .iter()
        .filter(|name| !has.short_names.contains(name));
    let taken: Vec<String> = new
        .filter_map(|name| free(name, "", &used.resources).err())
        .collect();
    match taken.as_slice() {
        [] => names.short_names = asked.short_names.clone(),
        [only] => conflict = Some(("ShortNamesConflict", only.clone())),
        several => conflict = Some(("ShortNamesConflict", format!("[{}]", several.join(", ")))),
    }
    names.categories = asked.categories.clone();
    Decision { names, conflict }
}
