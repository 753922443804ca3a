//! Rules of schemas (`x-kubernetes-validations`), as those of a CustomResourceDefinition.

use serde_json::{Value, json};

use super::super::testing::{Reply, TestServer};
use crate::definition;

const LAMPS: &str = "/apis/example.com/v1/namespaces/default/lamps";

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: lamps, kind: Lamp}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: \"!has(self.status) || self.status.watts <= self.spec.most\", message: too bright}
        properties:
          spec:
            type: object
            properties:
              color:
                type: string
                enum: [red, blue]
                x-kubernetes-validations: [{rule: self == oldSelf, message: stays as it is, reason: FieldValueForbidden}]
              most:
                type: integer
                default: 5
                x-kubernetes-validations:
                - {rule: self > 1, messageExpression: \"self == 1 ? 'not one' : 'not so few'\"}
              names:
                type: array
                maxItems: 300
                x-kubernetes-list-type: atomic
                items: {type: string, maxLength: 10}
                x-kubernetes-validations: [{rule: \"self.all(x, self.exists_one(y, y == x))\", message: twice}]
          status: {type: object, properties: {watts: {type: integer}}}
";

fn server() -> TestServer {
    let definitions = definition::read(DEFINITION.as_bytes()).unwrap();
    TestServer::of(
        definitions
            .iter()
            .map(|definition| definition::resource(definition).unwrap()),
    )
}

fn lamp(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}, "spec": spec})
}

fn causes(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.code, 422, "{}", reply.json());
    let status = reply.json();
    let causes = status["details"]["causes"].as_array().unwrap();
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    causes
        .iter()
        .map(|cause| {
            let [field, reason, message] = ["field", "reason", "message"].map(|field| text(cause, field));
            format!("{field}: {reason}: {message}")
        })
        .collect()
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_where_it_stands() {
    let server = server();
    let reply = server
        .post(LAMPS, &lamp(json!({"most": 1, "names": ["x", "y", "x"]})))
        .await;
    assert_eq!(
        causes(&reply),
        [
            "spec.most: FieldValueInvalid: Invalid value: 1: not one",
            "spec.names: FieldValueInvalid: Invalid value: twice"
        ]
    );
    let reply = server
        .post(LAMPS, &lamp(json!({"most": 2, "names": ["x", "y"]})))
        .await;
    assert_eq!(reply.code, 201, "{}", reply.json());
}

#[tokio::test]
async fn rules_for_changes_see_what_was_before() {
    let server = server();
    assert_eq!(server.post(LAMPS, &lamp(json!({"color": "red"}))).await.code, 201);
    let path = format!("{LAMPS}/a");
    let reply = server.merge(&path, &json!({"spec": {"color": "blue"}})).await;
    assert_eq!(
        causes(&reply),
        ["spec.color: FieldValueForbidden: Forbidden: stays as it is"]
    );
    let reply = server.merge(&path, &json!({"spec": {"most": 9}})).await;
    assert_eq!(reply.code, 200);
    let status = format!("{path}/status");
    let reply = server.merge(&status, &json!({"status": {"watts": 10}})).await;
    assert_eq!(
        causes(&reply),
        ["<nil>: FieldValueInvalid: Invalid value: too bright"]
    );
    let reply = server.merge(&status, &json!({"status": {"watts": 9}})).await;
    assert_eq!(reply.code, 200);
}

#[tokio::test]
async fn rules_are_not_looked_at_where_values_are_not_of_their_types() {
    let server = server();
    let reply = server
        .post(LAMPS, &lamp(json!({"most": 1, "color": "green"})))
        .await;
    let unchecked = "<nil>: FieldValueInvalid: Invalid value: null: some validation rules were not checked because the object was \
                     invalid; correct the existing errors to complete validation";
    let causes = causes(&reply);
    assert_eq!(causes.len(), 2, "{causes:?}");
    assert!(causes[0].starts_with("spec.color: FieldValueNotSupported"));
    assert_eq!(causes[1], unchecked);
}

#[tokio::test]
async fn what_did_not_change_is_warned_of() {
    let server = server();
    assert_eq!(server.post(LAMPS, &lamp(json!({"most": 3}))).await.code, 201);
    // The rule is there since yesterday.
    let definition = DEFINITION.replace("self > 1,", "self > 4,");
    let definitions = definition::read(definition.as_bytes()).unwrap();
    let stricter = definition::resource(&definitions[0]).unwrap();
    let server = server.with_resource(stricter);
    let path = format!("{LAMPS}/a");
    let reply = server
        .merge(&path, &json!({"metadata": {"labels": {"a": "b"}}}))
        .await;
    assert_eq!(reply.code, 200, "{}", reply.json());
    let warnings = reply.headers.get_all("warning").iter();
    let warnings: Vec<&str> = warnings.map(|value| value.to_str().unwrap()).collect();
    assert_eq!(warnings, [r#"299 - "spec.most: Invalid value: 3: not so few""#]);
    let reply = server.merge(&path, &json!({"spec": {"most": 2}})).await;
    assert_eq!(
        causes(&reply),
        ["spec.most: FieldValueInvalid: Invalid value: 2: not so few"]
    );
}

#[tokio::test]
async fn what_takes_more_than_a_little_is_evaluated_all_the_same() {
    let server = server();
    let names: Vec<String> = (0..300).map(|index| index.to_string()).collect();
    let reply = server.post(LAMPS, &lamp(json!({"names": names}))).await;
    assert_eq!(reply.code, 201, "{}", reply.json());
}
