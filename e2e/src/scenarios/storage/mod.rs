//! Where a server stores what it serves: on a volume of its own, which outlives its pod, grows, and stays or goes with its
//! server; and in an etcd with TLS.

mod embedded;
mod etcd;
mod volume;

use super::{Failure, Lane, Scenario, World};

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "storage/embedded",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(embedded::run(world)),
    },
    Scenario {
        name: "storage/grow",
        lane: Lane::Wardle,
        long: false,
        // A StorageClass that grows is the node's own.
        needs_node: true,
        run: |world| Box::pin(volume::grow(world)),
    },
    Scenario {
        name: "storage/retain",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(volume::retain(world)),
    },
    Scenario {
        name: "storage/delete",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(volume::delete(world)),
    },
    Scenario {
        name: "storage/etcd",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(etcd::run(world)),
    },
];

/// Annex's own wardle with embedded storage of 64Mi, in a namespace of its name; `more` is more of `storage.embedded`.
fn wardle(name: &str, more: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  apis:
  - {{ group: wardle.example.com, version: v1alpha1 }}
  - {{ group: wardle.example.com, version: v1beta1 }}
  workload:
    image: localhost/wardle:{version}
    template:
      spec:
        terminationGracePeriodSeconds: 5
        securityContext: {{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 }}
  storage: {{ embedded: {{ size: 64Mi{more} }} }}
",
        version = env!("CARGO_PKG_VERSION")
    )
}

/// The claim of a server's volume.
fn claim(name: &str) -> String {
    format!("annex-data-{name}-0")
}

/// Stores one flunder in the server's own namespace, and returns its uid.
async fn store(world: &World, namespace: &str) -> Result<String, Failure> {
    let yaml = format!(
        "apiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata: {{ name: kept, namespace: {namespace} }}\n"
    );
    world.apply(&yaml).await?;
    stored(world, namespace).await
}

/// The uid of the flunder that was stored.
async fn stored(world: &World, namespace: &str) -> Result<String, Failure> {
    let line = format!("-n {namespace} get flunder kept -o jsonpath={{.metadata.uid}}");
    world.kubectl(&line).await
}

/// A field of an object, as kubectl's JSONPath writes it.
async fn field(world: &World, namespace: &str, object: &str, path: &str) -> Result<String, Failure> {
    let line = format!("-n {namespace} get {object} -o jsonpath={{{path}}}");
    world.kubectl(&line).await
}

async fn patch(world: &World, name: &str, spec: &str) -> Result<(), Failure> {
    let patch = format!(r#"{{"spec":{spec}}}"#);
    let words = ["patch", "aggregatedserver", name, "--type=merge", "-p", &patch];
    world.tools.kubectl(&words).await?;
    Ok(())
}
