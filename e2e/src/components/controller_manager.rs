//! kube-controller-manager.

use super::{
    Component, Error, Invocation, Options, built, component_kubeconfig, flag, path_flag, request_rates,
};
use crate::certs;
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout, options: Options) -> Result<Invocation, Error> {
    let kubeconfig = component_kubeconfig(layout, Component::KubeControllerManager);
    let (certificate, key) = certs::pair(layout, certs::NODE);
    let mut arguments = vec![
        path_flag("kubeconfig", &kubeconfig),
        path_flag("authentication-kubeconfig", &kubeconfig),
        path_flag("authorization-kubeconfig", &kubeconfig),
        path_flag("tls-cert-file", &certificate),
        path_flag("tls-private-key-file", &key),
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials=true".to_owned(),
        flag("cluster-name", layout.name()),
        path_flag("root-ca-file", &layout.path(certs::CA)),
        path_flag("cluster-signing-cert-file", &layout.path(certs::CA)),
        path_flag("cluster-signing-key-file", &layout.path(certs::CA_KEY)),
        path_flag(
            "service-account-private-key-file",
            &layout.path(certs::SERVICE_ACCOUNT_KEY),
        ),
    ];
    arguments.extend(request_rates(options));
    Ok(Invocation {
        program: built(Program::KubeControllerManager).await?,
        arguments,
    })
}
