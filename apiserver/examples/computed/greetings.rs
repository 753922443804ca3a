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
use tokio::sync::OnceCell;

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
            // kube writes a name into a URL as it is.
            let is_odd = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '.';
            if context.name.contains(is_odd) {
                return Ok(None);
            }
            let found = config_maps(&context).await?.get_opt(&context.name).await;
            Ok(found.map_err(unavailable)?.and_then(greeting))
        })
        .list(|context, _| async move {
            let of_label = ListParams::default().labels(LABEL);
            let found = config_maps(&context).await?.list(&of_label).await;
            let found = found.map_err(unavailable)?.into_iter();
            Ok(found.filter_map(greeting).collect())
        });
    typed::resource::<Greeting>()
        .short_names(["hi"])
        .computed(verbs)
        .build()
}

/// Those of the request's namespace, or of all, with the rights of this server's ServiceAccount.
async fn config_maps(context: &RequestContext) -> Result<Api<ConfigMap>, ApiError> {
    static CLIENT: OnceCell<Client> = OnceCell::const_new();
    let client = CLIENT.get_or_try_init(Client::try_default).await;
    let client = client.map_err(unavailable)?.clone();
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

/// The client is told no more than that: the rest is between the server and the cluster.
fn unavailable(_: kube::Error) -> ApiError {
    ApiError::ServiceUnavailable {
        message: "the ConfigMaps cannot be read".to_owned(),
        retry_after: 1,
    }
}
