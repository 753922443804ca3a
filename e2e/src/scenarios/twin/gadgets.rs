//! Gadgets on k8s.io/apiserver (`e2e/go/peer`) and on Annex's library (its example `peer`): a kind with a field of each form that
//! Kubernetes' own types have, in two versions, with rules, `/status`, `/scale` and one that connects.

use super::differences::Difference;
use super::pair::Pair;

/// The two, which claim `gadgets.example.com`.
pub(super) const PAIR: Pair = Pair {
    go: "peer-go",
    ours: "peer-ours",
    objects: "gadgets",
    access: ACCESS,
    group: "gadgets.example.com",
    go_server,
    our_server,
    files: &[
        include_str!("requests/gadgets/1-discovery.http"),
        include_str!("requests/gadgets/2-create.http"),
        include_str!("requests/gadgets/3-decode.http"),
        include_str!("requests/gadgets/4-read.http"),
        include_str!("requests/gadgets/5-update.http"),
        include_str!("requests/gadgets/6-strategic.http"),
        include_str!("requests/gadgets/7-apply.http"),
        include_str!("requests/gadgets/8-status.http"),
        include_str!("requests/gadgets/9-scale.http"),
        include_str!("requests/gadgets/10-delete.http"),
        include_str!("requests/gadgets/11-definition.http"),
        include_str!("requests/gadgets/12-integration.http"),
        include_str!("requests/gadgets/13-connect.http"),
    ],
    least: 800,
    definition: true,
    declared: DECLARED,
    #[cfg(test)]
    page: include_str!("../../../../docs/gadgets-differences.md"),
};

/// The user panda may patch and not create.
const ACCESS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: patcher, namespace: gadgets }
rules: [{ apiGroups: [gadgets.example.com], resources: [gadgets], verbs: [patch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: patcher, namespace: gadgets }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: patcher }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: panda }]
";

/// With an etcd beside it.
fn go_server(name: &str) -> String {
    let workload = "
    image: localhost/go-peer:v0.36.3
    args: [--etcd-servers=http://127.0.0.1:2379]
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: etcd
          image: localhost/etcd:v3.6.16
          args: [--data-dir=/data, --listen-client-urls=http://127.0.0.1:2379, --advertise-client-urls=http://127.0.0.1:2379]
          volumeMounts: [{ name: data, mountPath: /data }]";
    server(name, workload)
}

/// It keeps its objects as long as its pod lives.
fn our_server(name: &str) -> String {
    let workload = "
    image: localhost/peer:0.1.0
    args: [--data-dir=/data]
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: server
          volumeMounts: [{ name: data, mountPath: /data }]";
    server(name, workload)
}

fn server(name: &str, workload: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  apis:
  - {{ group: gadgets.example.com, version: v1 }}
  - {{ group: gadgets.example.com, version: v1beta1 }}
  workload:{workload}
        volumes:
        - {{ name: data, emptyDir: {{}} }}
"
    )
}

/// What docs/gadgets-differences.md lists.
const DECLARED: &[Difference] = &[
    Difference {
        request: "create of a Scale",
        reason: "says in other words that a Scale is no Gadget: Go names its own types",
    },
    Difference {
        request: "replace of another uid",
        reason: "tells the failed precondition without the key and code of Go's storage",
    },
    Difference {
        request: "merge patch of a wrong type deep in a list",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch with an unknown field of a spec, Strict",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "JSON patch of a wrong type",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "apply over 32 bits",
        reason: "refuses the number with 500; Go takes its lowest 32 bits, which are another one",
    },
    Difference {
        request: "replace a status of another uid",
        reason: "tells the failed precondition without the key and code of Go's storage",
    },
    Difference {
        request: "replace a status with a Scale",
        reason: "says in other words that a Scale is no Gadget: Go names its own types",
    },
    Difference {
        request: "replace a scale of another uid",
        reason: "tells the failed precondition without the key and code of Go's storage",
    },
    Difference {
        request: "replace a scale with a Gadget",
        reason: "says in other words that a Gadget is no Scale: Go names its own types",
    },
    Difference {
        request: "merge patch of a scale with a text",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "merge patch of a scale with an unknown field, Strict",
        reason: "the message shows the patched object with its fields in another order",
    },
    Difference {
        request: "a definition: merge patch of the kind",
        reason: "the message shows the patched object with its fields in another order",
    },
];
