//! A test of somebody's controller, as docs/test-server.md shows it: it starts annex-apiserver with a definition, and asks it by kube-rs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails so, also outside of its function"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config};
use serde_json::json;

/// An API server that ends with the test.
struct ApiServer {
    process: Child,
    client: Client,
    _data: tempfile::TempDir,
}

impl ApiServer {
    /// Serves what is defined in a file or directory, on any port that is free.
    async fn start(definitions: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_annex-apiserver"))
            .args(["--standalone", "--secure-port=0"])
            .arg("--data-dir")
            .arg(data.path())
            .arg("--resources")
            .arg(definitions)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // `export KUBECONFIG=PATH`: from then on it serves.
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let path = line.trim().strip_prefix("export KUBECONFIG=").expect(&line);
        let kubeconfig = Kubeconfig::read_from(path).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        Self {
            process,
            client: Client::try_from(config.await.unwrap()).unwrap(),
            _data: data,
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_controllers_test_has_an_api_server_of_its_own() {
    let definitions = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/lamps"));
    let server = ApiServer::start(definitions).await;
    let lamp = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Lamp"));
    let lamps: Api<DynamicObject> = Api::namespaced_with(server.client.clone(), "default", &lamp);

    let new =
        |name: &str, color: &str| DynamicObject::new(name, &lamp).data(json!({"spec": {"color": color}}));
    let created = lamps
        .create(&PostParams::default(), &new("hall", "red"))
        .await
        .unwrap();
    assert_eq!(
        created.data["spec"]["watts"], 5,
        "what the definition says is defaulted"
    );
    let refused = lamps
        .create(&PostParams::default(), &new("attic", "blue"))
        .await
        .unwrap_err();
    let kube::Error::Api(status) = refused else {
        panic!("{refused}");
    };
    assert_eq!(status.code, 422);
    assert!(
        status.message.contains("spec.color: Unsupported value: \"blue\""),
        "{}",
        status.message
    );

    // What a controller does: it watches, and writes the status.
    let mut events = watcher(lamps.clone(), watcher::Config::default())
        .applied_objects()
        .boxed();
    let seen = events.try_next().await.unwrap().unwrap();
    let lit = Patch::Merge(json!({"status": {"lit": true}}));
    lamps
        .patch_status(
            seen.metadata.name.as_deref().unwrap(),
            &PatchParams::default(),
            &lit,
        )
        .await
        .unwrap();
    let changed = events.try_next().await.unwrap().unwrap();
    assert_eq!(changed.data["status"]["lit"], true);
}
