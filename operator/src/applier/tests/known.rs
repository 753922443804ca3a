//! What is known of an object without the object says the same as the plan does.

use kube::core::ObjectMeta;

use super::super::{Known, Plan, plan};
use super::*;
use crate::decode::{Managed, ObjectMetadata};

fn known(live: &Value) -> Known {
    let Managed::<ObjectMetadata> { object, own, .. } =
        serde_json::from_value(live.clone()).expect("an object");
    Known::new(kube::Resource::meta(&object), own)
}

#[test]
fn what_is_known_says_what_the_plan_says() {
    let deployment = deployment();
    let whole = live(&deployment, [deployment_entry()]);
    let mut deleting = whole.clone();
    deleting["metadata"]["deletionTimestamp"] = "2026-11-22T18:10:42Z".into();
    let mut of_nobody = whole.clone();
    of_nobody["metadata"]["ownerReferences"] = Value::Null;
    let mut older = whole.clone();
    older["metadata"]["annotations"][APPLIED_HASH] = "older".into();
    let image = [
        "f:spec",
        "f:template",
        "f:spec",
        "f:containers",
        "k:{\"name\":\"server\"}",
        "f:image",
    ];
    let taken = live(&deployment, [without(deployment_entry(), &image)]);
    let posted = {
        let mut entry = deployment_entry();
        entry["operation"] = "Update".into();
        live(&deployment, [entry])
    };
    let mut others_version = deployment_entry();
    others_version["apiVersion"] = "apps/v1beta2".into();
    for (case, live) in [
        ("whole", whole.clone()),
        ("deleting", deleting),
        ("of nobody", of_nobody),
        ("of a former owner", of_former(&whole)),
        ("older", older),
        ("taken", taken),
        ("posted", posted),
        ("of another version", live(&deployment, [others_version])),
        ("without entries", live(&deployment, [])),
    ] {
        let unchanged = plan(&deployment, Some(&live)) == Plan::Unchanged;
        let known = known(&live);
        for _ in 0..2 {
            assert_eq!(known.is_as(&deployment), unchanged, "{case}");
        }
        assert_eq!(unchanged, case == "whole");
    }
}

#[test]
fn what_was_found_out_once_is_taken_over_and_holds_for_that_object_alone() {
    let deployment = deployment();
    let whole = live(&deployment, [deployment_entry()]);
    let first = known(&whole);
    assert!(first.is_as(&deployment));
    // As with a status: another version, the same fields.
    let mut second = known(&whole);
    second.succeed(&first);
    assert!(second.is_as(&deployment));
    // The same fields are no proof for other ones that are wanted.
    let mut more = deployment.object().clone();
    more["metadata"]["labels"]["more"] = "1".into();
    let more = desired::<Deployment>(more);
    let mut applied = known(&live(&more, [deployment_entry()]));
    applied.succeed(&first);
    assert!(!applied.is_as(&more) && !applied.is_as(&deployment));
    // Fields that were taken are seen, whatever was found out before.
    let taken = without(deployment_entry(), &["f:spec", "f:selector"]);
    let mut taken = known(&live(&deployment, [taken]));
    taken.succeed(&first);
    assert!(!taken.is_as(&deployment));
}

#[test]
fn nothing_is_as_it_should_be_of_which_nothing_is_known() {
    assert!(!Known::new(&ObjectMeta::default(), None).is_as(&deployment()));
}
