//! kube-scheduler.

use super::{Component, Error, Invocation, Options, built, component_kubeconfig, path_flag, request_rates};
use crate::certs;
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout, options: Options) -> Result<Invocation, Error> {
    let kubeconfig = component_kubeconfig(layout, Component::KubeScheduler);
    let (certificate, key) = certs::pair(layout, certs::NODE);
    let mut arguments = vec![
        path_flag("kubeconfig", &kubeconfig),
        path_flag("authentication-kubeconfig", &kubeconfig),
        path_flag("authorization-kubeconfig", &kubeconfig),
        path_flag("tls-cert-file", &certificate),
        path_flag("tls-private-key-file", &key),
        "--leader-elect=false".to_owned(),
    ];
    arguments.extend(request_rates(options));
    Ok(Invocation {
        program: built(Program::KubeScheduler).await?,
        arguments,
    })
}
