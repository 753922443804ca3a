//! A CustomResourceDefinition as the third of a pair: the kube-apiserver serves the schema of our resource in another group, and is
//! asked the requests that both can answer.
//!
//! The definition is made of the OpenAPI that our server publishes, so that the two cannot part. What a program does to its objects
//! a definition says by defaults, formats and rules of CEL (apiextensions-apiserver's `customresource/strategy.go`), which are added
//! here; what it cannot say is left out of the requests, or declared to differ.

mod alike;
mod declared;
mod schema;

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::DeleteParams;
use kube::{Api, Client};
use serde_json::Value;

use super::differences;
use super::pair::Pair;
use super::play::{Player, play};
use super::request::{self, Request};
use crate::scenarios::Failure;
use crate::{client, progress};

/// The group of the definition, in the place of the pair's.
const GROUP: &str = "gadgets.example.org";
/// What it is asked: objects that leave out nothing that a program would complete.
const SHARED: &str = include_str!("requests/gadgets/11-definition.http");
/// The definition's name.
pub(super) const NAME: &str = "gadgets.gadgets.example.org";
/// How long the kube-apiserver may take to serve the definition, or to stop.
const LIMIT: Duration = Duration::from_secs(60);

/// Plays what a definition shares with our server to both, and takes the definition away again.
///
/// # Errors
/// What differs and is not declared, or that the kube-apiserver does not take the definition.
pub(super) async fn beside(cluster: &Client, ours: &Client, pair: &Pair) -> Result<(), Failure> {
    let requests = request::parse(SHARED);
    let openapi = document(ours, &format!("/openapi/v3/apis/{}/v1", pair.group)).await?;
    let manifest = schema::manifest(&openapi, pair.group, GROUP)?;
    client::apply_yaml(cluster, &manifest.to_string()).await?;
    let compared = compare(cluster, ours, pair, &requests).await;
    let removed = remove(cluster).await;
    compared?;
    progress::say(format!("    {} requests beside a definition", requests.len()));
    removed
}

async fn compare(cluster: &Client, ours: &Client, pair: &Pair, requests: &[Request]) -> Result<(), Failure> {
    served(cluster, pair).await?;
    let mut defined = Player::renamed(cluster, pair.group, GROUP);
    let (defined, ours) = futures::join!(defined.play(requests), play(ours, requests));
    let [defined, ours] = [defined?, ours?].map(alike::answers);
    differences::compare(declared::DECLARED, requests, &defined, &ours).map(drop)
}

async fn document(client: &Client, path: &str) -> Result<Value, Failure> {
    Ok(serde_json::from_str(&client::get(client, path).await?)?)
}

/// Waits until the definition's resource is served with all its paths: they come one after the other.
async fn served(cluster: &Client, pair: &Pair) -> Result<(), Failure> {
    let path = format!("/apis/{GROUP}/v1/namespaces/{}/gadgets", pair.objects);
    let list = async || {
        client::get(cluster, &path)
            .await
            .map_err(|error| error.to_string())
    };
    client::eventually("the definition to be served", LIMIT, list).await?;
    Ok(())
}

/// Takes the definition away, and waits until it is.
async fn remove(cluster: &Client) -> Result<(), Failure> {
    let definitions = Api::<CustomResourceDefinition>::all(cluster.clone());
    definitions.delete(NAME, &DeleteParams::default()).await?;
    let gone = async || match definitions.get_opt(NAME).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err("it is still there".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Ok(client::eventually("the definition to go", LIMIT, gone).await?)
}

#[cfg(test)]
mod tests {
    use super::super::gadgets::PAIR;
    use super::{GROUP, NAME, SHARED, declared::DECLARED, request};

    #[test]
    fn every_declared_difference_is_of_a_request_and_stands_in_the_docs() {
        assert_eq!(NAME, format!("gadgets.{GROUP}"));
        let requests = request::parse(SHARED);
        for difference in DECLARED {
            assert!(
                requests.iter().any(|request| request.title == difference.request),
                "{difference:?}"
            );
            let row = format!("| {} | {} |", difference.request, difference.reason);
            assert!(PAIR.page.contains(&row), "the page of differences lacks: {row}");
        }
    }

    #[test]
    fn all_that_a_definition_is_asked_both_programs_are_asked_too() {
        assert!(PAIR.files.contains(&SHARED));
        assert!(request::parse(SHARED).len() > 150);
    }
}
