//! The provisioner of volumes: this program's own, see [`crate::provisioner`].

use std::path::PathBuf;

use super::{Component, Error, Invocation, component_kubeconfig, path_flag};
use crate::files;
use crate::layout::Layout;

/// This process' program, also when a build has replaced the file that it was started from.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// A copy of this process' program in the cluster's directory, for what of it runs in the node: the next build replaces the original under
/// the running process.
///
/// # Errors
/// When it cannot be copied.
pub fn own_program(layout: &Layout) -> Result<PathBuf, Error> {
    // A copy, since the next build replaces the original under the running process.
    let program = layout.path("bin/annex-e2e");
    if let Some(directory) = program.parent() {
        files::make_directory(directory)?;
    }
    files::remove(&program)?;
    std::fs::copy(OWN_PROGRAM, &program).map_err(Error::OwnProgram)?;
    Ok(program)
}

pub(super) fn configure(layout: &Layout) -> Result<Invocation, Error> {
    let program = own_program(layout)?;
    let arguments = vec![
        "provisioner".to_owned(),
        path_flag(
            "kubeconfig",
            &component_kubeconfig(layout, Component::Provisioner),
        ),
        path_flag("directory", &layout.path("volumes")),
        format!("--node={}", layout.name()),
    ];
    Ok(Invocation { program, arguments })
}
