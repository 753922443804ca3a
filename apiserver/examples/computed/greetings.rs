//! Objects that another API keeps: a Greeting is a ConfigMap of the cluster that has the label `greeting`.

use annex_apiserver::resource::Resource;
use annex_apiserver::resource::typed::{self, DescriptionError, Verbs};
use annex_apiserver::rest::RequestContext;
use annex_apiserver::status::ApiError;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const LABEL: &str = "greeting";

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Greeting {
    metadata: ObjectMeta,
    text: String,
}

annex_apiserver::kind!(Greeting: "computed.example.com", "v1", "greetings", Namespaced);

pub(crate) fn resource() -> Result<Resource, DescriptionError> {
    let verbs = Verbs::new()
        .get(|context| async move {
            let found = config_maps(&context).await?.get_opt(&context.name).await;
            Ok(found.map_err(unavailable)?.and_then(greeting))
        })
        .list(|context, _| async move {
            let of_label = ListParams::default().labels(LABEL);
            let found = config_maps(&context).await?.list(&of_label).await;
            Ok(found
                .map_err(unavailable)?
                .items
                .into_iter()
                .filter_map(greeting)
                .collect())
        });
    typed::resource::<Greeting>()
        .short_names(["hi"])
        .computed(verbs)
        .build()
}

/// Those of the request's namespace, or of all, with the rights of this server's ServiceAccount.
async fn config_maps(context: &RequestContext) -> Result<Api<ConfigMap>, ApiError> {
    let client = Client::try_default().await.map_err(unavailable)?;
    Ok(match context.namespace.as_str() {
        "" => Api::all(client),
        namespace => Api::namespaced(client, namespace),
    })
}

fn greeting(map: ConfigMap) -> Option<Greeting> {
    map.metadata.labels.as_ref()?.get(LABEL)?;
    Some(Greeting {
        text: map.data.unwrap_or_default().remove("text").unwrap_or_default(),
        metadata: ObjectMeta {
            managed_fields: None,
            ..map.metadata
        },
    })
}

fn unavailable(error: impl std::fmt::Display) -> ApiError {
    ApiError::ServiceUnavailable {
        message: format!("the ConfigMaps cannot be read: {error}"),
        retry_after: 1,
    }
}
