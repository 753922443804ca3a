//! Expressions without variables: those of Kubernetes' library tests and of cel-spec's conformance suite.

use annex_cel::{CompileError, Scope};
use serde::Deserialize;

use super::known::{Tally, data};
use super::show::show;

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Verdict {
    suite: String,
    expr: String,
    issues: String,
    program: String,
    #[serde(rename = "type")]
    output: String,
    min: String,
    max: String,
    cost: u64,
    value: String,
    error: String,
}

#[test]
fn expressions_are_what_kubernetes_says_of_them() {
    let text = data("EXPRESSIONS", include_bytes!("../data/expressions.jsonl.gz"));
    let mut tally = Tally::new("expressions", "EXPRESSIONS");
    for line in text.lines() {
        let verdict: Verdict = serde_json::from_str(line).expect("a verdict");
        let theirs = if !verdict.issues.is_empty() {
            verdict.issues.clone()
        } else if !verdict.program.is_empty() {
            format!("program: {}", verdict.program)
        } else {
            let Verdict {
                output,
                min,
                max,
                cost,
                value,
                error,
                ..
            } = &verdict;
            format!("{value}{error} of {output}, {cost} of {min}..{max}")
        };
        let ours = match Scope::default().compile(&verdict.expr) {
            Err(CompileError::Issues(issues)) => issues.to_string(),
            Err(CompileError::Constant(error)) => format!("program: {error}"),
            Err(error) => error.to_string(),
            Ok(expression) => {
                let evaluation = expression.evaluate(Vec::new(), 1_000_000);
                let value = evaluation.result.as_ref().map_or_else(ToString::to_string, show);
                let (estimate, output, cost) = (expression.estimate(), expression.output(), evaluation.cost);
                format!(
                    "{value} of {output}, {cost} of {}..{}",
                    estimate.min, estimate.max
                )
            }
        };
        tally.case(&verdict.suite, &verdict.expr, &theirs, &ours);
    }
    tally.finish(8072);
}
