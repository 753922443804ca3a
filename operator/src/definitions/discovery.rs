//! What the kube-apiserver's own, aggregated discovery shows: kubectl and the controllers find resources there and nowhere else. It holds
//! what was read of servers last, so that a resource may be served for a while before it is shown. Go: `apidiscovery.k8s.io/v2`.

use std::collections::HashSet;

use http::{
    Uri,
    header::{ACCEPT, HeaderValue},
};
use kube::Client;
use serde::Deserialize;

const PATH: &str = "/apis";
const MEDIA_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The resources that are shown: group, version and plural.
pub type Shown = HashSet<(String, String, String)>;

#[derive(Deserialize)]
struct List {
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource: String,
}

/// Asks for it, and keeps what is shown of `groups`.
///
/// # Errors
/// The API server does not answer, or not so.
pub async fn shown(client: &Client, groups: &HashSet<&str>) -> Result<Shown, kube::Error> {
    let mut request = http::Request::new(Vec::new());
    *request.uri_mut() = Uri::from_static(PATH);
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
    let list: List = client.request(request).await?;
    let of_groups = list.items.into_iter();
    let mut shown = Shown::new();
    for group in of_groups.filter(|group| groups.contains(group.metadata.name.as_str())) {
        for version in group.versions {
            shown.extend(version.resources.into_iter().map(|resource| {
                (
                    group.metadata.name.clone(),
                    version.version.clone(),
                    resource.resource,
                )
            }));
        }
    }
    Ok(shown)
}
