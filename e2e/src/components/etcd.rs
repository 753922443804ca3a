//! etcd: one member, reached from inside the node only.

use super::{Error, Invocation, built, flag, path_flag};
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout) -> Result<Invocation, Error> {
    let peer = "http://127.0.0.1:2380";
    let client = "http://127.0.0.1:2379";
    let arguments = vec![
        path_flag("data-dir", &layout.path("etcd")),
        flag("name", layout.name()),
        flag("listen-client-urls", client),
        flag("advertise-client-urls", client),
        flag("listen-peer-urls", peer),
        flag("initial-advertise-peer-urls", peer),
        flag("initial-cluster", format!("{}={peer}", layout.name())),
        // The data goes with the cluster, so nobody misses what a power cut takes.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Ok(Invocation {
        program: built(Program::Etcd).await?,
        arguments,
    })
}
