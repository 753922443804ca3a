//! What pods may take for granted: names, services, volumes, and images that cannot be had failing at once.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, LogParams, PostParams};
use serde_json::{Value, json};

use super::{Error, ensure};
use crate::client::eventually;
use crate::images::ImageSpec;
use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{addons, client, components, diagnosis};

const NAMESPACE: &str = "selftest";

/// kubectl as an image: a static program that resolves names, talks TLS and writes files.
const IMAGE: &str = "localhost/kubectl:e2e";

const PATIENCE: Duration = Duration::from_secs(180);

pub(super) async fn work(layout: &Layout) -> Result<(), Error> {
    let spec = ImageSpec {
        env: Vec::new(),
        reference: IMAGE.to_owned(),
        program: programs::path(Program::Kubectl)
            .await
            .map_err(addons::Error::Program)?,
        name: Program::Kubectl.name().to_owned(),
        user: None,
        licenses: "Apache-2.0".to_owned(),
    };
    components::import(layout, &addons::image(spec).await?).await?;
    let client = client::connect(&layout.kubeconfig()).await?;
    let namespaces = Api::<Namespace>::all(client.clone());
    create(&namespaces, &json!({ "metadata": { "name": NAMESPACE } })).await?;
    let result = checks(layout, &client).await;
    if result.is_err() {
        eprintln!("{}", diagnosis::describe(&client, NAMESPACE).await);
    }
    result
}

async fn checks(layout: &Layout, client: &Client) -> Result<(), Error> {
    resolve_and_reach_a_service(client).await?;
    keep_data_between_pods(layout, client).await?;
    fail_at_once_without_a_registry(client).await
}

async fn resolve_and_reach_a_service(client: &Client) -> Result<(), Error> {
    let arguments = ["get", "--raw=/version"];
    let answer = run(client, "resolver", &json!(arguments), &json!([]), &json!([])).await?;
    ensure(answer.contains("\"gitVersion\""), || {
        format!("the API answered to a pod: {answer}")
    })
}

async fn keep_data_between_pods(layout: &Layout, client: &Client) -> Result<(), Error> {
    let claims = Api::<PersistentVolumeClaim>::namespaced(client.clone(), NAMESPACE);
    let claim = json!({
        "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Mi" } } },
    });
    create(&claims, &claim).await?;
    let volumes = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    let mounts = json!([{ "name": "data", "mountPath": "/data" }]);
    let file = "--kubeconfig=/data/config";
    run(
        client,
        "writer",
        &json!(["config", "set-cluster", "kept", file]),
        &volumes,
        &mounts,
    )
    .await?;
    let read = run(
        client,
        "reader",
        &json!(["config", "get-clusters", file]),
        &volumes,
        &mounts,
    )
    .await?;
    ensure(read.contains("kept"), || {
        format!("a pod's volume held, after another wrote to it: {read}")
    })?;

    let bound = claims.get("data").await.map_err(Error::api("read a claim"))?;
    let volume = bound.spec.and_then(|spec| spec.volume_name).unwrap_or_default();
    let directory = layout.path("volumes").join(&volume);
    ensure(directory.join("config").is_file(), || {
        format!("{} has no data", directory.display())
    })?;
    claims
        .delete("data", &DeleteParams::default())
        .await
        .map_err(Error::api("delete a claim"))?;
    let all = Api::<PersistentVolume>::all(client.clone());
    eventually("the volume to go with its claim", PATIENCE, async || {
        match all.get_opt(&volume).await {
            Ok(None) => Ok(()),
            Ok(Some(volume)) => Err(format!("{:?}", volume.status)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await?;
    ensure(!directory.exists(), || {
        format!("{} outlived its claim", directory.display())
    })
}

async fn fail_at_once_without_a_registry(client: &Client) -> Result<(), Error> {
    let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
    let mut pod = pod("pulling", &json!([]), &json!([]), &json!([]));
    pod["spec"]["containers"][0]["image"] = json!("127.0.0.1:1/nothing:here");
    pod["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    create(&pods, &pod).await?;
    eventually("an image pull to fail", PATIENCE, async || {
        let pod = pods.get("pulling").await.map_err(|error| error.to_string())?;
        let text = json!(pod.status).to_string();
        if text.contains("connection refused") {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await?;
    pods.delete("pulling", &DeleteParams::default())
        .await
        .map_err(Error::api("delete a pod"))?;
    Ok(())
}

/// Runs a pod to its successful end, removes it, and returns what it printed.
async fn run(
    client: &Client,
    name: &str,
    arguments: &Value,
    volumes: &Value,
    mounts: &Value,
) -> Result<String, Error> {
    let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
    create(&pods, &pod(name, arguments, volumes, mounts)).await?;
    let phase = eventually(&format!("the pod {name} to end"), PATIENCE, async || {
        let pod = pods.get(name).await.map_err(|error| error.to_string())?;
        let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
        if ["Succeeded", "Failed"].contains(&phase.as_str()) {
            Ok(phase)
        } else {
            Err(phase)
        }
    })
    .await?;
    ensure(phase == "Succeeded", || format!("the pod {name} failed"))?;
    let log = pods
        .logs(name, &LogParams::default())
        .await
        .map_err(Error::api("read a pod's log"))?;
    pods.delete(name, &DeleteParams::default())
        .await
        .map_err(Error::api("delete a pod"))?;
    Ok(log)
}

fn pod(name: &str, arguments: &Value, volumes: &Value, mounts: &Value) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "runAsNonRoot": true,
                "fsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "volumes": volumes,
            "containers": [{
                "name": "kubectl",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "args": arguments,
                "volumeMounts": mounts,
                // The name instead of the address, which kubectl would use otherwise.
                "env": [{ "name": "KUBERNETES_SERVICE_HOST", "value": "kubernetes.default.svc" }],
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

async fn create<K>(api: &Api<K>, object: &Value) -> Result<(), Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object = serde_json::from_value(object.clone()).map_err(Error::Object)?;
    api.create(&PostParams::default(), &object)
        .await
        .map_err(Error::api("create an object"))?;
    Ok(())
}
