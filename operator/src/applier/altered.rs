//! What the API server keeps instead of what was applied.
//!
//! Mutating admission, by a webhook or a MutatingAdmissionPolicy, changes an object after its field manager has recorded who has
//! which field, and leaves no manager of its own: the fields stay ours, with other values. So the answer to an apply is compared with
//! what was applied, as far as our entry owns it: what others added, and defaults, are no difference. Nor are other
//! spellings of the same value: the server writes a quantity of `0.5` as `500m`, and leaves out what is empty.

use serde_json::{Map, Value};

use super::managed_fields::{Step, children, display, has_keys, is_never_owned, matching_nodes, our_fields};

/// How many fields are named at most.
const FIELDS: usize = 16;

/// The fields of `desired` that our entry of `live` owns, and that have another value there, or none.
pub(super) fn altered(desired: &Value, live: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(fields) = our_fields(live) {
        compare(desired, live, fields, &[], &mut paths);
    }
    paths
}

fn compare(
    desired: &Value,
    live: &Value,
    node: &Map<String, Value>,
    above: &[Step<'_>],
    paths: &mut Vec<String>,
) {
    for (step, wanted) in children(desired) {
        if is_never_owned(above, step) || paths.len() >= FIELDS {
            continue;
        }
        // A field that is not ours any more is drift; that of an item which leaves a key to its default may be one of several.
        let mut owned = matching_nodes(node, step).map(|(key, node)| (part(live, key), node));
        let whole = |(found, _): &(Option<&Value>, _)| found.is_some_and(|found| is_same(wanted, found));
        let Some((found, node)) = owned.clone().find(whole).or_else(|| owned.next()) else {
            continue;
        };
        let path = [above, &[step]].concat();
        match (found, node.as_object().filter(|below| !below.is_empty())) {
            (Some(found), Some(below)) if found.is_object() == wanted.is_object() => {
                compare(wanted, found, below, &path, paths);
            }
            (Some(found), None) if is_same(wanted, found) => {}
            (None, _) if is_empty(wanted) => {}
            _ => paths.push(display(&path)),
        }
    }
}

/// The part of `value` that a key of `fieldsV1` leads to.
fn part<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let (kind, rest) = key.split_at_checked(2)?;
    match kind {
        "f:" => value.get(rest),
        "k:" => value.as_array()?.iter().find(|item| has_keys(item, rest)),
        "v:" => {
            let item: Value = serde_json::from_str(rest).ok()?;
            value.as_array()?.iter().find(|other| **other == item)
        }
        "i:" => value.as_array()?.get(rest.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Whether `found` is `wanted`, with what the server may have added to it.
fn is_same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(name, wanted)| {
            let found = found.get(name);
            found.map_or_else(|| is_empty(wanted), |found| is_same(wanted, found))
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| is_same(wanted, found))
        }
        (wanted, found) => wanted == found || is_same_quantity(wanted, found),
    }
}

/// What Go's encoding leaves out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

fn is_same_quantity(wanted: &Value, found: &Value) -> bool {
    let (Some(wanted), Some(found)) = (quantity(wanted), quantity(found)) else {
        return false;
    };
    (wanted - found).abs() <= f64::EPSILON * 4.0 * wanted.abs().max(found.abs())
}

/// A resource.Quantity (k8s.io/apimachinery/pkg/api/resource) as a number.
fn quantity(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text,
        _ => return None,
    };
    if let Some(number) = number(text) {
        return Some(number);
    }
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let of_suffix = |(suffix, factor): &(&str, f64)| Some(number(text.strip_suffix(suffix)?)? * factor);
    SUFFIXES.iter().find_map(of_suffix)
}

/// A decimal number: none of the words that a float may be.
fn number(text: &str) -> Option<f64> {
    let is_decimal = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    let has_no_words = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    text.parse().ok().filter(|_| is_decimal && has_no_words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The answer to an apply of `desired` by somebody who then has these fields.
    fn answer(mut object: Value, fields: Value) -> Value {
        object["metadata"]["managedFields"] = json!([{
            "manager": annex_crds::MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields,
        }]);
        object
    }

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "a", "labels": { "tier": "api" } },
            "spec": { "template": { "spec": {
                "containers": [{
                    "name": "server", "image": "a:1", "args": ["--a", "--b"], "env": [{ "name": "EMPTY", "value": "" }],
                    "resources": { "limits": { "cpu": "0.5", "memory": "1024Mi" } },
                    "ports": [{ "containerPort": 8443 }],
                }],
                "volumes": [{ "name": "tmp", "emptyDir": {} }],
                "nodeSelector": { "disk": "ssd" },
            } } },
        })
    }

    fn fields() -> Value {
        json!({
            "f:metadata": { "f:labels": { "f:tier": {} } },
            "f:spec": { "f:template": { "f:spec": {
                "f:containers": { "k:{\"name\":\"server\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:env": { "k:{\"name\":\"EMPTY\"}": { ".": {}, "f:name": {}, "f:value": {} } },
                    "f:resources": { "f:limits": { "f:cpu": {}, "f:memory": {} } },
                    "f:ports": { "k:{\"containerPort\":8443,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                } },
                "f:volumes": { "k:{\"name\":\"tmp\"}": { ".": {}, "f:name": {}, "f:emptyDir": {} } },
                "f:nodeSelector": {},
            } } },
        })
    }

    /// As the server answers, with defaults, its spellings, and a container of a sidecar injector.
    fn kept() -> Value {
        let mut kept = desired();
        kept["metadata"]["labels"]["added"] = "1".into();
        let pod = &mut kept["spec"]["template"]["spec"];
        pod["dnsPolicy"] = "ClusterFirst".into();
        let server = &mut pod["containers"][0];
        server["resources"]["limits"] = json!({ "cpu": "500m", "memory": "1Gi" });
        server["ports"][0]["protocol"] = "TCP".into();
        server["env"] = json!([{ "name": "ADDED", "value": "1" }, { "name": "EMPTY" }]);
        let containers = pod["containers"].as_array_mut().unwrap();
        containers.insert(0, json!({ "name": "sidecar", "image": "b" }));
        kept
    }

    #[test]
    fn what_the_server_adds_and_spells_otherwise_is_no_difference() {
        assert_eq!(
            altered(&desired(), &answer(kept(), fields())),
            Vec::<String>::new()
        );
        assert_eq!(
            altered(&desired(), &kept()),
            Vec::<String>::new(),
            "nothing is ours"
        );
    }

    #[test]
    fn what_admission_changed_is_named() {
        type Deed = fn(&mut Value);
        let cases: [(Deed, &str); 7] = [
            (
                |live| live["metadata"]["labels"]["tier"] = "other".into(),
                "metadata.labels.tier",
            ),
            (
                |live| live["metadata"]["labels"] = json!({ "added": "1" }),
                "metadata.labels.tier",
            ),
            (
                |live| live["spec"]["template"]["spec"]["containers"][1]["image"] = "mirror/a:1".into(),
                "spec.template.spec.containers[name=server].image",
            ),
            (
                |live| {
                    live["spec"]["template"]["spec"]["containers"][1]["args"] = json!(["--a", "--b", "--c"])
                },
                "spec.template.spec.containers[name=server].args",
            ),
            (
                |live| {
                    live["spec"]["template"]["spec"]["containers"][1]["resources"]["limits"]["cpu"] =
                        "600m".into();
                },
                "spec.template.spec.containers[name=server].resources.limits.cpu",
            ),
            (
                |live| live["spec"]["template"]["spec"]["volumes"] = json!([]),
                "spec.template.spec.volumes[name=tmp]",
            ),
            (
                |live| live["spec"]["template"]["spec"]["nodeSelector"]["disk"] = "hdd".into(),
                "spec.template.spec.nodeSelector",
            ),
        ];
        for (deed, path) in cases {
            let mut live = kept();
            deed(&mut live);
            assert_eq!(altered(&desired(), &answer(live, fields())), [path]);
        }
    }

    #[test]
    fn a_field_that_is_not_ours_is_for_drift_to_tell() {
        let mut live = kept();
        live["metadata"]["labels"]["tier"] = "other".into();
        let mut fields = fields();
        fields.as_object_mut().unwrap().remove("f:metadata");
        assert_eq!(altered(&desired(), &answer(live, fields)), Vec::<String>::new());
    }

    #[test]
    fn quantities_are_compared_as_numbers() {
        let same = |wanted: Value, found: Value| is_same(&wanted, &found);
        assert!(
            same(json!("0.1"), json!("100m"))
                && same(json!(1), json!("1"))
                && same(json!("1e3"), json!("1k"))
        );
        assert!(
            !same(json!("1Gi"), json!("1G"))
                && !same(json!("nan"), json!("inf"))
                && !same(json!("a"), json!("b"))
        );
    }
}
