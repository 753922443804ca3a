//! How a Greeting is kept in a ConfigMap: its text as data, and what Kubernetes keeps of who manages its fields as an annotation, since
//! the ConfigMap's own managedFields are about the ConfigMap.

use annex_apiserver::prelude::*;
use annex_apiserver::request::options::ListOptions;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::WatchEvent as Found;
use kube::{Api, Client};
use tokio::sync::OnceCell;

use crate::greetings::Greeting;

pub(crate) const LABEL: &str = "greeting";
const MANAGED_FIELDS: &str = "computed.example.com/managed-fields";

/// Those of the request's namespace, or of all, with the rights of this server's ServiceAccount.
pub(crate) async fn config_maps(context: &RequestContext) -> Result<Api<ConfigMap>, ApiError> {
    static CLIENT: OnceCell<Client> = OnceCell::const_new();
    let client = CLIENT.get_or_try_init(Client::try_default).await;
    let client = client.map_err(|_| unavailable())?.clone();
    Ok(match context.namespace.as_str() {
        "" => Api::all(client),
        namespace => Api::namespaced(client, namespace),
    })
}

/// The greeting that a ConfigMap is, where it is one.
pub(crate) fn greeting(map: ConfigMap) -> Option<Greeting> {
    map.metadata.labels.as_ref()?.get(LABEL)?;
    Some(greeting_of(map))
}

/// The same of a ConfigMap that is one.
pub(crate) fn greeting_of(map: ConfigMap) -> Greeting {
    let mut metadata = map.metadata;
    let annotations = metadata.annotations.as_mut();
    let managed = annotations.and_then(|annotations| annotations.remove(MANAGED_FIELDS));
    metadata.managed_fields = managed.and_then(|managed| serde_json::from_str(&managed).ok());
    Greeting {
        text: map.data.unwrap_or_default().remove("text").unwrap_or_default(),
        metadata,
    }
}

/// `map`, which a greeting is kept in: what is not of the greeting stays.
pub(crate) fn put(greeting: Greeting, map: &mut ConfigMap) -> Result<(), ApiError> {
    let Greeting { mut metadata, text } = greeting;
    let managed = serde_json::to_string(&metadata.managed_fields.take());
    let managed = managed.map_err(|error| ApiError::Internal(error.to_string()))?;
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(MANAGED_FIELDS.to_owned(), managed);
    map.metadata = metadata;
    map.data.get_or_insert_default().insert("text".to_owned(), text);
    Ok(())
}

/// A new ConfigMap that is a greeting.
pub(crate) fn config_map(greeting: Greeting) -> Result<ConfigMap, ApiError> {
    let mut map = ConfigMap::default();
    put(greeting, &mut map)?;
    let labels = map.metadata.labels.get_or_insert_default();
    labels.entry(LABEL.to_owned()).or_default();
    Ok(map)
}

/// The label selector of greetings that a client's selects.
pub(crate) fn selector(options: &ListOptions) -> String {
    let of_client = options.label_selector.to_string();
    [LABEL, &of_client]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}

/// What a watch is told of a ConfigMap; `None`: nothing.
pub(crate) fn event(found: Found<ConfigMap>) -> Result<Option<WatchEvent<Greeting>>, ApiError> {
    Ok(match found {
        Found::Added(map) => Some(WatchEvent::Added(greeting_of(map))),
        Found::Modified(map) => Some(WatchEvent::modified(greeting_of(map))),
        Found::Deleted(map) => Some(WatchEvent::Deleted(greeting_of(map))),
        Found::Bookmark(bookmark) => Some(WatchEvent::Bookmark {
            initial_events_end: bookmark
                .metadata
                .annotations
                .contains_key("k8s.io/initial-events-end"),
            resource_version: bookmark.metadata.resource_version,
        }),
        Found::Error(status) if status.code == 410 => {
            return Err(ApiError::Expired {
                message: status.message,
                continue_token: String::new(),
            });
        }
        Found::Error(_) => return Err(unavailable()),
    })
}

/// What the client is told of an error of the cluster's API: that somebody was faster, or no more than that it failed, since the rest
/// is between this server and the cluster.
pub(crate) fn failed(context: &RequestContext) -> impl Fn(kube::Error) -> ApiError + use<> {
    let name = context.name.clone();
    move |error| {
        let kube::Error::Api(status) = error else {
            return unavailable();
        };
        let resource = GroupResource::new("computed.example.com", "greetings");
        let name = name.clone();
        match status.reason.as_str() {
            "AlreadyExists" => ApiError::AlreadyExists {
                resource,
                name,
                prefix: "",
            },
            "Conflict" => ApiError::Conflict {
                resource,
                name,
                message: "the ConfigMap has been modified".to_owned(),
            },
            "NotFound" => ApiError::NotFound { resource, name },
            "Invalid" => ApiError::BadRequest(status.message.clone()),
            "Expired" => ApiError::Expired {
                message: status.message.clone(),
                continue_token: String::new(),
            },
            _ => unavailable(),
        }
    }
}

fn unavailable() -> ApiError {
    ApiError::ServiceUnavailable {
        message: "the cluster's API did not answer".to_owned(),
        retry_after: 1,
    }
}
