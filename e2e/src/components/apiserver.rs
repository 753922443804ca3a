//! kube-apiserver, with the aggregator's front proxy and an audit log of every write.

use std::net::Ipv4Addr;

use serde_json::json;

use super::{Error, Invocation, Options, built, flag, path_flag};
use crate::certs;
use crate::files;
use crate::install;
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout, options: Options) -> Result<Invocation, Error> {
    let policy = layout.path("config/audit-policy");
    files::write_json(&policy, &audit_policy(options))?;
    let mut arguments = of_both(layout, options, layout.node_address(), Ipv4Addr::LOCALHOST);
    arguments.extend([
        path_flag("audit-policy-file", &policy),
        path_flag("audit-log-path", &layout.audit_log()),
    ]);
    Ok(Invocation {
        program: built(Program::KubeApiserver).await?,
        arguments,
    })
}

/// The arguments of a second one at an address of its own, which reaches etcd at its gateway. It keeps no audit log: the first one's is what tests read.
pub(super) fn of_second(layout: &Layout, options: Options) -> Vec<String> {
    of_both(layout, options, layout.second_address(), layout.second_gateway())
}

fn of_both(layout: &Layout, options: Options, address: Ipv4Addr, etcd: Ipv4Addr) -> Vec<String> {
    let mut arguments = serving(layout, address);
    arguments.extend(identities(layout));
    arguments.extend(front_proxy(layout));
    arguments.extend([
        format!("--etcd-servers=http://{etcd}:2379"),
        flag("service-cluster-ip-range", layout.service_range()),
        "--allow-privileged=true".to_owned(),
        // Many distributions check that who sets an owner reference may also do what it entails.
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement".to_owned(),
        flag("enable-aggregator-routing", options.aggregator_routing),
        // Drains, then closes what watches keep open, which otherwise would hold up its end for a minute.
        "--shutdown-send-retry-after=true".to_owned(),
    ]);
    arguments
}

fn serving(layout: &Layout, address: Ipv4Addr) -> Vec<String> {
    let (certificate, key) = certs::pair(layout, certs::APISERVER);
    vec![
        // The addresses of its node, from loopback to the wire to this machine.
        "--bind-address=0.0.0.0".to_owned(),
        "--secure-port=6443".to_owned(),
        flag("advertise-address", address),
        path_flag("tls-cert-file", &certificate),
        path_flag("tls-private-key-file", &key),
    ]
}

fn identities(layout: &Layout) -> Vec<String> {
    let (certificate, key) = certs::pair(layout, certs::KUBELET_CLIENT);
    vec![
        "--authorization-mode=Node,RBAC".to_owned(),
        path_flag("client-ca-file", &layout.path(certs::CA)),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        path_flag(
            "service-account-key-file",
            &layout.path(certs::SERVICE_ACCOUNT_PUBLIC_KEY),
        ),
        path_flag(
            "service-account-signing-key-file",
            &layout.path(certs::SERVICE_ACCOUNT_KEY),
        ),
        path_flag("kubelet-certificate-authority", &layout.path(certs::CA)),
        path_flag("kubelet-client-certificate", &certificate),
        path_flag("kubelet-client-key", &key),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
    ]
}

fn front_proxy(layout: &Layout) -> Vec<String> {
    let (certificate, key) = certs::pair(layout, certs::FRONT_PROXY);
    vec![
        path_flag(
            "requestheader-client-ca-file",
            &layout.path(certs::FRONT_PROXY_CA),
        ),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        path_flag("proxy-client-cert-file", &certificate),
        path_flag("proxy-client-key-file", &key),
    ]
}

/// Who wrote what, without the content; reads are left out, but for the operator's where they are asked for.
fn audit_policy(options: Options) -> serde_json::Value {
    let mut rules = vec![
        json!({ "level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"] }),
    ];
    if options.audit_operator_reads {
        rules.push(json!({ "level": "Metadata", "users": [install::operator_account()] }));
    }
    rules.push(json!({ "level": "None" }));
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": rules,
    })
}
