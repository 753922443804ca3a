//! The processes in pods, as the node sees them.

use super::{Failure, World, failure};
use crate::{node, process::Record};

/// The process of a pod that runs this program, by the name that the container runtime gives each container's host.
pub(super) fn process_of(world: &World, pod: &str, program: &str) -> Result<Record, Failure> {
    let host = format!("HOSTNAME={pod}");
    let is_it = |record: &Record| {
        let read = |file: &str| {
            let bytes = std::fs::read(format!("/proc/{}/{file}", record.pid));
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let first = read("cmdline");
        let first = first.split('\0').next().unwrap_or_default();
        first.ends_with(program) && read("environ").split('\0').any(|variable| variable == host)
    };
    let processes = node::processes(world.node()?);
    let found = processes.into_iter().find(is_it);
    found.ok_or_else(|| failure(format!("found no process {program} of pod {pod}")))
}
