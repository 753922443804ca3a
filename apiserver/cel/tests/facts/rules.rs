//! Rules of schemas: those that Kubernetes' own tests compile and evaluate.

use std::sync::Arc;

use annex_cel::{DeclType, Program, Schema, Type};
use serde::Deserialize;
use serde_json::Value as Json;

use super::known::{Tally, data};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Fact {
    kind: String,
    schema: Json,
    root: bool,
    rule: String,
    optional: bool,
    object: Json,
    old: Option<Json>,
    value: String,
    error: String,
    cost: u64,
    limit: u64,
    old_self: bool,
    max: u64,
    cardinality: u64,
    message: String,
    message_error: String,
    message_max: u64,
}

#[test]
fn rules_are_what_kubernetes_says_of_them() {
    let text = data("RULES", include_bytes!("../data/rules.jsonl.gz"));
    let mut tally = Tally::new("rules", "RULES");
    for line in text.lines() {
        let fact: Fact = serde_json::from_str(line).expect("a fact");
        match &*fact.kind {
            "compiled" => compiled(&mut tally, &fact),
            "evaluated" => evaluated(&mut tally, &fact),
            _ => {}
        }
    }
    tally.finish(9541);
}

fn compiled(tally: &mut Tally, fact: &Fact) {
    if fact.rule.trim().is_empty() {
        return;
    }
    let resource = fact.root || fact.schema["x-kubernetes-embedded-resource"] == true;
    let schema = Arc::new(Schema::new(&fact.schema, resource));
    let compile =
        |expression: &str, output: Type| Program::compile_as(&schema, expression, output, fact.optional);
    let theirs = if fact.error.is_empty() {
        format!(
            "at most {}, {} times, old {}",
            fact.max, fact.cardinality, fact.old_self
        )
    } else {
        fact.error.clone()
    };
    let ours = match compile(&fact.rule, Type::Bool) {
        Ok(program) => {
            let cardinality = DeclType::new(&schema, "self").map_or(0, |of| of.max_cardinality());
            let expression = program.expression();
            format!(
                "at most {}, {cardinality} times, old {}",
                expression.estimate().max,
                expression.reads_old()
            )
        }
        Err(error) => error.to_string(),
    };
    tally.case("compiled", &fact.rule, &theirs, &ours);
    if fact.error.is_empty() && !fact.message.is_empty() {
        let theirs = if fact.message_error.is_empty() {
            format!("at most {}", fact.message_max)
        } else {
            fact.message_error.clone()
        };
        let ours = match compile(&fact.message, Type::String) {
            Ok(program) => format!("at most {}", program.expression().estimate().max),
            Err(error) => error
                .to_string()
                .replacen("cel expression", "messageExpression", 1),
        };
        let ours = ours.replacen("compilation failed", "messageExpression compilation failed", 1);
        let ours = ours.replacen("program instantiation", "messageExpression instantiation", 1);
        tally.case("messages", &fact.message, &theirs, &ours);
    }
}

fn evaluated(tally: &mut Tally, fact: &Fact) {
    let resource = fact.root || fact.schema["x-kubernetes-embedded-resource"] == true;
    let schema = Arc::new(Schema::new(&fact.schema, resource));
    let theirs = format!("{}{} for {}", fact.value, fact.error, fact.cost);
    let ours = match Program::compile_as(&schema, &fact.rule, Type::Bool, fact.optional) {
        Err(error) => error.to_string(),
        Ok(program) => {
            let evaluation = program.eval(&fact.object, fact.old.as_ref(), fact.limit);
            let value = match &evaluation.result {
                Ok(annex_cel::Value::Bool(value)) => value.to_string(),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            };
            format!("{value} for {}", evaluation.cost)
        }
    };
    tally.case("evaluated", &fact.rule, &theirs, &ours);
}
