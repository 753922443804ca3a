//! Machines, with what `kubectl` and programs connect to: `/log`, a stream as that of a pod; `/exec`, a command's channels; and
//! `/proxy`, a web page of theirs.

use std::time::Duration;

use annex_apiserver::prelude::*;
use futures::{StreamExt as _, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{proxy, sum};

/// What may be sent to a web page.
const MOST_BYTES: u64 = 1 << 30;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Machine {
    pub(crate) metadata: ObjectMeta,
}

kind!(Machine: "computed.example.com", "v1", "machines", Namespaced);

pub(crate) fn resource() -> Result<Resource, DescriptionError> {
    // There is one in every namespace.
    let get = |name: String, namespace: String| Machine {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
    };
    let verbs = Verbs::new().get(move |context| async move {
        Ok((context.name == "abacus").then(|| get(context.name, context.namespace)))
    });
    let log = Connect::new(|_: Machine, request: ConnectRequest| async move {
        let lines = request
            .parameter("tailLines")
            .and_then(|lines| lines.parse().ok());
        let (lines, follow) = (
            lines.unwrap_or(3),
            request.parameter("follow").as_deref() == Some("true"),
        );
        let past = stream::iter(1..=lines);
        let ticks = stream::unfold(lines, |line| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((line + 1, line + 1))
        });
        let all = past.chain(ticks.take(if follow { usize::MAX } else { 0 }));
        Ok(rest::stream(
            "text/plain",
            all.map(|line: u64| Ok(format!("line {line}\n").into())),
        ))
    });
    let exec = Connect::new(|_: Machine, request: ConnectRequest| async move {
        let command: Vec<String> = request
            .parameters("command")
            .map(|word| word.into_owned())
            .collect();
        request.command(move |streams| sum::run(command, streams))
    });
    let all = [Verb::Get, Verb::Create, Verb::Update, Verb::Patch, Verb::Delete];
    typed::resource::<Machine>()
        .computed(verbs)
        .connect("log", log.only_reads())
        .connect("exec", exec.verbs([Verb::Get, Verb::Create]))
        .connect(
            "proxy",
            Connect::new(|_: Machine, request| proxy::pass(request))
                .verbs(all)
                .subpath()
                .stream_body(MOST_BYTES),
        )
        .build()
}
