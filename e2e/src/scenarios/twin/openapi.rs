//! What both of a pair say in OpenAPI, of the second version and of the third, about a subresource that connects.

use kube::Client;
use serde_json::{Map, Value};

use super::pair::Pair;
use crate::progress;
use crate::scenarios::{Failure, ensure, failure};

/// What the path of one ends with.
const CONNECTER: &str = "/echo";

/// Compares the paths of connecters, with all that is said of them.
///
/// # Errors
/// What differs; or a document without such a path.
pub(super) async fn of_connecters(go: &Client, ours: &Client, pair: &Pair) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for document in [
        "/openapi/v2".to_owned(),
        format!("/openapi/v3/apis/{}/v1", pair.group),
        format!("/openapi/v3/apis/{}/v1beta1", pair.group),
    ] {
        let (go, ours) = (paths(go, &document).await?, paths(ours, &document).await?);
        for path in go
            .keys()
            .chain(ours.keys().filter(|path| !go.contains_key(*path)))
        {
            compared += 1;
            let [go, ours] = [go.get(path), ours.get(path)].map(|said| said.unwrap_or(&Value::Null));
            if go != ours {
                wrong.push(format!("  {document}: {path}\n    Go:   {go}\n    ours: {ours}"));
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))?;
    progress::say(format!("    {compared} paths of connecters are alike in OpenAPI"));
    Ok(())
}

/// What is said, with each parameter that stands elsewhere in the document in its place.
fn resolved(said: &Value, document: &Value) -> Value {
    match said {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            let referenced = reference
                .and_then(|reference| reference.strip_prefix("#/parameters/"))
                .and_then(|name| document["parameters"].get(name));
            referenced.cloned().unwrap_or_else(|| {
                let fields = fields.iter();
                Value::Object(
                    fields
                        .map(|(name, field)| (name.clone(), resolved(field, document)))
                        .collect(),
                )
            })
        }
        Value::Array(items) => items.iter().map(|item| resolved(item, document)).collect(),
        other => other.clone(),
    }
}

async fn paths(client: &Client, document: &str) -> Result<Map<String, Value>, Failure> {
    let request = http::Request::get(document)
        .header("accept", "application/json")
        .body(Vec::new())?;
    let found: Value = client.request(request).await?;
    let paths = found["paths"].as_object().into_iter().flatten();
    let of_connecters: Map<_, _> = paths
        .filter(|(path, _)| path.ends_with(CONNECTER))
        .map(|(path, said)| (path.clone(), resolved(said, &found)))
        .collect();
    if of_connecters.is_empty() {
        return Err(failure(format!(
            "{document} has no path that ends with {CONNECTER}"
        )));
    }
    Ok(of_connecters)
}
