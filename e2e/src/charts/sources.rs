//! What the templates and schemas of a chart may not contain, whatever the values.

use serde_json::Value;

/// Functions whose result differs from one rendering to the next, asks the cluster, or makes keys.
const REFUSED_FUNCTIONS: [&str; 23] = [
    "ago",
    "bcrypt",
    "buildCustomCert",
    "date",
    "dateInZone",
    "dateModify",
    "derivePassword",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "getHostByName",
    "htpasswd",
    "lookup",
    "now",
    "randAlpha",
    "randAlphaNum",
    "randBytes",
    "uuidv4",
];

/// The refused functions that this template calls.
pub(super) fn refused_functions(template: &str) -> Vec<&'static str> {
    let words: Vec<_> = actions(template)
        .iter()
        .flat_map(|action| words(action))
        .collect();
    REFUSED_FUNCTIONS
        .into_iter()
        .filter(|function| words.iter().any(|word| word == function))
        .collect()
}

/// What stands between `{{` and `}}`, without comments.
fn actions(template: &str) -> Vec<&str> {
    let bodies = template
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}").map(|(body, _)| body));
    bodies
        .filter(|body| !body.trim_start_matches('-').trim_start().starts_with("/*"))
        .collect()
}

/// The bare words of an action: no strings, no fields (`.now`), no variables (`$now`).
fn words(action: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in action.chars().chain([' ']) {
        match quote {
            Some(end) => quote = (c != end).then_some(end),
            None if c == '"' || c == '`' => quote = Some(c),
            None if c.is_ascii_alphanumeric() || matches!(c, '.' | '$' | '_') => word.push(c),
            None => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
        }
    }
    words
}

/// Paths of the objects in a JSON schema that name properties and admit others.
pub(super) fn open_objects(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_open_objects(schema, "", &mut found);
    found
}

fn collect_open_objects(schema: &Value, path: &str, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let names_properties = fields.get("properties").is_some_and(Value::is_object);
            if names_properties && fields.get("additionalProperties") != Some(&Value::Bool(false)) {
                found.push(if path.is_empty() {
                    "/".to_owned()
                } else {
                    path.to_owned()
                });
            }
            for (key, field) in fields {
                collect_open_objects(field, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_open_objects(item, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_found_and_names_are_not() {
        let refused =
            refused_functions("a: {{ genCA \"x\" 1 }}\nb: {{- $x := (lookup \"v1\" \"Secret\" \"\" \"\") }}");
        assert_eq!(refused, ["genCA", "lookup"]);
        let fine = "now {{ .Values.now }} {{ $.now }} {{ \"now\" }} {{- /* now */}} {{ `now` | quote }}";
        assert_eq!(refused_functions(fine), Vec::<&str>::new());
    }

    #[test]
    fn objects_that_admit_anything_are_found() {
        let schema = json!({
            "additionalProperties": false,
            "properties": { "a": { "properties": { "b": {} } }, "free": { "type": "object" } },
        });
        assert_eq!(open_objects(&schema), ["/properties/a"]);
    }
}
