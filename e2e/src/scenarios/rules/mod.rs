//! Which AggregatedServers the API server takes, and with which words it refuses the others.

mod cases;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use self::cases::{Case, KINDS, backend, changes, defaults};
use super::{Failure, Lane, Scenario, World, ensure, failure};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rules/create",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(create(world)),
    },
    Scenario {
        name: "rules/change",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(change(world)),
    },
];

/// The object that stands while it is changed; the other scenario creates one of the cases' own name beside it.
const STANDING: &str = "rules-standing";

/// Every case as an object of its own, by a dry run.
async fn create(world: &World) -> Result<(), Failure> {
    let api = servers(world);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let cases = cases::all();
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = api.create(&dry, &serde_json::from_value(case.object())?).await;
        wrong.extend(judge(case, answer.map(|_| ())));
    }
    let stored = api
        .create(&dry, &serde_json::from_value(backend("service"))?)
        .await?;
    let filled = serde_json::to_value(stored)?["spec"].clone();
    if filled != defaults() {
        wrong.push(format!("defaults are {filled}, not {}", defaults()));
    }
    // Kubernetes drops a null: an empty field of a template is no second backend.
    let mut null = backend("service");
    null["spec"]["workload"] = Value::Null;
    api.create(&dry, &serde_json::from_value(null)?).await?;
    wrong.extend(untested_rules(&cases)?);
    unknown_field_is_refused(world).await?;
    conclude(&wrong)
}

/// Changes of objects that stand: what is immutable, and what is not.
async fn change(world: &World) -> Result<(), Failure> {
    let api = servers(world);
    let dry = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let mut wrong = Vec::new();
    for kind in KINDS {
        // Its namespace does not exist: nothing comes of it.
        let mut standing = backend(kind);
        standing["metadata"]["name"] = json!(STANDING);
        world.made.note("aggregatedserver", STANDING);
        api.create(&PostParams::default(), &serde_json::from_value(standing)?)
            .await?;
        for case in changes(kind) {
            let answer = api.patch(STANDING, &dry, &Patch::Merge(&case.change)).await;
            wrong.extend(judge(&case, answer.map(|_| ())));
        }
        world.delete("aggregatedserver", STANDING).await?;
    }
    conclude(&wrong)
}

fn servers(world: &World) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<annex_crds::v1alpha1::AggregatedServer>(&());
    Api::all_with(world.client.clone(), &kind)
}

/// A typing mistake does not vanish without a word.
async fn unknown_field_is_refused(world: &World) -> Result<(), Failure> {
    let mut object = backend("workload");
    object["spec"]["workload"]["replica"] = json!(1);
    let arguments = ["create", "--dry-run=server", "-f", "-"];
    let output = world.tools.try_kubectl(&arguments, &object.to_string()).await?;
    let wanted = r#"unknown field "spec.workload.replica""#;
    ensure(!output.success && output.stderr.contains(wanted), || {
        format!(
            "an unknown field is answered with: {}{}",
            output.stdout, output.stderr
        )
    })
}

/// What is wrong with the answer, in a line.
fn judge(case: &Case, answer: Result<(), kube::Error>) -> Option<String> {
    match (&case.refusal, answer) {
        (None, Ok(())) => None,
        (Some(wanted), Err(kube::Error::Api(status))) if status.message.contains(wanted) => None,
        (None, Err(error)) => Some(format!("{} is refused: {error}", case.change)),
        (Some(wanted), Ok(())) => Some(format!("{} is accepted, not refused with: {wanted}", case.change)),
        (Some(wanted), Err(error)) => Some(format!(
            "{} is refused with: {error}\n      not with: {wanted}",
            case.change
        )),
    }
}

/// A rule of the CRD that no case runs into.
fn untested_rules(cases: &[Case]) -> Result<Vec<String>, Failure> {
    let definition = serde_json::to_value(annex_crds::v1alpha1::definition()?)?;
    let mut messages = Vec::new();
    collect_messages(&definition, &mut messages);
    if messages.len() < 10 {
        return Err(failure(format!("found only {} rules in the CRD", messages.len())));
    }
    let changes: Vec<Case> = KINDS.into_iter().flat_map(changes).collect();
    let tested = |message: &String| {
        let refusals = cases
            .iter()
            .chain(&changes)
            .filter_map(|case| case.refusal.as_ref());
        refusals
            .into_iter()
            .any(|refusal| refusal.contains(message.as_str()))
    };
    let untested = messages.into_iter().filter(|message| !tested(message));
    Ok(untested
        .map(|message| format!("no case runs into the rule: {message}"))
        .collect())
}

fn collect_messages(value: &Value, messages: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array);
            for rule in rules.into_iter().flatten() {
                messages.extend(rule["message"].as_str().map(str::to_owned));
            }
            fields
                .values()
                .for_each(|field| collect_messages(field, messages));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_messages(item, messages)),
        _ => {}
    }
}

fn conclude(wrong: &[String]) -> Result<(), Failure> {
    ensure(wrong.is_empty(), || {
        format!(
            "{} rules are not as they should be:\n    {}",
            wrong.len(),
            wrong.join("\n    ")
        )
    })
}
