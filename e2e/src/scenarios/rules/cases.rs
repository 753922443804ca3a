//! The table: what is changed in a valid AggregatedServer, and what the API server says.

mod storage;

use serde_json::{Value, json};

/// The name of every object here.
pub(super) const NAME: &str = "rules";

/// A change (RFC 7386) of a valid object, and the words of its refusal; without any, it is accepted.
pub(super) struct Case {
    base: Value,
    pub(super) change: Value,
    pub(super) refusal: Option<String>,
}

impl Case {
    /// The object to create.
    pub(super) fn object(&self) -> Value {
        let mut object = self.base.clone();
        merge(&mut object, &self.change);
        object
    }
}

/// The kinds of objects that there are rules for.
pub(super) const KINDS: [&str; 4] = ["workload", "service", "embedded", "etcd"];

/// A valid AggregatedServer with this backend; the kinds of storage have a workload.
pub(super) fn backend(kind: &str) -> Value {
    let workload = || json!({ "image": "localhost/none" });
    let backend = match kind {
        "service" => json!({ "service": { "name": "adapter" } }),
        "embedded" => json!({ "workload": workload(), "storage": { "embedded": { "size": "1Gi" } } }),
        "etcd" => json!({
            "workload": workload(),
            "storage": { "etcd": { "endpoints": ["https://etcd.example.com:2379"] } },
        }),
        _ => json!({ "workload": workload() }),
    };
    let mut server = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedServer",
        "metadata": { "name": NAME },
        "spec": {
            "namespace": "rules-no-such-namespace",
            "apis": [{ "group": "rules.example.com", "version": "v1" }],
        },
    });
    merge(&mut server["spec"], &backend);
    server
}

/// `spec` of the service backend as it is stored.
pub(super) fn defaults() -> Value {
    json!({
        "namespace": "rules-no-such-namespace",
        "apis": [{ "group": "rules.example.com", "version": "v1" }],
        "service": { "name": "adapter", "port": 443 },
        "certificates": {
            "selfSigned": { "caDuration": "43800h0m0s", "duration": "720h0m0s" },
            "mount": {
                "path": "/var/run/annex/serving-cert",
                "certificateKey": "tls.crt", "privateKeyKey": "tls.key", "caKey": "ca.crt",
            },
            "reload": "Hot",
        },
        "adoption": "Never",
    })
}

fn merge(target: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            target.as_object_mut().map(|fields| fields.remove(key));
        } else {
            merge(&mut target[key.as_str()], change);
        }
    }
}

fn case(kind: &str, change: Value, refusal: Option<&str>) -> Case {
    Case {
        base: backend(kind),
        change,
        refusal: refusal.map(str::to_owned),
    }
}

fn accepted(spec: Value) -> Case {
    case("workload", json!({ "spec": spec }), None)
}

fn refused(spec: Value, words: &str) -> Case {
    case("workload", json!({ "spec": spec }), Some(words))
}

/// A value of a field that is out of its bounds: the refusal names the field.
fn out_of_bounds(pointer: &str, value: Value, words: &str) -> Case {
    let spec = pointer
        .rsplit('.')
        .fold(value, |inner, field| json!({ field: inner }));
    refused(spec, &format!("spec.{pointer} {words}"))
}

/// All cases of a creation.
pub(super) fn all() -> Vec<Case> {
    [
        names(),
        backends(),
        apis(),
        workload(),
        strategy(),
        certificates(),
        durations(),
        bounds(),
        storage::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names() -> Vec<Case> {
    let rule = "metadata.name must be a DNS-1035 label of at most 50 characters: the Service and its pods are named after it";
    let named = |name: String, refusal| case("workload", json!({ "metadata": { "name": name } }), refusal);
    vec![
        named("a".into(), None),
        named("a-9".into(), None),
        named("a".repeat(50), None),
        named("a".repeat(51), Some(rule)),
        named("9a".into(), Some(rule)),
        named("a.b".into(), Some(rule)),
    ]
}

fn backends() -> Vec<Case> {
    let one = "exactly one of workload and service is required";
    let restart = json!({ "certificates": { "reload": "Restart" } });
    let in_kube_system = json!({ "namespace": "kube-system" });
    vec![
        accepted(json!({})),
        accepted(restart.clone()),
        refused(json!({ "workload": null }), one),
        refused(json!({ "service": { "name": "adapter" } }), one),
        case("service", json!({}), None),
        case("service", json!({ "spec": in_kube_system }), None),
        refused(in_kube_system, "kube-system is for service backends only"),
        case(
            "service",
            json!({ "spec": restart }),
            Some(
                "certificates.reload: Restart and HotOrRestart need a workload: Annex restarts nobody else's",
            ),
        ),
        case("service", json!({ "spec": { "service": { "port": 1 } } }), None),
        case(
            "service",
            json!({ "spec": { "service": { "port": 65535 } } }),
            None,
        ),
        service_out_of_bounds("port", json!(0), "in body should be greater than or equal to 1"),
        service_out_of_bounds(
            "port",
            json!(65536),
            "in body should be less than or equal to 65535",
        ),
        service_out_of_bounds("name", json!("Adapter"), "in body should match"),
        service_out_of_bounds("name", json!("9a"), "in body should match"),
        service_out_of_bounds("name", json!(""), "in body should be at least 1 chars long"),
        case(
            "service",
            json!({ "spec": { "service": { "name": "a".repeat(64) } } }),
            Some("spec.service.name: Too long: may not be more than 63 bytes"),
        ),
        refused(
            json!({ "adoption": "Force" }),
            r#"spec.adoption: Unsupported value: "Force": supported values: "Never""#,
        ),
        refused(json!({ "namespace": null }), "spec.namespace: Required value"),
        accepted(json!({ "apis": null })),
    ]
}

fn service_out_of_bounds(field: &str, value: Value, words: &str) -> Case {
    let refusal = format!("spec.service.{field} {words}");
    case(
        "service",
        json!({ "spec": { "service": { field: value } } }),
        Some(&refusal),
    )
}

fn apis() -> Vec<Case> {
    let claim = |more: Value| {
        let mut claim = json!({ "group": "rules.example.com", "version": "v1" });
        merge(&mut claim, &more);
        claim
    };
    let one = |more: Value| json!({ "apis": [claim(more)] });
    let many = |count: usize| -> Value {
        (1..=count)
            .map(|number| claim(json!({ "version": format!("v{number}") })))
            .collect()
    };
    let two = |first: Value, second: Value| json!({ "apis": [claim(first), claim(second)] });
    let long_group = |length: usize| format!("{}.example.com", "a".repeat(length - ".example.com".len()));
    let priority = |number: i32| json!({ "groupPriorityMinimum": number });
    let second = |number: i32| json!({ "version": "v2", "groupPriorityMinimum": number });
    let same = "groupPriorityMinimum must be the same for all versions of a group";
    let together = "version and group together must have at most 252 characters: the APIService is named <version>.<group>";
    let field =
        |more: Value, name: &str, words: &str| refused(one(more), &format!("spec.apis[0].{name} {words}"));
    vec![
        accepted(json!({ "apis": many(64) })),
        refused(
            json!({ "apis": many(65) }),
            "spec.apis: Too many: 65: must have at most 64 items",
        ),
        accepted(json!({ "apis": [] })),
        refused(two(json!({}), json!({})), "spec.apis[1]: Duplicate value"),
        accepted(two(priority(2000), second(2000))),
        accepted(two(priority(2000), json!({ "version": "v2" }))),
        accepted(two(
            priority(2000),
            json!({ "group": "other.example.com", "groupPriorityMinimum": 3000 }),
        )),
        refused(two(priority(2000), second(3000)), same),
        refused(
            one(json!({ "group": "rules" })),
            "a group without a dot belongs to Kubernetes itself",
        ),
        accepted(one(json!({ "group": "metrics.k8s.io" }))),
        accepted(one(json!({ "group": long_group(250) }))),
        refused(one(json!({ "group": long_group(251) })), together),
        refused(
            one(json!({ "group": "a".repeat(254) })),
            "spec.apis[0].group: Too long: may not be more than 253 bytes",
        ),
        field(
            json!({ "group": "a." }),
            "group",
            "in body should be at least 3 chars long",
        ),
        field(
            json!({ "group": "Rules.example.com" }),
            "group",
            "in body should match",
        ),
        field(json!({ "group": "rules..com" }), "group", "in body should match"),
        field(json!({ "version": "V1" }), "version", "in body should match"),
        field(json!({ "version": "1" }), "version", "in body should match"),
        field(
            json!({ "version": "" }),
            "version",
            "in body should be at least 1 chars long",
        ),
        refused(
            one(json!({ "version": "v".repeat(64) })),
            "spec.apis[0].version: Too long: may not be more than 63 bytes",
        ),
        accepted(one(priority(1))),
        accepted(one(priority(20000))),
        field(
            priority(0),
            "groupPriorityMinimum",
            "in body should be greater than or equal to 1",
        ),
        field(
            priority(20001),
            "groupPriorityMinimum",
            "in body should be less than or equal to 20000",
        ),
        accepted(one(json!({ "versionPriority": 1, "crdShadow": "Allow" }))),
        accepted(one(json!({ "versionPriority": 1000 }))),
        field(
            json!({ "versionPriority": 0 }),
            "versionPriority",
            "in body should be greater than or equal to 1",
        ),
        field(
            json!({ "versionPriority": 1001 }),
            "versionPriority",
            "in body should be less than or equal to 1000",
        ),
        refused(
            one(json!({ "crdShadow": "Maybe" })),
            r#"spec.apis[0].crdShadow: Unsupported value: "Maybe": supported values: "Refuse", "Allow""#,
        ),
    ]
}

fn workload() -> Vec<Case> {
    let with = |more: Value| json!({ "workload": more });
    let words = |count: usize| vec!["a"; count];
    let long = "a".repeat(4097);
    vec![
        accepted(with(
            json!({ "servingFlags": "None", "port": 1, "replicas": 0, "template": { "spec": { "unknown": 1 } } }),
        )),
        accepted(with(
            json!({ "port": 65535, "replicas": 100, "command": words(64), "args": words(128) }),
        )),
        out_of_bounds(
            "workload.image",
            json!(""),
            "in body should be at least 1 chars long",
        ),
        refused(
            with(json!({ "image": "a".repeat(513) })),
            "spec.workload.image: Too long: may not be more than 512 bytes",
        ),
        refused(
            with(json!({ "image": null })),
            "a workload without an image is Annex's own program, which needs storage",
        ),
        case(
            "embedded",
            json!({ "spec": { "workload": { "image": null } } }),
            None,
        ),
        refused(
            with(json!({ "command": words(65) })),
            "spec.workload.command: Too many: 65: must have at most 64 items",
        ),
        refused(
            with(json!({ "args": words(129) })),
            "spec.workload.args: Too many: 129: must have at most 128 items",
        ),
        refused(
            with(json!({ "command": [long] })),
            "spec.workload.command[0]: Too long: may not be more than 4096 bytes",
        ),
        refused(
            with(json!({ "args": [long] })),
            "spec.workload.args[0]: Too long: may not be more than 4096 bytes",
        ),
        out_of_bounds(
            "workload.port",
            json!(0),
            "in body should be greater than or equal to 1",
        ),
        out_of_bounds(
            "workload.port",
            json!(65536),
            "in body should be less than or equal to 65535",
        ),
        out_of_bounds(
            "workload.replicas",
            json!(-1),
            "in body should be greater than or equal to 0",
        ),
        out_of_bounds(
            "workload.replicas",
            json!(101),
            "in body should be less than or equal to 100",
        ),
        refused(
            with(json!({ "servingFlags": "Some" })),
            r#"spec.workload.servingFlags: Unsupported value: "Some": supported values: "Standard", "None""#,
        ),
        refused(
            with(json!({ "template": [] })),
            "spec.workload.template: Invalid value: \"array\"",
        ),
    ]
}

fn strategy() -> Vec<Case> {
    let with = |more: Value| json!({ "workload": { "strategy": more } });
    let surge = |value: Value| with(json!({ "rollingUpdate": { "maxSurge": value } }));
    vec![
        accepted(with(json!({ "type": "Recreate" }))),
        accepted(surge(json!("100%"))),
        accepted(surge(json!(3))),
        refused(
            with(json!({ "type": "OnDelete" })),
            r#"spec.workload.strategy.type: Unsupported value: "OnDelete": supported values: "RollingUpdate", "Recreate""#,
        ),
        refused(
            with(json!({ "type": "Recreate", "rollingUpdate": { "maxSurge": 1 } })),
            "rollingUpdate belongs to type RollingUpdate",
        ),
        out_of_bounds(
            "workload.strategy.rollingUpdate.maxSurge",
            json!("101%"),
            "in body should match",
        ),
        out_of_bounds(
            "workload.strategy.rollingUpdate.maxUnavailable",
            json!("half"),
            "in body should match",
        ),
    ]
}

fn certificates() -> Vec<Case> {
    let with = |more: Value| json!({ "certificates": more });
    let names = |count: usize| -> Value {
        (0..count)
            .map(|number| json!(format!("name-{number}.example.com")))
            .collect()
    };
    let differ = "certificateKey, privateKeyKey and caKey must differ";
    vec![
        accepted(with(json!({ "secretName": "a.b-9", "dnsNames": names(16) }))),
        refused(
            with(json!({ "dnsNames": names(17) })),
            "spec.certificates.dnsNames: Too many: 17: must have at most 16 items",
        ),
        refused(
            with(json!({ "dnsNames": ["a.example", "a.example"] })),
            "spec.certificates.dnsNames[1]: Duplicate value",
        ),
        refused(
            with(json!({ "dnsNames": ["*.example.com"] })),
            "spec.certificates.dnsNames[0] in body should match",
        ),
        refused(
            with(json!({ "dnsNames": [""] })),
            "spec.certificates.dnsNames[0] in body should be at least 1 chars long",
        ),
        refused(
            with(json!({ "dnsNames": ["a".repeat(254)] })),
            "spec.certificates.dnsNames[0]: Too long: may not be more than 253 bytes",
        ),
        out_of_bounds("certificates.secretName", json!("Secret"), "in body should match"),
        out_of_bounds(
            "certificates.secretName",
            json!(""),
            "in body should be at least 1 chars long",
        ),
        refused(
            with(json!({ "secretName": "a".repeat(254) })),
            "spec.certificates.secretName: Too long: may not be more than 253 bytes",
        ),
        refused(
            with(json!({ "reload": "Never" })),
            r#"spec.certificates.reload: Unsupported value: "Never": supported values: "Hot", "Restart", "HotOrRestart""#,
        ),
        out_of_bounds(
            "certificates.mount.path",
            json!("relative"),
            "in body should match",
        ),
        out_of_bounds("certificates.mount.path", json!("/a:b"), "in body should match"),
        out_of_bounds(
            "certificates.mount.certificateKey",
            json!("../tls.crt"),
            "in body should match",
        ),
        out_of_bounds(
            "certificates.mount.privateKeyKey",
            json!(".."),
            "in body should match",
        ),
        out_of_bounds(
            "certificates.mount.caKey",
            json!(""),
            "in body should be at least 1 chars long",
        ),
        refused(with(json!({ "mount": { "caKey": "tls.crt" } })), differ),
        refused(with(json!({ "mount": { "privateKeyKey": "tls.crt" } })), differ),
        refused(with(json!({ "mount": { "privateKeyKey": "ca.crt" } })), differ),
    ]
}

fn durations() -> Vec<Case> {
    let with = |more: Value| json!({ "certificates": { "selfSigned": more } });
    let bad_renewal = "renewBefore must be at least 1m and shorter than duration";
    let bad_ca = "caDuration must be at least twice as long as duration";
    vec![
        accepted(with(
            json!({ "duration": "1h", "renewBefore": "59m59s", "caDuration": "2h" }),
        )),
        accepted(with(json!({ "duration": "720h0m0s", "renewBefore": "1m" }))),
        refused(
            with(json!({ "duration": "59m59.9s" })),
            "duration must be at least 1h",
        ),
        refused(
            with(json!({ "duration": "2h", "renewBefore": "2h" })),
            bad_renewal,
        ),
        refused(
            with(json!({ "duration": "2h", "renewBefore": "59s" })),
            bad_renewal,
        ),
        refused(with(json!({ "duration": "2h", "caDuration": "3h59m" })), bad_ca),
        out_of_bounds(
            "certificates.selfSigned.duration",
            json!("30d"),
            "in body should match",
        ),
        out_of_bounds(
            "certificates.selfSigned.duration",
            json!("-1h"),
            "in body should match",
        ),
        out_of_bounds(
            "certificates.selfSigned.renewBefore",
            json!("0"),
            "in body should",
        ),
        refused(
            with(json!({ "caDuration": "1h".repeat(17) })),
            "spec.certificates.selfSigned.caDuration: Too long: may not be more than 32 bytes",
        ),
    ]
}

/// Bounds of the fields that stand in `spec` itself.
fn bounds() -> Vec<Case> {
    vec![
        accepted(json!({ "namespace": "9" })),
        out_of_bounds("namespace", json!("Rules"), "in body should match"),
        out_of_bounds("namespace", json!(""), "in body should be at least 1 chars long"),
        refused(
            json!({ "namespace": "a".repeat(64) }),
            "spec.namespace: Too long: may not be more than 63 bytes",
        ),
    ]
}

/// Changes of an object that stands.
pub(super) fn changes(kind: &str) -> Vec<Case> {
    let change = |spec: Value, refusal| case(kind, json!({ "spec": spec }), refusal);
    let backend_stays = "the backend is immutable: workload cannot become service, nor the other way round";
    let mut cases = vec![
        change(
            json!({ "namespace": "rules-elsewhere" }),
            Some("namespace is immutable"),
        ),
        change(
            json!({ "certificates": { "dnsNames": ["rules.example.com"] } }),
            None,
        ),
    ];
    cases.extend(match kind {
        "service" => vec![
            change(
                json!({ "service": { "name": "other" } }),
                Some("service.name is immutable"),
            ),
            change(json!({ "service": { "port": 8443 } }), None),
            change(
                json!({ "service": null, "workload": { "image": "a" } }),
                Some(backend_stays),
            ),
        ],
        "embedded" => storage::changes_of_embedded(),
        "etcd" => storage::changes_of_etcd(),
        _ => vec![
            change(json!({ "workload": { "image": "other", "port": 9443 } }), None),
            change(
                json!({ "storage": { "embedded": { "size": "1Gi" } } }),
                Some(storage::KIND),
            ),
            change(
                json!({ "workload": null, "service": { "name": "a" } }),
                Some(backend_stays),
            ),
        ],
    });
    cases
}
