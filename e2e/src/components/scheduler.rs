//! kube-scheduler.

use super::{Component, Error, Invocation, built, component_kubeconfig, path_flag};
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout) -> Result<Invocation, Error> {
    let kubeconfig = component_kubeconfig(layout, Component::KubeScheduler);
    let arguments = vec![
        path_flag("kubeconfig", &kubeconfig),
        path_flag("authentication-kubeconfig", &kubeconfig),
        path_flag("authorization-kubeconfig", &kubeconfig),
        "--bind-address=127.0.0.1".to_owned(),
        "--leader-elect=false".to_owned(),
    ];
    Ok(Invocation { program: built(Program::KubeScheduler).await?, arguments })
}
