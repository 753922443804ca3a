//! Objects for tests.

use annex_crds::v1alpha1::AggregatedServer;

use super::names::Names;

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: wardle, uid: 0b9c, generation: 3 }
spec:
  namespace: wardle
  apis:
  - { group: wardle.example.com, version: v1alpha1 }
  - { group: wardle.example.com, version: v1beta1 }
  workload: { image: 'registry.example.com/wardle:1.0' }
";

/// A server of two versions, run by Annex.
pub(crate) fn server() -> AggregatedServer {
    serde_saphyr::from_str(SERVER).unwrap()
}

/// The same with embedded storage of 1Gi.
pub(crate) fn embedded_server() -> AggregatedServer {
    with("  storage: { embedded: { size: 1Gi } }")
}

/// The same with storage in an etcd of two members, and a Secret.
pub(crate) fn etcd_server() -> AggregatedServer {
    with(
        "  storage: { etcd: { endpoints: ['https://a:2379', 'https://b:2379'], prefix: /wardle, secretName: etcd-client } }",
    )
}

fn with(more: &str) -> AggregatedServer {
    serde_saphyr::from_str(&format!("{SERVER}{more}\n")).unwrap()
}

/// Its names.
pub(crate) fn names() -> Names {
    Names::new(&server(), "annex-system")
}
