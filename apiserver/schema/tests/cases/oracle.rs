//! What apiextensions-apiserver says of definitions and makes of objects, against what this crate says. `e2e/go/schema` makes the data;
//! `ORACLE=FILE` takes other data than what is kept here.

use annex_schema::field::{Error, Path};
use annex_schema::props::JsonSchemaProps;
use annex_schema::{defaulting, definition, list_type, object_meta, pruning, values};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    schema: Value,
    #[serde(default)]
    status: bool,
    #[serde(default, rename = "noSchema")]
    no_schema: bool,
    errors: List,
    #[serde(default)]
    objects: Vec<Object>,
}

/// Errors, each after its reason. Go walks through maps in no order.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    ordered: bool,
}

#[derive(Deserialize)]
struct Object {
    object: Value,
    old: Option<Value>,
    pruned: Value,
    #[serde(default)]
    unknown: Vec<String>,
    defaulted: Value,
    errors: List,
    lists: List,
    update: Option<List>,
    embedded: Option<List>,
    coerced: Option<Value>,
    /// Why the metadata of embedded objects is refused: one of these.
    #[serde(default, rename = "coerceErrors")]
    coerce_errors: Vec<String>,
    #[serde(default, rename = "coercedUnknown")]
    coerced_unknown: Vec<String>,
}

impl List {
    /// What differs, if it does.
    fn compare(&self, ours: &[Error]) -> Option<String> {
        let mut ours: Vec<String> = ours
            .iter()
            .map(|error| format!("{}|{error}", error.kind.reason()))
            .collect();
        let mut theirs = self.texts.clone();
        if !self.ordered {
            ours.sort();
            theirs.sort();
        }
        let but = |texts: &[String], others: &[String]| -> Vec<String> {
            texts
                .iter()
                .filter(|text| !others.contains(text))
                .cloned()
                .collect()
        };
        // Where only the order differs, all is shown.
        let (mut only_theirs, mut only_ours) = (but(&theirs, &ours), but(&ours, &theirs));
        if only_theirs.is_empty() && only_ours.is_empty() {
            (only_theirs, only_ours) = (theirs.clone(), ours.clone());
        }
        (ours != theirs).then(|| format!("  Go: {only_theirs:#?}\nours: {only_ours:#?}"))
    }
}

fn cases() -> Vec<Case> {
    let read = |text: &str| -> Vec<Case> { serde_json::from_str(text).expect("the oracle's data") };
    if let Ok(file) = std::env::var("ORACLE") {
        return read(&std::fs::read_to_string(file).expect("the file"));
    }
    let mut cases = read(include_str!("../data/oracle.json"));
    cases.extend(read(include_str!("../data/rules.json")));
    cases
}

/// Go writes a float without a fraction as an integer.
fn as_written(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
            whole.map_or_else(|| value.clone(), |float| format!("{float:.0}").into())
        }
        Value::Array(items) => items.iter().map(as_written).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), as_written(value)))
            .collect(),
        _ => value.clone(),
    }
}

/// What differs, with what it differs in.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn add(&mut self, case: &Case, what: &str, difference: Option<String>) {
        if let Some(difference) = difference {
            let Case { name, schema, .. } = case;
            self.0.push(format!("{what} of {name} {schema}\n{difference}"));
        }
    }

    fn same<T: PartialEq + std::fmt::Display>(&mut self, case: &Case, what: &str, ours: &T, theirs: &T) {
        self.add(
            case,
            what,
            (ours != theirs).then(|| format!("  Go: {theirs}\nours: {ours}")),
        );
    }

    fn none(self) {
        let first = self.0.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
        assert!(self.0.is_empty(), "{} differ:\n{first}", self.0.len());
    }
}

#[test]
fn definitions_have_the_verdicts_of_go() {
    let mut differences = Differences::default();
    for case in cases() {
        let decoded = JsonSchemaProps::decode(&case.schema);
        if case.no_schema {
            let taken = decoded.is_ok().then(|| "  Go: no schema\nours: one".to_owned());
            differences.add(&case, "type", taken);
            continue;
        }
        let schema = decoded.expect("a schema");
        let ours = definition::validate(&Path::new("spec.validation"), &schema, case.status);
        differences.add(&case, "verdict", case.errors.compare(&ours));
    }
    differences.none();
}

#[test]
fn objects_are_pruned_defaulted_and_validated_as_go_does_it() {
    let mut differences = Differences::default();
    for case in cases()
        .iter()
        .filter(|case| case.errors.texts.is_empty() && !case.no_schema)
    {
        let mut schema = JsonSchemaProps::decode(&case.schema).expect("a schema");
        definition::prune_defaults(&mut schema);
        for of in &case.objects {
            let what = |what: &str| format!("{what} of {}", of.object);
            let mut object = of.object.clone();
            let mut unknown = annex_schema::UnknownFields::default();
            pruning::prune(&mut object, &schema, true, &mut unknown);
            let unknown = unknown.paths().to_vec();
            differences.same(
                case,
                &what("pruning"),
                &as_written(&object),
                &as_written(&of.pruned),
            );
            differences.same(
                case,
                &what("unknown"),
                &format!("{unknown:?}"),
                &format!("{:?}", of.unknown),
            );
            defaulting::prune_nulls(&mut object, &schema);
            defaulting::apply(&mut object, &schema).expect("room");
            differences.same(
                case,
                &what("defaulting"),
                &as_written(&object),
                &as_written(&of.defaulted),
            );
            let ours = values::validate(&Path::NONE, &of.object, &schema);
            differences.add(case, &what("validation"), of.errors.compare(&ours));
            let ours = list_type::validate(&Path::NONE, &of.object, &schema);
            differences.add(case, &what("lists"), of.lists.compare(&ours));
            if let (Some(old), Some(update)) = (&of.old, &of.update) {
                let ours = values::validate_update(&Path::NONE, &of.object, old, &schema);
                differences.add(case, &what(&format!("update from {old}")), update.compare(&ours));
            }
        }
    }
    differences.none();
}

#[test]
fn embedded_objects_are_read_and_validated_as_go_does_it() {
    let mut differences = Differences::default();
    for case in cases()
        .iter()
        .filter(|case| case.errors.texts.is_empty() && !case.no_schema)
    {
        let schema = JsonSchemaProps::decode(&case.schema).expect("a schema");
        for of in case.objects.iter().filter(|of| of.embedded.is_some()) {
            let what = |what: &str| format!("{what} of {}", of.object);
            let ours = object_meta::validate(&Path::NONE, &of.object, &schema, false);
            differences.add(
                case,
                &what("metadata"),
                of.embedded.as_ref().and_then(|list| list.compare(&ours)),
            );
            let mut object = of.object.clone();
            match (coerced(&mut object, &schema), &of.coerced) {
                (Ok(unknown), Some(coerced)) => {
                    differences.same(
                        case,
                        &what("coercing"),
                        &as_written(&object),
                        &as_written(coerced),
                    );
                    let theirs = &of.coerced_unknown;
                    differences.same(
                        case,
                        &what("unknown"),
                        &format!("{unknown:?}"),
                        &format!("{theirs:?}"),
                    );
                }
                (ours, theirs) => {
                    let ours = ours.map_or_else(|error| error.to_string(), |unknown| format!("{unknown:?}"));
                    let known = of.coerce_errors.contains(&ours);
                    let difference = format!("  Go: {:?}{theirs:?}\nours: {ours}", of.coerce_errors);
                    differences.add(case, &what("coercing"), (!known).then_some(difference));
                }
            }
        }
    }
    differences.none();
}

/// The unknown fields of embedded resources' metadata, which are taken away.
fn coerced(object: &mut Value, schema: &JsonSchemaProps) -> Result<Vec<String>, Box<Error>> {
    let mut unknown = annex_schema::UnknownFields::default();
    object_meta::coerce(&Path::NONE, object, schema, false, &mut unknown)?;
    Ok(unknown.paths().to_vec())
}
