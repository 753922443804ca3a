//! What `kubectl describe`, `get` and `explain` tell about an AggregatedServer.

use jiff::Timestamp;

use super::{Failure, Lane, Scenario, World, ensure, failure, sample};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "describe/server",
    lane: Lane::Wardle,
    long: false,
    needs_node: false,
    run: |world| Box::pin(server(world)),
}];

/// A server's life as kubectl shows it: refused for want of its namespace, then Ready.
async fn server(world: &World) -> Result<(), Failure> {
    explained(world).await?;
    waits_for_its_namespace(world).await?;
    world.namespace(sample::NAME).await?;
    world.ready(sample::NAME).await?;
    columns(world).await?;
    described(world).await?;
    sample::stop(world).await
}

/// A fault is told by describe, with what to do about it.
async fn waits_for_its_namespace(world: &World) -> Result<(), Failure> {
    world
        .apply(&super::world::sample_server(sample::NAME, sample::NAME, ""))
        .await?;
    world
        .condition(sample::NAME, "Ready", "False", Some("NamespaceNotFound"))
        .await?;
    let row = words(&world.kubectl("get aggs wardle --no-headers").await?);
    ensure(row.starts_with("wardle False NamespaceNotFound "), || {
        format!("a server without namespace is listed as: {row}")
    })?;
    has_event(world, "Warning NamespaceNotFound").await?;
    let text = describe(world).await?;
    shows(&text, "kubectl create namespace wardle")
}

async fn columns(world: &World) -> Result<(), Failure> {
    // Beside others, each of which has its line.
    let ours = format!("--field-selector metadata.name={}", sample::NAME);
    let output = world.kubectl(&format!("get aggs {ours}")).await?;
    ensure(
        words(&output).starts_with("NAME READY REASON AGE wardle True AllGood "),
        || format!("`kubectl get aggs` prints:\n{output}"),
    )?;
    let output = world
        .kubectl(&format!("get aggregatedservers {ours} -o wide"))
        .await?;
    let wide = words(&output);
    let wanted = "NAME READY REASON APIS NEXT ROTATION AGE wardle True AllGood \
                  wardle.example.com/v1alpha1,wardle.example.com/v1beta1 ";
    ensure(wide.starts_with(wanted), || {
        format!("`kubectl get aggregatedservers -o wide` prints:\n{output}")
    })?;
    let next = wide[wanted.len()..].split(' ').next().unwrap_or_default();
    in_future(next, &wide)?;
    let named = world.kubectl(&format!("get annex {ours} -o name")).await?;
    ensure(named == "aggregatedserver.annex.dev/wardle\n", || {
        format!("the category annex holds: {named:?}")
    })
}

async fn described(world: &World) -> Result<(), Failure> {
    for event in ["Normal CertificateIssued", "Normal Registered", "Normal Ready"] {
        has_event(world, event).await?;
    }
    // Ready comes with the first endpoint; the rollout ends a moment later.
    world
        .condition(sample::NAME, "Progressing", "False", None)
        .await?;
    let text = describe(world).await?;
    for (type_, status, reason) in [
        ("Ready", "True", "AllGood"),
        ("Available", "True", "Passed"),
        ("CertificatesReady", "True", "Trusted"),
        ("Registered", "True", "Registered"),
        ("Progressing", "False", "Stable"),
        ("BypassProtected", "True", "IdentityProved"),
        ("Degraded", "False", "AsDesired"),
        ("Contested", "False", "Uncontested"),
    ] {
        shows(
            &text,
            &format!("Reason: {reason} Status: {status} Type: {type_} "),
        )?;
    }
    for time in [
        "Ca Not After: ",
        "Next Rotation Time: ",
        "Served Not After: ",
        "Serving Not After: ",
    ] {
        in_future(word_behind(&text, time)?, time)?;
    }
    for text_wanted in [
        "Rotation Count: 0 ",
        "Service Account Name: wardle ",
        "Kind: Deployment Name: wardle Namespace: wardle ",
        "Kind: APIService Name: v1beta1.wardle.example.com ",
        "Group Version: wardle.example.com/v1beta1 Version Priority: ",
    ] {
        shows(&text, text_wanted)?;
    }
    Ok(())
}

/// Every field says what it is for.
async fn explained(world: &World) -> Result<(), Failure> {
    let mut silent = Vec::new();
    for definition in [
        annex_crds::v1alpha1::definition()?,
        annex_crds::v1alpha1::resource_definition()?,
    ] {
        let schema = serde_json::to_value(definition)?;
        let properties = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            undocumented(part, &properties[part], &mut silent);
        }
    }
    ensure(silent.is_empty(), || {
        format!("fields without a description: {}", silent.join(", "))
    })?;
    let text = words(
        &world
            .kubectl("explain aggs.spec.certificates.selfSigned.renewBefore")
            .await?,
    );
    shows(&text, "How long before its end a serving certificate is renewed.")
}

fn undocumented(path: &str, schema: &serde_json::Value, silent: &mut Vec<String>) {
    if schema["description"].as_str().is_none_or(str::is_empty) {
        silent.push(path.to_owned());
    }
    let fields = schema["properties"].as_object();
    let items = schema["items"]["properties"].as_object();
    for (name, field) in fields.into_iter().chain(items).flatten() {
        undocumented(&format!("{path}.{name}"), field, silent);
    }
}

async fn has_event(world: &World, wanted: &str) -> Result<(), Failure> {
    world
        .eventually(
            &format!("`kubectl describe` to show the event {wanted}"),
            async || {
                let text = describe(world).await.map_err(|error| error.to_string())?;
                let events = text.split_once("Events: ").map_or("", |(_, events)| events);
                if events.contains(wanted) {
                    Ok(())
                } else {
                    Err(events.to_owned())
                }
            },
        )
        .await
}

async fn describe(world: &World) -> Result<String, Failure> {
    Ok(words(&world.kubectl("describe aggregatedserver wardle").await?))
}

/// Runs of blanks as one.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shows(text: &str, wanted: &str) -> Result<(), Failure> {
    ensure(text.contains(wanted), || {
        format!("kubectl does not show {wanted:?}: {text}")
    })
}

fn word_behind<'a>(text: &'a str, label: &str) -> Result<&'a str, Failure> {
    text.split_once(label)
        .and_then(|(_, rest)| rest.split(' ').next())
        .ok_or_else(|| failure(format!("kubectl does not show {label:?}: {text}")))
}

fn in_future(time: &str, about: &str) -> Result<(), Failure> {
    let time: Timestamp = time
        .parse()
        .map_err(|error| failure(format!("{about}: {time:?} is no time: {error}")))?;
    ensure(time > Timestamp::now(), || format!("{about}: {time} has passed"))
}
