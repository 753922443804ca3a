//! Objects under schemas with rules: those that Kubernetes' own tests validate.

use annex_cel::{Finding, FindingValue, Validator};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::known::{Tally, data};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fact {
    kind: String,
    schema: Json,
    root: bool,
    path: String,
    object: Json,
    old: Option<Json>,
    ratchet: bool,
    limit: u64,
    budget: i64,
    left: i64,
    errors: Vec<(String, String, Json, String)>,
    /// None where the test kept them for itself.
    warnings: Option<Vec<String>>,
}

#[test]
fn objects_are_what_kubernetes_says_of_them() {
    let text = data("RULES", include_bytes!("../data/rules.jsonl.gz"));
    let mut tally = Tally::new("objects", "RULES");
    for line in text.lines().filter(|line| line.contains(r#""kind":"validated""#)) {
        let fact: Fact = serde_json::from_str(line).expect("a fact");
        if fact.kind == "validated" {
            validated(&mut tally, &fact);
        }
    }
    tally.finish(4547);
}

fn validated(tally: &mut Tally, fact: &Fact) {
    let theirs = fact
        .errors
        .iter()
        .map(|(kind, path, value, detail)| format!("{kind} {path} {value} {detail}"));
    let mut theirs = shown(theirs.collect(), u64::try_from(fact.left).ok());
    let validator = Validator::with_limit(&fact.schema, fact.root, fact.limit);
    let ours = validator.map_or_else(
        || "no rules".to_owned(),
        |validator| {
            let budget = u64::try_from(fact.budget).unwrap_or_default();
            let findings = validator.validate(&fact.object, fact.old.as_ref(), fact.ratchet, budget);
            let error = |finding: &Finding<'_>| {
                let value = match &finding.value {
                    FindingValue::Omitted => json!("(omitted)"),
                    FindingValue::Text(name) => json!(name),
                    FindingValue::Value(value) => (*value).clone(),
                };
                format!(
                    "{} {} {value} {}",
                    finding.kind,
                    finding.path_text(&fact.path),
                    finding.detail
                )
            };
            let mut ours = shown(findings.errors.iter().map(error).collect(), findings.budget);
            if let Some(warnings) = &fact.warnings {
                theirs.push_str(&format!("; {} warnings", warnings.len()));
                let warned = findings.warnings.iter().filter(|finding| {
                    let path = finding.path_text(&fact.path);
                    let says = |text: &&String| text.starts_with(&path) && text.ends_with(&finding.detail);
                    warnings.iter().any(|text| says(&text))
                });
                let others = findings.warnings.len() - warned.clone().count();
                ours.push_str(&format!("; {} warnings", warned.count()));
                if others > 0 {
                    ours.push_str(&format!(" and {others} others"));
                }
            }
            ours
        },
    );

    tally.case("objects", &rules(&fact.schema), &theirs, &ours);
}

/// Errors in an order of their own, as fields come in any order in Kubernetes.
fn shown(mut errors: Vec<String>, left: Option<u64>) -> String {
    errors.sort();
    format!(
        "{}; {} left",
        errors.join("; "),
        left.map_or_else(|| "nothing".to_owned(), |left| left.to_string())
    )
}

/// The rules of a schema and of what is within it.
fn rules(schema: &Json) -> String {
    let mut out = Vec::new();
    collect(schema, &mut out);
    out.join("; ")
}

fn collect(schema: &Json, out: &mut Vec<String>) {
    match schema {
        Json::Object(map) => {
            for (name, value) in map {
                if let ("rule", Json::String(rule)) = (name.as_str(), value) {
                    out.push(rule.clone());
                }
                collect(value, out);
            }
        }
        Json::Array(values) => values.iter().for_each(|value| collect(value, out)),
        _ => {}
    }
}
