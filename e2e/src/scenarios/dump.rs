//! What a person would ask for when a scenario failed: conditions, events, and the last words of the pods involved.

use super::World;
use crate::{install, progress};

/// Lines of each log.
const TAIL: &str = "--tail=25";

/// Prints it. What cannot be had is left out: there is a failure to tell about already.
pub(super) async fn dump(world: &World) {
    let show = async |title: &str, arguments: &[&str]| {
        if let Ok(output) = world.tools.try_kubectl(arguments, "").await {
            progress::say(format!(
                "--- {title}\n{}{}",
                output.stdout.trim_end(),
                output.stderr.trim_end()
            ));
        }
    };
    show("AggregatedServers", &["get", "aggregatedservers", "-o", "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{range .status.conditions[*]}  {.type}={.status} {.reason}: {.message}{\"\\n\"}{end}{end}"]).await;
    show(
        "APIServices",
        &[
            "get",
            "apiservices",
            "-l",
            "app.kubernetes.io/managed-by=annex-operator",
        ],
    )
    .await;
    show("events", &["get", "events", "-A", "--sort-by=.lastTimestamp"]).await;
    show("pods", &["get", "pods", "-A", "-o", "wide"]).await;
    let operator = [
        "-n",
        install::NAMESPACE,
        "logs",
        "-l",
        "app.kubernetes.io/name=annex",
        "--prefix",
        TAIL,
    ];
    show("operator", &operator).await;
    let servers = [
        "logs",
        "-l",
        "annex.dev/server",
        "--all-containers",
        "--prefix",
        TAIL,
    ];
    if let Ok(namespaces) = world
        .tools
        .kubectl(&[
            "get",
            "aggregatedservers",
            "-o",
            "jsonpath={.items[*].spec.namespace}",
        ])
        .await
    {
        for namespace in namespaces.split_whitespace() {
            let arguments: Vec<&str> = ["-n", namespace].into_iter().chain(servers).collect();
            show(&format!("pods of {namespace}"), &arguments).await;
        }
    }
}
