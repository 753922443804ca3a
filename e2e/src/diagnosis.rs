//! What a person would ask for when something in a namespace went wrong.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::api::{Api, ListParams, LogParams};
use kube::{Client, ResourceExt as _};

/// How many of a container's last log lines are shown.
const LOG_LINES: i64 = 20;

/// The pods of a namespace with their conditions and last log lines, and the namespace's events. What cannot be had is
/// said in its place: this is for people who have an error already.
pub async fn describe(client: &Client, namespace: &str) -> String {
    let mut text = format!("--- namespace {namespace}\n");
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    match pods.list(&ListParams::default()).await {
        Ok(list) => {
            for pod in &list {
                describe_pod(&mut text, &pods, pod).await;
            }
        }
        Err(error) => add(&mut text, format_args!("cannot list pods: {error}")),
    }
    describe_events(&mut text, client, namespace).await;
    text
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

async fn describe_pod(text: &mut String, pods: &Api<Pod>, pod: &Pod) {
    let name = pod.name_any();
    let status = pod.status.clone().unwrap_or_default();
    add(
        text,
        format_args!("pod {name}: {}", status.phase.unwrap_or_default()),
    );
    for condition in status
        .conditions
        .unwrap_or_default()
        .iter()
        .filter(|condition| condition.status != "True")
    {
        let reason = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        add(
            text,
            format_args!("  {}={} {reason} {message}", condition.type_, condition.status),
        );
    }
    let initial = status.init_container_statuses.unwrap_or_default();
    for container in initial
        .iter()
        .chain(&status.container_statuses.unwrap_or_default())
    {
        add(
            text,
            format_args!("  container {}: {}", container.name, state(container)),
        );
        let parameters = LogParams {
            container: Some(container.name.clone()),
            tail_lines: Some(LOG_LINES),
            ..LogParams::default()
        };
        match pods.logs(&name, &parameters).await {
            Ok(log) => log
                .lines()
                .for_each(|line| add(text, format_args!("    | {line}"))),
            Err(error) => add(text, format_args!("    no log: {error}")),
        }
    }
}

fn state(container: &ContainerStatus) -> String {
    let state = container.state.clone().unwrap_or_default();
    if let Some(waiting) = state.waiting {
        let (reason, message) = (
            waiting.reason.unwrap_or_default(),
            waiting.message.unwrap_or_default(),
        );
        return format!("waiting: {reason} {message}");
    }
    if let Some(ended) = state.terminated {
        return format!(
            "ended with {}: {}",
            ended.exit_code,
            ended.reason.unwrap_or_default()
        );
    }
    let ready = if container.ready { "ready" } else { "not ready" };
    format!("running, {ready}, restarted {} times", container.restart_count)
}

async fn describe_events(text: &mut String, client: &Client, namespace: &str) {
    let events = Api::<Event>::namespaced(client.clone(), namespace);
    match events.list(&ListParams::default()).await {
        Ok(list) => {
            for event in list {
                let about = event.involved_object;
                add(
                    text,
                    format_args!(
                        "event {} {}: {} {}",
                        about.kind.unwrap_or_default(),
                        about.name.unwrap_or_default(),
                        event.reason.unwrap_or_default(),
                        event.message.unwrap_or_default(),
                    ),
                );
            }
        }
        Err(error) => add(text, format_args!("cannot list events: {error}")),
    }
}
