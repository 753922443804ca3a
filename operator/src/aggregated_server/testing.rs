//! Objects for tests.

use annex_crds::v1alpha1::AggregatedServer;

use super::names::Names;

/// A server of two versions, run by Annex.
pub(crate) fn server() -> AggregatedServer {
    let yaml = "
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
    serde_saphyr::from_str(yaml).unwrap()
}

/// Its names.
pub(crate) fn names() -> Names {
    Names::new(&server(), "annex-system")
}
