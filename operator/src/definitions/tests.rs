//! Decisions about definitions, without a cluster.

use std::{collections::HashMap, sync::Arc};

use annex_crds::v1alpha1::{AcceptedNames, AggregatedResourceDefinitionStatus, DefinitionCondition};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    claims::{self, Claim, Known},
    declared::Declared,
    deletion::{Around, Step, step},
    names::{Decision, Others, decide},
    registration::Registration,
    replicas::{Replicas, Serving},
    reports::{Item, Report},
    status::{Found, compute},
};

/// A definition of lamps in `example.com`, with `change` put over it.
fn lamps(change: Value) -> Declared {
    named("lamps", "Lamp", change)
}

fn named(plural: &str, kind: &str, change: Value) -> Declared {
    let mut object = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": {
            "name": format!("{plural}.example.com"), "uid": format!("uid-{plural}"), "generation": 2, "resourceVersion": "7",
            "creationTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["annex.dev/objects"],
        },
        "spec": {
            "server": "light", "group": "example.com", "scope": "Namespaced",
            "names": { "plural": plural, "kind": kind },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
    });
    merge(&mut object, change);
    Declared::of(serde_json::from_str(&object.to_string()).unwrap(), None)
}

fn merge(object: &mut Value, change: Value) {
    match (object, change) {
        (Value::Object(object), Value::Object(change)) => {
            for (name, value) in change {
                merge(object.entry(name).or_insert(Value::Null), value);
            }
        }
        (object, change) => *object = change,
    }
}

fn status(conditions: &[&str]) -> Value {
    let condition = |type_: &&str| json!({ "type": type_, "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-03T00:00:00Z" });
    let conditions: Vec<Value> = conditions.iter().map(condition).collect();
    json!({ "status": { "conditions": conditions } })
}

fn decided(
    definitions: &[&Declared],
    crds: &HashMap<String, Vec<AcceptedNames>>,
) -> HashMap<String, Decision> {
    decide(
        definitions,
        &Others {
            kubernetes: &|group| group == "apps.k8s.io",
            holder: &|_, _, version| (version == "v9").then(|| "AggregatedServer \"x\" claims it".to_owned()),
            crds,
        },
    )
}

fn conflict_of(declared: &Declared, decisions: &HashMap<String, Decision>) -> Option<String> {
    let (reason, words) = decisions[&declared.name].conflict.clone()?;
    Some(format!("{reason}: {words}"))
}

fn item(declared: &Declared) -> Item {
    Item {
        name: declared.name.clone(),
        uid: declared.uid.clone(),
        served: true,
        generation: Some(declared.generation),
        stored_versions: vec!["v1".into()],
        ..Item::default()
    }
}

fn replicas(reports: &[Vec<Item>]) -> Replicas {
    let report = |items: &Vec<Item>| Arc::new(items.iter().cloned().collect::<Report>());
    Replicas {
        reports: reports.iter().map(report).collect(),
        ..Replicas::default()
    }
}

#[test]
fn what_is_wrong_is_told_with_every_error() {
    let wrong = lamps(json!({ "spec": {
        "scope": "Everywhere",
        "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
            "type": "object", "properties": { "a": {} },
        } } }],
    } }));
    let errors = wrong.said.clone().unwrap_err();
    assert_eq!(
        errors.schema,
        [
            "spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields"
        ]
    );
    assert_eq!(
        errors.others,
        [r#"spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced""#]
    );
    let decisions = decided(&[&wrong], &HashMap::new());
    let status = compute(
        &wrong,
        &found(&decisions[&wrong.name], Serving::Behind),
        Timestamp::UNIX_EPOCH,
    );
    let of = |type_: &str| {
        let mut conditions = status.conditions.iter();
        let condition = conditions.find(|condition| condition.type_ == type_).unwrap();
        (
            condition.status.clone(),
            condition.reason.clone(),
            condition.message.clone(),
        )
    };
    assert_eq!(of("NonStructuralSchema").2, errors.schema[0]);
    assert_eq!(of("Invalid").2, errors.others[0]);
    assert_eq!(of("NamesAccepted").1, "Invalid");
    assert_eq!(of("Established").1, "NotAccepted");
    assert_eq!(of("Served").1, "Invalid");
    let webhook = lamps(
        json!({ "spec": { "conversion": { "strategy": "Webhook", "webhook": {
        "conversionReviewVersions": ["v1"], "clientConfig": { "url": "https://a.example.com" },
    } } } }),
    );
    let errors = webhook.said.unwrap_err().others;
    assert!(
        errors[0].starts_with("spec.conversion.strategy: Unsupported value"),
        "{errors:?}"
    );
}

/// A few bytes of JSON may be much memory, in the spec and in what is kept of who has written it.
#[test]
fn what_would_take_the_memory_is_wrong_before_it_is_parsed() {
    let zeros = json!(vec![0; 150_000]);
    let large = lamps(json!({
        "metadata": { "managedFields": 3 },
        "spec": { "versions": zeros },
        "status": { "storedVersions": zeros },
    }));
    let errors = large.said.unwrap_err();
    assert_eq!(errors.others.len(), 1);
    assert!(errors.others[0].starts_with("spec: Too many: 1500"), "{errors:?}");
    assert_eq!(large.server, "light");
    assert_eq!(large.status, AggregatedResourceDefinitionStatus::default());
}

#[test]
fn names_belong_to_who_had_them_first() {
    let older = json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } });
    let lights = named(
        "lights",
        "Light",
        json!({ "spec": { "names": { "shortNames": ["lamps"] } } }),
    );
    let lamps_first = lamps(older);
    let decisions = decided(&[&lights, &lamps_first], &HashMap::new());
    assert_eq!(conflict_of(&lamps_first, &decisions), None);
    assert_eq!(
        conflict_of(&lights, &decisions).as_deref(),
        Some(r#"ShortNamesConflict: "lamps" is already in use"#)
    );
    assert_eq!(
        decisions[&lights.name].names.plural, "lights",
        "what is free it has"
    );
    // Who has names keeps them, whoever is older.
    let mut has = status(&["NamesAccepted"]);
    has["status"]["acceptedNames"] = json!({ "plural": "lights", "kind": "Light", "shortNames": ["lamps"] });
    has["spec"] = json!({ "names": { "shortNames": ["lamps"] } });
    let lights = named("lights", "Light", has);
    let decisions = decided(&[&lights, &lamps_first], &HashMap::new());
    assert_eq!(conflict_of(&lights, &decisions), None);
    assert_eq!(
        conflict_of(&lamps_first, &decisions).as_deref(),
        Some(r#"PluralConflict: "lamps" is already in use"#)
    );
}

#[test]
fn names_and_group_versions_of_others_are_taken() {
    let crds = HashMap::from([(
        "example.com".to_owned(),
        vec![AcceptedNames {
            plural: "bulbs".into(),
            kind: "Lamp".into(),
            list_kind: "BulbList".into(),
            ..AcceptedNames::default()
        }],
    )]);
    let mine = lamps(json!({}));
    assert_eq!(
        conflict_of(&mine, &decided(&[&mine], &crds)).as_deref(),
        Some(r#"KindConflict: "Lamp" is already in use"#)
    );
    let none = HashMap::new();
    let version = |name: &str| json!([{ "name": name, "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }]);
    let claimed = lamps(json!({ "spec": { "versions": version("v9") } }));
    assert_eq!(
        conflict_of(&claimed, &decided(&[&claimed], &none)).as_deref(),
        Some(r#"GroupVersionConflict: "example.com/v9" is already in use: AggregatedServer "x" claims it"#)
    );
    let elsewhere = named(
        "chairs",
        "Chair",
        json!({ "spec": { "server": "furniture" }, "metadata": { "creationTimestamp": "2026-01-03T00:00:00Z" } }),
    );
    assert_eq!(
        conflict_of(&elsewhere, &decided(&[&elsewhere, &mine], &none)).as_deref(),
        Some(
            r#"GroupVersionConflict: "example.com/v1" is already in use: definitions of AggregatedServer "light" have it"#
        )
    );
    let builtin = lamps(json!({
        "metadata": { "name": "lamps.apps.k8s.io", "annotations": { "api-approved.kubernetes.io": "unapproved, a test" } },
        "spec": { "group": "apps.k8s.io" },
    }));
    assert_eq!(
        conflict_of(&builtin, &decided(&[&builtin], &none)).as_deref(),
        Some(r#"GroupConflict: the kube-apiserver serves the group "apps.k8s.io" itself"#)
    );
}

#[test]
fn a_group_version_is_claimed_once_every_replica_serves_it_and_then_stays() {
    let mine = lamps(json!({}));
    let claims_of = |declared: &Declared, replicas: &Replicas, registered: &[(&str, &str)]| -> Vec<Claim> {
        let decisions = decided(&[declared], &HashMap::new());
        let registered = registered.iter().map(|(group, version)| Registration {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            ..Registration::default()
        });
        let registered = HashMap::from([("light".to_owned(), registered.collect())]);
        let mut claims = claims::claims(
            &[declared],
            &Known {
                decisions: &decisions,
                replicas: &HashMap::from([("light".to_owned(), replicas.clone())]),
                registered: &registered,
            },
        );
        claims.remove("light").unwrap_or_default()
    };
    let both = replicas(&[vec![item(&mine)], vec![item(&mine)]]);
    let one = replicas(&[vec![item(&mine)], vec![]]);
    assert_eq!(claims_of(&mine, &one, &[]), []);
    let claims = claims_of(&mine, &both, &[]);
    assert_eq!((claims.len(), &*claims[0].version), (1, "v1"));
    assert!(claims[0].digest.is_some());
    let v1 = [("example.com", "v1")];
    let kept = claims_of(&mine, &one, &v1);
    assert_eq!(
        (kept.len(), &kept[0].digest),
        (1, &None),
        "what is registered stays as it is"
    );
    // One that became wrong, and was served, keeps what is registered.
    let mut change = status(&["Established"]);
    change["spec"] = json!({ "scope": "Everywhere" });
    let wrong = lamps(change);
    assert_eq!(
        claims_of(&wrong, &both, &[("example.com", "v1alpha1"), ("other.com", "v1")]).len(),
        1
    );
    let never = lamps(json!({ "spec": { "scope": "Everywhere" } }));
    assert_eq!(claims_of(&never, &both, &v1), []);
}

#[test]
fn a_digest_changes_with_what_is_served() {
    let mine = lamps(json!({}));
    let digest = |change: fn(&mut Item)| {
        let mut item = item(&mine);
        change(&mut item);
        replicas(&[vec![item.clone()], vec![item]]).digest("example.com")
    };
    let first = digest(|_| {});
    assert!(first.is_some());
    assert_eq!(digest(|item| item.stored_versions.clear()), first);
    assert_ne!(digest(|item| item.generation = Some(3)), first);
    assert_ne!(digest(|item| item.served = false), first);
    assert_ne!(digest(|item| item.name = "lamps.example.org".into()), first);
    let differ = replicas(&[vec![item(&mine)], vec![]]);
    assert_eq!(differ.digest("example.com"), None);
    let silent = Replicas {
        silent: vec!["b".into()],
        ..replicas(&[vec![item(&mine)]])
    };
    assert_eq!(silent.digest("example.com"), None);
}

fn found(decision: &Decision, serving: Serving) -> Found<'_> {
    Found {
        decision,
        has_server: true,
        serving,
        has_place: true,
        is_shown: true,
        stored_versions: Vec::new(),
        objects: None,
    }
}

#[test]
fn established_is_what_clients_see_and_never_goes_back() {
    let declared = lamps(json!({}));
    let decisions = decided(&[&declared], &HashMap::new());
    let decision = &decisions[&declared.name];
    let established = |declared: &Declared, found: &Found<'_>| {
        let status = compute(declared, found, Timestamp::UNIX_EPOCH);
        let mut conditions = status.conditions.iter();
        let condition = conditions
            .find(|condition| condition.type_ == "Established")
            .unwrap();
        (condition.status.clone(), condition.reason.clone())
    };
    let no = ("False".to_owned(), "Installing".to_owned());
    assert_eq!(established(&declared, &found(decision, Serving::Behind)), no);
    let unshown = Found {
        is_shown: false,
        ..found(decision, Serving::Everywhere)
    };
    assert_eq!(established(&declared, &unshown), no);
    let unkept = lamps(json!({ "metadata": { "finalizers": [] } }));
    assert_eq!(established(&unkept, &found(decision, Serving::Everywhere)), no);
    assert_eq!(
        established(&declared, &found(decision, Serving::Everywhere)),
        ("True".to_owned(), "InitialNamesAccepted".to_owned())
    );
    let before = lamps(status(&["Established"]));
    let gone = Found {
        has_server: false,
        is_shown: false,
        ..found(decision, Serving::NoReplica)
    };
    assert_eq!(established(&before, &gone).0, "True");
    let now: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
    let first = compute(&declared, &found(decision, Serving::Everywhere), now);
    assert_eq!(first.stored_versions, ["v1"]);
    let mut again = declared.clone();
    again.status = first.clone();
    let later: Timestamp = "2026-02-02T00:00:00Z".parse().unwrap();
    assert_eq!(
        compute(&again, &found(decision, Serving::Everywhere), later),
        first,
        "nothing to write"
    );
}

/// An operator that has just begun, and a replica that has just become ready.
#[test]
fn who_was_not_asked_so_far_changes_nothing_that_was_told() {
    let told = |status: &str, reason: &str, generation: i64| {
        lamps(json!({ "status": { "conditions": [{
            "type": "Served", "status": status, "reason": reason, "message": "m", "observedGeneration": generation,
            "lastTransitionTime": "2026-01-03T00:00:00Z",
        }] } }))
    };
    let served = |declared: &Declared, replicas: &Replicas| {
        let decisions = decided(&[declared], &HashMap::new());
        let serving = replicas.serving(&declared.name, &declared.uid, declared.generation);
        let status = compute(
            declared,
            &found(&decisions[&declared.name], serving),
            Timestamp::UNIX_EPOCH,
        );
        let mut conditions = status.conditions.into_iter();
        let served = conditions.find(|condition| condition.type_ == "Served").unwrap();
        (served.status, served.reason)
    };
    let well = told("True", "EveryReplica", 2);
    let unknown = Replicas {
        are_unknown: true,
        ..Replicas::default()
    };
    let new = Replicas {
        unasked: 1,
        ..replicas(&[vec![item(&well)]])
    };
    let of = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    for replicas in [&unknown, &new] {
        assert_eq!(served(&well, replicas), of("True", "EveryReplica"));
        let failed = told("False", "NotServed", 2);
        assert_eq!(served(&failed, replicas), of("False", "NotServed"));
        for other in [
            told("True", "EveryReplica", 1),
            told("False", "ServerNotFound", 2),
        ] {
            assert_eq!(served(&other, replicas), of("False", "Installing"));
        }
    }
    let none = Replicas::default();
    assert_eq!(served(&well, &none), of("False", "NoReadyReplica"));
}

#[test]
fn no_accident_lets_objects_be_deleted() {
    let deleting = |change: Value| {
        let mut object = json!({ "metadata": { "deletionTimestamp": "2026-02-01T00:00:00Z" } });
        merge(&mut object, change);
        lamps(object)
    };
    let around = |has_server: bool, is_registered: bool, replicas: &Replicas, declared: &Declared| {
        step(
            declared,
            &Around {
                has_server,
                is_registered,
                decision: None,
                replicas,
            },
        )
    };
    let terminating = |left: u64| {
        let item = Item {
            terminating: true,
            objects: Some(left),
            ..item(&lamps(json!({})))
        };
        vec![item]
    };
    let none = Replicas::default();
    let fresh = deleting(json!({}));
    assert_eq!(
        around(false, true, &none, &fresh),
        Step::Release,
        "its server is gone"
    );
    assert_eq!(
        around(true, false, &none, &fresh),
        Step::Release,
        "it never had objects"
    );
    assert_eq!(around(true, true, &none, &fresh), Step::AllowDeletion);
    let others_word =
        deleting(json!({ "metadata": { "annotations": { "annex.dev/delete-objects": "another" } } }));
    assert_eq!(around(true, true, &none, &others_word), Step::AllowDeletion);
    let allowed =
        deleting(json!({ "metadata": { "annotations": { "annex.dev/delete-objects": "uid-lamps" } } }));
    for unfinished in [
        none.clone(),
        replicas(&[terminating(0), terminating(1)]),
        replicas(&[terminating(0), vec![item(&allowed)]]),
        replicas(&[terminating(0), vec![]]),
        Replicas {
            silent: vec!["b".into()],
            ..replicas(&[terminating(0)])
        },
        Replicas {
            unasked: 1,
            ..replicas(&[terminating(0)])
        },
    ] {
        assert_eq!(
            around(true, true, &unfinished, &allowed),
            Step::Wait,
            "{unfinished:?}"
        );
    }
    // Objects that are to stay need no word and are not waited for.
    let keeping = deleting(json!({ "metadata": { "annotations": { "annex.dev/keep-objects": "" } } }));
    let (seen, half) = (
        replicas(&[terminating(7), terminating(7)]),
        replicas(&[terminating(7), vec![item(&keeping)]]),
    );
    assert_eq!(around(true, true, &half, &keeping), Step::Wait);
    assert_eq!(around(true, true, &none, &keeping), Step::Wait);
    assert_eq!(around(true, true, &seen, &keeping), Step::Release);
    let decisions = decided(&[&keeping], &HashMap::new());
    let status = compute(
        &keeping,
        &found(&decisions[&keeping.name], Serving::Everywhere),
        Timestamp::UNIX_EPOCH,
    );
    let reasons: Vec<&str> = status.conditions.iter().map(|it| it.reason.as_str()).collect();
    assert!(reasons.contains(&"InstancesKept"), "{reasons:?}");
    let finished = replicas(&[terminating(0), terminating(0)]);
    assert_eq!(around(true, true, &finished, &allowed), Step::Release);
    let alive = lamps(json!({}));
    assert_eq!(around(true, true, &finished, &alive), Step::Stay);
}

#[test]
fn the_finalizer_is_there_before_objects_are() {
    let of = |change: Value, has_server: bool| {
        let declared = lamps(change);
        let decisions = decided(&[&declared], &HashMap::new());
        step(
            &declared,
            &Around {
                has_server,
                is_registered: false,
                decision: decisions.get(&declared.name),
                replicas: &Replicas::default(),
            },
        )
    };
    let none = json!({ "metadata": { "finalizers": [] } });
    assert_eq!(of(none.clone(), true), Step::Keep);
    assert_eq!(of(none, false), Step::Stay);
    let wrong = json!({ "metadata": { "finalizers": [] }, "spec": { "scope": "x" } });
    assert_eq!(of(wrong, true), Step::Stay);
    assert_eq!(of(json!({}), true), Step::Stay);
}

#[test]
fn a_report_is_looked_up_by_uid_and_name() {
    let report = json!({
        "apiVersion": "annex.dev/v1alpha1", "kind": "DefinitionReport",
        "items": [{ "name": "a.example.com", "uid": "old", "terminating": true }, { "name": "a.example.com", "uid": "new", "served": true }],
    });
    let replicas = Replicas {
        reports: vec![Arc::new(serde_json::from_value(report).unwrap())],
        ..Replicas::default()
    };
    let found = |name: &str, uid: &str| replicas.of(name, uid).flatten().map(|item| item.served).next();
    assert_eq!(found("a.example.com", "old"), Some(false));
    assert_eq!(found("a.example.com", "new"), Some(true));
    assert_eq!(found("b.example.com", "new"), None);
}

#[test]
fn a_status_that_does_not_decode_is_none() {
    let declared = lamps(json!({ "status": { "conditions": 3 } }));
    assert_eq!(declared.status, AggregatedResourceDefinitionStatus::default());
    assert!(!declared.is(DefinitionCondition::Established));
}

#[test]
fn events_tell_what_somebody_waits_for_or_has_to_look_at() {
    let condition = |type_: &str,
                     status: &str,
                     reason: &str|
     -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
        serde_json::from_value(json!({
            "type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    };
    let reasons = |old: &[(&str, &str, &str)], new: &[(&str, &str, &str)]| -> Vec<String> {
        let of = |told: &[(&str, &str, &str)]| -> Vec<_> {
            told.iter()
                .map(|(type_, status, reason)| condition(type_, status, reason))
                .collect()
        };
        let events = super::events::transitions(&of(old), &of(new));
        events.into_iter().map(|event| event.reason).collect()
    };
    let beginning = [
        ("NamesAccepted", "True", "NoConflicts"),
        ("Established", "False", "Installing"),
        ("Served", "False", "Installing"),
    ];
    assert_eq!(reasons(&[], &beginning), [""; 0]);
    let well = [
        ("NamesAccepted", "True", "NoConflicts"),
        ("Established", "True", "InitialNamesAccepted"),
        ("Served", "True", "EveryReplica"),
    ];
    assert_eq!(reasons(&beginning, &well), ["Established"]);
    assert_eq!(reasons(&well, &well), [""; 0]);
    let gone = [well[0], well[1], ("Served", "False", "ServerNotFound")];
    assert_eq!(reasons(&well, &gone), ["ServerNotFound"]);
    assert_eq!(reasons(&gone, &well), ["Served"]);
    let wrong = [
        well[0],
        well[1],
        ("Served", "False", "Invalid"),
        ("Invalid", "True", "ValidationFailed"),
    ];
    assert_eq!(reasons(&well, &wrong), ["ValidationFailed"]);
}

/// A pass that began before definitions were listed takes nothing back that they ask for.
#[test]
fn what_is_registered_stands_until_definitions_are_known() {
    let service = |annotations: Value| {
        serde_json::from_value(json!({
            "metadata": { "name": "v1.example.com", "annotations": annotations },
            "spec": { "group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1 },
        }))
        .unwrap()
    };
    let (ours, plain) = (
        service(json!({ "annex.dev/definitions": "" })),
        service(json!({})),
    );
    let definitions = super::Definitions::default();
    assert!(!definitions.are_known());
    assert!(definitions.keep("light", &ours) && !definitions.keep("light", &plain));
    let claim = Claim {
        group: "example.com".into(),
        version: "v1".into(),
        digest: None,
    };
    definitions.set_claims([("light".to_owned(), vec![claim])].into());
    assert!(definitions.keep("light", &ours) && !definitions.keep("other", &ours));
    definitions.set_claims(Default::default());
    assert!(definitions.are_known() && !definitions.keep("light", &ours));
}
