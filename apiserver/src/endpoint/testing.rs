//! Requests for tests.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::{Endpoint, Endpoints, serve, status};
use crate::admission::Admission;
use crate::authz::Authorized;
use crate::object::Object;
use crate::registry::{self, Registry};
use crate::request::{RequestInfo, User};
use crate::resource::{
    Column, ConversionError, DefaultColumn, Hub, Names, ObjectNames, Policy, Resource, Scope, Strategy,
    Version,
};
use crate::response::{Body, Response};
use crate::schema::Schema;
use crate::storage::memory::MemoryStore;

/// A server of Flunders (namespaced, `v1alpha1` and `v1beta1`, which calls the field `reference` otherwise) and of
/// Fischers (cluster-scoped, with printed columns).
pub(crate) struct TestServer {
    pub(crate) endpoints: Endpoints,
    pub(crate) store: Arc<MemoryStore>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Code and message of a Status, whose code is the answer's.
    pub(crate) fn error(&self) -> (u16, String) {
        let status = self.json();
        assert_eq!(status["kind"], "Status", "{status}");
        assert_eq!(status["code"], self.code, "{status}");
        (
            self.code,
            status["message"].as_str().unwrap_or_default().to_owned(),
        )
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl TestServer {
    pub(crate) fn new() -> Self {
        Self::with(Policy {
            generation: false,
            strategic_merge_patch: true,
            object_names: ObjectNames::PathSegment,
            default_column: DefaultColumn::CreatedAt,
            ..Policy::default()
        })
    }

    /// One with so many bytes of memory for decoded objects.
    pub(crate) fn with_memory(memory: usize) -> Self {
        let mut server = Self::new();
        let registries = server.endpoints.registries();
        server.endpoints = Endpoints::new(memory).replaced(registries, true);
        server
    }

    pub(crate) fn with(policy: Policy) -> Self {
        Self::of([flunders(policy), fischers()])
    }

    /// One of these resources.
    pub(crate) fn of(resources: impl IntoIterator<Item = Resource>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let registry = |resource| {
            let admission = Arc::new(AdmitAll);
            Arc::new(Registry::new(Arc::new(resource), store.clone(), admission).unwrap())
        };
        let endpoints = Endpoints::new(1 << 30).replaced(resources.into_iter().map(registry), true);
        Self { endpoints, store }
    }

    /// One of this resource, with the objects of this one.
    pub(crate) fn with_resource(self, resource: Resource) -> Self {
        let registry = Registry::new(Arc::new(resource), self.store.clone(), Arc::new(AdmitAll)).unwrap();
        let endpoints = Endpoints::new(1 << 30).replaced([Arc::new(registry)], true);
        Self { endpoints, ..self }
    }

    /// One of a resource that is computed.
    pub(crate) fn computed(resource: Resource, admission: impl Admission) -> Self {
        let rules = registry::Rules::new(Arc::new(resource), Arc::new(admission)).unwrap();
        let endpoints = Endpoints::new(1 << 30).replaced([Endpoint::Computed(rules)], true);
        let store = Arc::new(MemoryStore::new());
        Self { endpoints, store }
    }

    /// What the server answers to a request, errors as Statuses.
    pub(crate) async fn response(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response {
        let mut request = http::Request::new(());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let (parts, ()) = request.into_parts();
        let request = authorized(method, uri);
        let answer = serve(&self.endpoints, &request, &parts, Full::new(body.into())).await;
        let query = parts.uri.query().unwrap_or_default();
        let mut answer = answer.unwrap_or_else(|error| status(&error, &parts.headers, query));
        request.warnings().write(answer.headers_mut());
        answer
    }

    /// The same, read to its end.
    pub(crate) async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let (parts, body) = self.response(method, uri, headers, body).await.into_parts();
        Reply {
            code: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) async fn get(&self, uri: &str) -> Reply {
        self.send("GET", uri, &[], "").await
    }

    pub(crate) async fn post(&self, uri: &str, object: &Value) -> Reply {
        self.send("POST", uri, &[], object.to_string()).await
    }

    pub(crate) async fn put(&self, uri: &str, object: &Value) -> Reply {
        self.send("PUT", uri, &[], object.to_string()).await
    }

    pub(crate) async fn merge(&self, uri: &str, patch: &Value) -> Reply {
        let headers = [("content-type", "application/merge-patch+json")];
        self.send("PATCH", uri, &headers, patch.to_string()).await
    }

    pub(crate) async fn json_patch(&self, uri: &str, patch: &Value) -> Reply {
        let headers = [("content-type", "application/json-patch+json")];
        self.send("PATCH", uri, &headers, patch.to_string()).await
    }

    pub(crate) async fn delete(&self, uri: &str) -> Reply {
        self.send("DELETE", uri, &[], "").await
    }

    /// A Flunder in the namespace `default`.
    pub(crate) async fn create(&self, name: &str) -> Value {
        let reply = self.post(FLUNDERS, &flunder(name)).await;
        assert_eq!(reply.code, 201, "{}", reply.json());
        reply.json()
    }
}

/// The collection in the namespace `default`.
pub(crate) const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
/// The same in the other version.
pub(crate) const BETA: &str = "/apis/wardle.example.com/v1beta1/namespaces/default/flunders";
/// The collection of the cluster-scoped resource.
pub(crate) const FISCHERS: &str = "/apis/wardle.example.com/v1alpha1/fischers";

pub(crate) fn flunder(name: &str) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": {"name": name},
        "spec": {"reference": "x"},
    })
}

/// The frames of a watch that are there at once.
pub(crate) async fn next_frames(body: &mut Body) -> Vec<Value> {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(30), body.frame())
        .await
        .expect("an event comes")
        .expect("the watch goes on")
        .unwrap();
    frame
        .into_data()
        .unwrap()
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

pub(crate) use crate::admission::NoAdmission as AdmitAll;

/// Flunders always have a spec and a status; Fischers are as they come.
struct Rules {
    always: &'static [&'static str],
}

/// What `v1alpha1` calls `reference`.
const BETA_FIELD: &str = "flunderReference";

impl Strategy for Rules {
    fn normalize(&self, _version: &str, mut object: Object) -> Result<Object, ConversionError> {
        for field in self.always {
            object.0.entry(*field).or_insert_with(|| json!({}));
        }
        Ok(object)
    }

    fn default_fields(&self, _version: &str, _object: &mut Object) {}

    fn convert(&self, mut object: Object, to: &str) -> Result<Object, ConversionError> {
        let (from, into) = if to == "v1beta1" {
            ("reference", BETA_FIELD)
        } else {
            (BETA_FIELD, "reference")
        };
        if let Some(spec) = object.0.get_mut("spec").and_then(Value::as_object_mut)
            && let Some(value) = spec.remove(from)
        {
            spec.insert(into.into(), value);
        }
        let kind = object.kind().to_owned();
        object.set_type(&format!("wardle.example.com/{to}"), &kind);
        Ok(object)
    }
}

fn version(name: &str, fields: Value, columns: Vec<Column>) -> Version {
    let document = json!({
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
            "spec": {"type": "object", "properties": fields},
            "status": {"type": "object"},
        },
    });
    Version {
        name: name.into(),
        schema: Arc::new(Schema::new(document)),
        columns,
        selectable_fields: Vec::new(),
        subresources: crate::resource::Subresources::default(),
        deprecation_warning: None,
    }
}

fn names(singular: &str, kind: &str) -> Names {
    Names {
        plural: format!("{singular}s"),
        singular: singular.into(),
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        ..Names::default()
    }
}

pub(crate) fn flunders(policy: Policy) -> Resource {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let any = json!({"x-kubernetes-preserve-unknown-fields": true});
    let fields = |reference: &str| json!({reference: {"type": "string"}, "size": {"type": "integer"}, "list": list, "any": any});
    Resource {
        group: "wardle.example.com".into(),
        names: names("flunder", "Flunder"),
        scope: Scope::Namespaced,
        versions: vec![
            version("v1alpha1", fields("reference"), Vec::new()),
            version("v1beta1", fields(BETA_FIELD), Vec::new()),
        ],
        unserved: Vec::new(),
        storage_version: "v1alpha1".into(),
        hub: Hub::Version("v1alpha1".into()),
        strategy: Arc::new(Rules {
            always: &["spec", "status"],
        }),
        policy,
        rest: crate::rest::Rest::Stored,
        subresources: Vec::new(),
    }
}

pub(crate) fn fischers() -> Resource {
    let size = Column {
        name: "Size".into(),
        type_: "integer".into(),
        format: String::new(),
        description: String::new(),
        priority: 1,
        json_path: ".spec.size".into(),
    };
    Resource {
        group: "wardle.example.com".into(),
        names: names("fischer", "Fischer"),
        scope: Scope::Cluster,
        versions: vec![version(
            "v1alpha1",
            json!({"size": {"type": "integer"}}),
            vec![size],
        )],
        unserved: Vec::new(),
        storage_version: "v1alpha1".into(),
        hub: Hub::Version("v1alpha1".into()),
        strategy: Arc::new(Rules { always: &[] }),
        policy: Policy::default(),
        rest: crate::rest::Rest::Stored,
        subresources: Vec::new(),
    }
}

/// An authorized request by its method and path, as the server would read them.
pub(crate) fn authorized(method: &str, uri: &str) -> Authorized {
    let user = User {
        name: "tester".into(),
        groups: vec![User::MASTERS.into()],
        ..User::default()
    };
    let info = RequestInfo::parse(&method.parse().unwrap(), &uri.parse().unwrap()).unwrap();
    Authorized::in_test(user, info)
}
