//! What a person would ask for when a scenario failed: conditions, events, and the last words of the pods involved.

use std::fmt::Write as _;

use super::{Lane, World};
use crate::{install, progress};

/// Lines of each log.
const TAIL: &str = "--tail=25";

/// The conditions of AggregatedServers, in lines.
const CONDITIONS: &str = "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{range .status.conditions[*]}  {.type}={.status} {.reason}: {.message}{\"\\n\"}{end}{end}";

/// Prints it, all at once: others may run on and say things meanwhile. A scenario that ran alone is told by
/// the whole cluster; one that ran beside others by what it made. What cannot be had is left out: there is a failure to tell about already.
pub(super) async fn dump(world: &World) {
    let mut dump = Dump {
        world,
        text: String::new(),
    };
    if world.lane == Lane::Alone {
        dump.cluster().await;
    } else {
        dump.own().await;
    }
    progress::say(dump.text);
}

struct Dump<'a> {
    world: &'a World,
    text: String,
}

impl Dump<'_> {
    async fn show(&mut self, title: &str, arguments: &[&str]) {
        if let Ok(output) = self.world.tools.try_kubectl(arguments, "").await {
            // Writing to a string does not fail.
            let _ = writeln!(
                self.text,
                "--- {title}\n{}{}",
                output.stdout.trim_end(),
                output.stderr.trim_end()
            );
        }
    }

    async fn cluster(&mut self) {
        self.show(
            "AggregatedServers",
            &["get", "aggregatedservers", "-o", CONDITIONS],
        )
        .await;
        let annexs = [
            "get",
            "apiservices",
            "-l",
            "app.kubernetes.io/managed-by=annex-operator",
        ];
        self.show("APIServices", &annexs).await;
        self.show("events", &["get", "events", "-A", "--sort-by=.lastTimestamp"])
            .await;
        self.show("pods", &["get", "pods", "-A", "-o", "wide"]).await;
        self.operator().await;
        let line = [
            "get",
            "aggregatedservers",
            "-o",
            "jsonpath={.items[*].spec.namespace}",
        ];
        let namespaces = self.world.tools.kubectl(&line).await.unwrap_or_default();
        for namespace in namespaces.split_whitespace() {
            self.servers_of(namespace).await;
        }
    }

    async fn own(&mut self) {
        for name in self.world.made.of("aggregatedserver") {
            let named = format!("metadata.name={name}");
            let line = [
                "get",
                "aggregatedservers",
                "--field-selector",
                &named,
                "-o",
                CONDITIONS,
            ];
            self.show(&format!("AggregatedServer {name}"), &line).await;
            let of_server = format!("annex.dev/server={name}");
            let line = ["get", "apiservices", "-l", &of_server];
            self.show(&format!("APIServices of {name}"), &line).await;
            let about = format!("involvedObject.kind=AggregatedServer,involvedObject.name={name}");
            let line = [
                "get",
                "events",
                "-A",
                "--field-selector",
                &about,
                "--sort-by=.lastTimestamp",
            ];
            self.show(&format!("events about {name}"), &line).await;
        }
        for namespace in self.world.made.of("namespace") {
            let line = ["-n", &namespace, "get", "events", "--sort-by=.lastTimestamp"];
            self.show(&format!("events of {namespace}"), &line).await;
            let line = ["-n", &namespace, "get", "pods", "-o", "wide"];
            self.show(&format!("pods of {namespace}"), &line).await;
            self.servers_of(&namespace).await;
        }
        self.operator().await;
    }

    async fn operator(&mut self) {
        let pods = "app.kubernetes.io/name=annex";
        let line = ["-n", install::NAMESPACE, "logs", "-l", pods, "--prefix", TAIL];
        self.show("operator", &line).await;
    }

    async fn servers_of(&mut self, namespace: &str) {
        let servers = [
            "logs",
            "-l",
            "annex.dev/server",
            "--all-containers",
            "--prefix",
            TAIL,
        ];
        let line: Vec<&str> = ["-n", namespace].into_iter().chain(servers).collect();
        self.show(&format!("servers of {namespace}"), &line).await;
    }
}
