//! What is planned for which live object.

use serde_json::{Value, json};

use super::super::managed_fields::converted;
use super::super::{Because, FIELD_MANAGER, Owner, Plan, plan};
use super::*;

const POD: [&str; 3] = ["f:spec", "f:template", "f:spec"];
const SERVER: &str = "k:{\"name\":\"server\"}";

fn in_server<'a>(path: &[&'a str]) -> Vec<&'a str> {
    [&POD[..], &["f:containers", SERVER], path].concat()
}

/// Each drift as its message.
fn drift(plan: Plan) -> Vec<String> {
    match plan {
        Plan::Apply(Because::Drift(drift)) => drift.iter().map(ToString::to_string).collect(),
        other => panic!("no drift but {other:?}"),
    }
}

#[test]
fn what_was_applied_and_not_touched_is_unchanged() {
    let status = foreign_entry(
        "kube-controller-manager",
        "status",
        &json!({ "f:status": { "f:replicas": {} } }),
    );
    let objects = [
        (deployment(), deployment_entry()),
        (
            config_map(),
            entry(&config_map(), json!({ "f:data": { "f:ca.crt": {} } })),
        ),
        (service(), entry(&service(), service_fields())),
        (api_service(), entry(&api_service(), api_service_fields())),
        (
            role_binding(),
            entry(&role_binding(), json!({ "f:roleRef": {}, "f:subjects": {} })),
        ),
    ];
    for (desired, entry) in objects {
        let live = live(&desired, [status.clone(), entry]);
        assert_eq!(plan(&desired, Some(&live)), Plan::Unchanged, "{}", desired.name());
    }
}

fn service_fields() -> Value {
    json!({ "f:spec": {
        "f:ports": { "k:{\"port\":443,\"protocol\":\"TCP\"}": { ".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {} } },
        "f:selector": {},
        "f:type": {},
    }})
}

fn api_service_fields() -> Value {
    json!({ "f:spec": {
        "f:caBundle": {}, "f:group": {}, "f:groupPriorityMinimum": {}, "f:version": {}, "f:versionPriority": {},
        "f:service": { "f:name": {}, "f:namespace": {}, "f:port": {} },
    }})
}

#[test]
fn what_others_added_is_theirs() {
    let desired = deployment();
    let mut live = live(
        &desired,
        [
            deployment_entry(),
            foreign_entry(
                "kubectl-label",
                "",
                &json!({ "f:metadata": { "f:labels": { "f:mine": {} } } }),
            ),
            foreign_entry(
                "kubectl-set",
                "",
                &json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": {
                    SERVER: { "f:env": { "k:{\"name\":\"USER\"}": { ".": {}, "f:name": {}, "f:value": {} } } },
                }}}}}),
            ),
        ],
    );
    live["metadata"]["labels"]["mine"] = "1".into();
    assert_eq!(plan(&desired, Some(&live)), Plan::Unchanged);
}

#[test]
fn an_equal_value_applied_by_another_is_shared() {
    let desired = deployment();
    let mut other = foreign_entry("argocd", "", &json!({ "f:spec": { "f:replicas": {} } }));
    other["operation"] = "Apply".into();
    assert_eq!(
        plan(&desired, Some(&live(&desired, [other, deployment_entry()]))),
        Plan::Unchanged
    );
}

#[test]
fn a_field_that_was_taken_names_the_taker() {
    let replicas = json!({ "f:spec": { "f:replicas": {} } });
    let volume = json!({ "f:spec": { "f:template": { "f:spec": { "f:volumes": {
        "k:{\"name\":\"tmp\"}": { "f:hostPath": { ".": {}, "f:path": {}, "f:type": {} } },
    }}}}});
    let value = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": { SERVER: {
        "f:env": { "k:{\"name\":\"A\"}": { "f:value": {} } },
    }}}}}});
    let selector = json!({ "f:spec": { "f:template": { "f:spec": { "f:nodeSelector": {} } } } });
    let volumes = [&POD[..], &["f:volumes", "k:{\"name\":\"tmp\"}", "f:emptyDir"]].concat();
    let cases: [(Vec<&str>, &str, &str, &Value, &str); 5] = [
        (
            vec!["f:spec", "f:replicas"],
            "kubectl",
            "scale",
            &replicas,
            "spec.replicas was changed by kubectl (Update of scale)",
        ),
        (
            in_server(&["f:env", "k:{\"name\":\"A\"}", "f:value"]),
            "kubectl-set",
            "",
            &value,
            "spec.template.spec.containers[name=server].env[name=A].value was changed by kubectl-set (Update)",
        ),
        (
            [&POD[..], &["f:nodeSelector"]].concat(),
            "kubectl-patch",
            "",
            &selector,
            "spec.template.spec.nodeSelector was changed by kubectl-patch (Update)",
        ),
        (
            volumes,
            "kubectl-patch",
            "",
            &volume,
            "spec.template.spec.volumes[name=tmp].emptyDir was removed",
        ),
        (
            in_server(&["f:env", "k:{\"name\":\"A\"}"]),
            "kubectl-patch",
            "",
            &replicas,
            "spec.template.spec.containers[name=server].env[name=A] was removed",
        ),
    ];
    for (path, manager, subresource, fields, expected) in cases {
        let desired = deployment();
        let ours = without(deployment_entry(), &path);
        let live = live(&desired, [ours, foreign_entry(manager, subresource, fields)]);
        assert_eq!(drift(plan(&desired, Some(&live))), [expected]);
    }
}

#[test]
fn a_patched_ca_bundle_and_emptied_subjects_are_drift() {
    let desired = api_service();
    let ours = without(entry(&desired, api_service_fields()), &["f:spec", "f:caBundle"]);
    let theirs = foreign_entry("kubectl-patch", "", &json!({ "f:spec": { "f:caBundle": {} } }));
    let bundle = drift(plan(&desired, Some(&live(&desired, [ours, theirs]))));
    assert_eq!(bundle, ["spec.caBundle was changed by kubectl-patch (Update)"]);

    let desired = role_binding();
    let ours = entry(&desired, json!({ "f:roleRef": {} }));
    assert_eq!(
        drift(plan(&desired, Some(&live(&desired, [ours])))),
        ["subjects was removed"]
    );
}

#[test]
fn the_owner_of_a_neighbour_is_not_blamed() {
    let desired = deployment();
    let ours = without(
        deployment_entry(),
        &["f:metadata", "f:labels", "f:app.kubernetes.io/name"],
    );
    let neighbour = foreign_entry(
        "argocd",
        "",
        &json!({ "f:metadata": { "f:labels": { "f:mine": {} } } }),
    );
    let found = drift(plan(&desired, Some(&live(&desired, [ours, neighbour]))));
    assert_eq!(found, ["metadata.labels.app.kubernetes.io/name was removed"]);
}

#[test]
fn what_goes_as_a_whole_is_named_as_a_whole() {
    let desired = deployment();
    let ours = without(deployment_entry(), &in_server(&["f:readinessProbe"]));
    let probe = json!({ "f:httpGet": { "f:path": {}, "f:port": {}, "f:scheme": {} } });
    let theirs = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": { SERVER: { "f:readinessProbe": probe } } } } } });
    let found = drift(plan(
        &desired,
        Some(&live(
            &desired,
            [ours, foreign_entry("kubectl-edit", "", &theirs)],
        )),
    ));
    assert_eq!(
        found,
        ["spec.template.spec.containers[name=server].readinessProbe was changed by kubectl-edit (Update)"]
    );
}

#[test]
fn a_port_is_found_by_the_keys_that_it_sets() {
    let service = service();
    let tcp = "k:{\"port\":443,\"protocol\":\"TCP\"}";
    let udp = "k:{\"port\":443,\"protocol\":\"UDP\"}";
    let mut fields = service_fields();
    fields["f:spec"]["f:ports"][udp] = json!({ ".": {}, "f:port": {}, "f:protocol": {} });
    assert_eq!(
        plan(&service, Some(&live(&service, [entry(&service, fields.clone())]))),
        Plan::Unchanged
    );

    // The other protocol's port alone does not hold the name that is wanted.
    let ours = without(entry(&service, fields), &["f:spec", "f:ports", tcp]);
    let lost = drift(plan(&service, Some(&live(&service, [ours]))));
    assert_eq!(
        lost,
        [
            "spec.ports[name=https].name was removed",
            "spec.ports[name=https].targetPort was removed"
        ]
    );
}

#[test]
fn a_set_is_compared_by_its_values() {
    let mut object = config_map().object().clone();
    object["metadata"]["finalizers"] = json!(["a.example.com/x", "b.example.com/y"]);
    let desired = desired::<ConfigMap>(object);
    let mut ours = entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }));
    ours["fieldsV1"]["f:metadata"]["f:finalizers"] =
        json!({ "v:\"a.example.com/x\"": {}, "v:\"b.example.com/y\"": {} });
    assert_eq!(
        plan(&desired, Some(&live(&desired, [ours.clone()]))),
        Plan::Unchanged
    );
    let ours = without(ours, &["f:metadata", "f:finalizers", "v:\"b.example.com/y\""]);
    let lost = drift(plan(&desired, Some(&live(&desired, [ours]))));
    assert_eq!(lost, ["metadata.finalizers[b.example.com/y] was removed"]);
}

#[test]
fn another_wish_is_a_change_and_no_drift() {
    let applied = deployment();
    let mut object = applied.object().clone();
    object["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .expect("a container")
        .remove("readinessProbe");
    let wanted = desired::<Deployment>(object);
    let changed = Plan::Apply(Because::Changed);
    assert_eq!(
        plan(&wanted, Some(&live(&applied, [deployment_entry()]))),
        changed,
        "a field less"
    );

    let mut object = applied.object().clone();
    object["spec"]["paused"] = true.into();
    let wanted = desired::<Deployment>(object);
    assert_eq!(
        plan(&wanted, Some(&live(&applied, [deployment_entry()]))),
        changed,
        "a field more"
    );
}

#[test]
fn an_edited_hash_is_drift() {
    let desired = config_map();
    let annotation = json!({ "f:metadata": { "f:annotations": { format!("f:{APPLIED_HASH}"): {} } } });
    let ours = entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }));
    let ours = without(
        ours,
        &["f:metadata", "f:annotations", &format!("f:{APPLIED_HASH}")],
    );
    let mut live = live(&desired, [ours, foreign_entry("kubectl-edit", "", &annotation)]);
    live["metadata"]["annotations"][APPLIED_HASH] = "edited".into();
    let found = drift(plan(&desired, Some(&live)));
    assert_eq!(
        found,
        [format!(
            "metadata.annotations.{APPLIED_HASH} was changed by kubectl-edit (Update)"
        )]
    );
}

#[test]
fn without_an_entry_of_ours_in_this_version_the_object_is_applied() {
    let desired = deployment();
    let mut posted = deployment_entry();
    posted["operation"] = "Update".into();
    let mut of_status = deployment_entry();
    of_status["subresource"] = "status".into();
    let mut older = deployment_entry();
    older["apiVersion"] = "apps/v1beta1".into();
    for (case, entries) in [
        ("stripped", vec![]),
        ("posted", vec![posted]),
        ("status", vec![of_status]),
        ("older", vec![older]),
    ] {
        let plan = plan(&desired, Some(&live(&desired, entries)));
        assert_eq!(plan, Plan::Apply(Because::Changed), "{case}");
    }
}

#[test]
fn what_is_not_ours_is_not_written() {
    let desired = config_map();
    assert_eq!(plan(&desired, None), Plan::Create);

    let ours = live(
        &desired,
        [entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }))],
    );
    let mut foreign = of_former(&ours);
    foreign["metadata"]["ownerReferences"][0]["name"] = "another".into();
    let owner = Owner::Object {
        kind: "AggregatedServer".into(),
        name: "another".into(),
        uid: FORMER.into(),
    };
    assert_eq!(plan(&desired, Some(&foreign)), Plan::Foreign { owner });

    foreign["metadata"]["deletionTimestamp"] = "2026-11-22T18:10:42Z".into();
    assert_eq!(plan(&desired, Some(&foreign)), Plan::Terminating);
}

#[test]
fn what_names_a_former_owner_is_taken_up_again() {
    let desired = config_map();
    let entry = entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }));
    let mut former = of_former(&live(&desired, [entry]));
    assert_eq!(plan(&desired, Some(&former)), Plan::Apply(Because::Adopted));

    former["metadata"]["managedFields"] = json!([]);
    assert_eq!(plan(&desired, Some(&former)), Plan::Apply(Because::Adopted));

    former["metadata"]["deletionTimestamp"] = "2026-11-22T18:10:42Z".into();
    assert_eq!(plan(&desired, Some(&former)), Plan::Terminating);
}

#[test]
fn what_a_restore_wrote_becomes_ours() {
    let desired = config_map();
    let ours = entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }));
    let applied = of_former(&live(&desired, [ours.clone()]));
    assert_eq!(converted(&desired, &applied), None, "the managedFields of before");

    let mut restored = of_former(&ours);
    restored["manager"] = "velero-server".into();
    restored["operation"] = "Update".into();
    restored["fieldsV1"]["f:data"]["f:old"] = json!({});
    let mut as_ours = restored.clone();
    as_ours["manager"] = FIELD_MANAGER.into();
    as_ours["operation"] = "Apply".into();
    let labels = foreign_entry(
        "other",
        "",
        &json!({ "f:metadata": { "f:labels": { "f:mine": {} } } }),
    );
    let live_of = |entries: Vec<Value>| {
        let mut live = of_former(&live(&desired, []));
        live["metadata"]["managedFields"] = entries.into();
        live
    };
    let entries = converted(&desired, &live_of(vec![restored.clone(), labels.clone()]));
    assert_eq!(entries.expect("a conversion"), [labels.clone(), as_ours.clone()]);

    // What the tool wrote for itself stays its own: an apply without it would take it away.
    let mut with_label = restored.clone();
    with_label["fieldsV1"]["f:metadata"]["f:labels"]["f:velero.io/backup-name"] = json!({});
    let entries = converted(&desired, &live_of(vec![with_label])).expect("a conversion");
    let mut theirs = restored.clone();
    theirs["fieldsV1"] = json!({ "f:metadata": { "f:labels": { "f:velero.io/backup-name": {} } } });
    assert_eq!(entries, [theirs, as_ours.clone()]);

    let mut rest = ours.clone();
    rest["fieldsV1"] = json!({ "f:data": { "f:ca.crt": {} } });
    let entries = converted(&desired, &live_of(vec![rest, restored.clone()])).expect("a conversion");
    assert_eq!(entries.len(), 1, "one entry of one manager and operation");
    assert_eq!(entries[0]["fieldsV1"], as_ours["fieldsV1"]);

    let mut declared = restored;
    declared["operation"] = "Apply".into();
    assert_eq!(converted(&desired, &live_of(vec![declared, labels])), None);
}

#[test]
fn a_posts_entry_becomes_an_applys() {
    let desired = config_map();
    let ours = entry(&desired, json!({ "f:data": { "f:ca.crt": {} } }));
    let mut posted = ours.clone();
    posted["operation"] = "Update".into();
    posted["fieldsV1"]["f:data"] = json!({ ".": {}, "f:old": {} });
    let status = foreign_entry("other", "", &json!({ "f:data": { "f:theirs": {} } }));

    assert_eq!(
        converted(&desired, &live(&desired, [ours.clone(), status.clone()])),
        None,
        "in form already"
    );

    let entries =
        converted(&desired, &live(&desired, [posted.clone(), status.clone()])).expect("a conversion");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0], status);
    assert_eq!(
        (&entries[1]["operation"], &entries[1]["fieldsV1"]),
        (&json!("Apply"), &posted["fieldsV1"])
    );

    let entries = converted(&desired, &live(&desired, [posted, ours])).expect("a conversion");
    assert_eq!(entries.len(), 1, "one entry of one manager and operation");
    assert_eq!(
        entries[0]["fieldsV1"]["f:data"],
        json!({ ".": {}, "f:old": {}, "f:ca.crt": {} })
    );

    let entries = converted(&desired, &live(&desired, [])).expect("a conversion");
    assert_eq!((entries.len(), &entries[0]["operation"]), (1, &json!("Apply")));
}

const REPLICAS: &[&[&str]] = &[&["spec", "replicas"]];

fn unscaled() -> Desired {
    let mut object = deployment().object().clone();
    let spec = object["spec"].as_object_mut().expect("a spec");
    spec.remove("replicas").expect("replicas");
    desired::<Deployment>(object).leaving(REPLICAS)
}

#[test]
fn what_is_left_to_others_leaves_our_entry_and_nobody_elses() {
    let scaler = foreign_entry("kubectl", "scale", &json!({ "f:spec": { "f:replicas": {} } }));
    let mut posted = deployment_entry();
    posted["operation"] = "Update".into();
    let released = without(deployment_entry(), &["f:spec", "f:replicas"]);
    // An Apply that lost all but the field, beside the POST's.
    let mut rest = deployment_entry();
    rest["fieldsV1"] = json!({ "f:spec": { "f:replicas": {} } });
    for (case, entries) in [
        ("applied", vec![scaler.clone(), deployment_entry()]),
        ("posted", vec![scaler.clone(), posted.clone()]),
        ("both", vec![rest, scaler.clone(), posted]),
    ] {
        let entries = converted(&unscaled(), &live(&deployment(), entries)).expect("a release");
        assert_eq!(entries, [scaler.clone(), released.clone()], "{case}");
    }
}

#[test]
fn nothing_is_released_that_is_desired_or_not_ours() {
    let scaler = foreign_entry("kubectl", "scale", &json!({ "f:spec": { "f:replicas": {} } }));
    let released = without(deployment_entry(), &["f:spec", "f:replicas"]);
    for (case, desired, entry) in [
        ("desired", deployment().leaving(REPLICAS), deployment_entry()),
        ("nobody's", unscaled(), released),
        ("not to be left", unscaled().leaving(&[]), deployment_entry()),
    ] {
        let live = live(&deployment(), [scaler.clone(), entry]);
        assert_eq!(converted(&desired, &live), None, "{case}");
    }
}

#[test]
fn an_entry_that_loses_its_last_field_stays_an_entry() {
    let mut last = deployment_entry();
    last["fieldsV1"] = json!({ "f:spec": { "f:replicas": {} } });
    let entries = converted(&unscaled(), &live(&deployment(), [last])).expect("a release");
    assert_eq!(entries.len(), 1);
    assert_eq!(
        entries[0]["fieldsV1"],
        json!({ "f:metadata": { "f:annotations": { format!("f:{APPLIED_HASH}"): {} } } })
    );
}
