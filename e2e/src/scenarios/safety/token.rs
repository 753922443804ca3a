//! The operator's own token never leaves for a workload: a server that records what it is sent sees none but those of
//! the identity without rights.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::Value;

use super::super::{stage, world::World};
use crate::install::NAMESPACE;
use crate::scenarios::{Failure, ensure, failure};
use annex_e2e_server::record::Recorded;

const API_SERVICE: &str = "v1.safety.example.com";
const RECORD_PORT: u16 = 8080;

/// Registration, a rotation, and registration anew.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "safety-token";
    stage::made(world, name, &server(name)).await?;
    let probe = format!("system:serviceaccount:{NAMESPACE}:annex-probe");
    let only = BTreeSet::from([probe]);
    let seen = subjects(&recorded(world, name).await?)?;
    ensure(seen == only, || {
        format!("until it was registered, the server was sent tokens of {seen:?}")
    })?;
    world
        .kubectl(&format!(
            "annotate aggregatedserver {name} annex.dev/rotate-ca=token"
        ))
        .await?;
    stage::rotated(world, name, 1).await?;
    registered_anew(world).await?;
    world.ready(name).await?;
    let requests = recorded(world, name).await?;
    let seen = subjects(&requests)?;
    ensure(seen == only, || format!("the server was sent tokens of {seen:?}"))?;
    // The record is of everybody: the aggregator has been there too, with its certificate and no token.
    ensure(
        requests.iter().any(|request| request.peer_common_name.is_some()),
        || "the aggregator's requests were not recorded".to_owned(),
    )?;
    stage::cleared(world, name).await
}

/// An APIService that somebody deletes is registered again, after discovery was asked anew.
async fn registered_anew(world: &World) -> Result<(), Failure> {
    let services = Api::<APIService>::all(world.client.clone());
    let old = services.get(API_SERVICE).await?.uid();
    world.kubectl(&format!("delete apiservice {API_SERVICE}")).await?;
    world
        .eventually("the deleted APIService to be registered again", async || {
            let found = services
                .get_opt(API_SERVICE)
                .await
                .map_err(|error| error.to_string())?;
            match found {
                Some(new) if new.uid() != old => Ok(()),
                _ => Err("it is not there".to_owned()),
            }
        })
        .await
}

async fn recorded(world: &World, namespace: &str) -> Result<Vec<Recorded>, Failure> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), namespace);
    let pods = pods.list(&ListParams::default()).await?.items;
    let [pod] = pods.as_slice() else {
        return Err(failure(format!("{} pods in {namespace}", pods.len())));
    };
    let path = format!(
        "/api/v1/namespaces/{namespace}/pods/{}:{RECORD_PORT}/proxy/recorded",
        pod.name_any()
    );
    let text = world.kubectl(&format!("get --raw {path}")).await?;
    Ok(serde_json::from_str(&text)?)
}

/// Whose tokens are in any Authorization header.
fn subjects(requests: &[Recorded]) -> Result<BTreeSet<String>, Failure> {
    let headers = requests.iter().flat_map(|request| &request.headers);
    headers
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| subject(value))
        .collect()
}

fn subject(header: &str) -> Result<String, Failure> {
    let unreadable =
        || failure("the server was sent an Authorization header that is no ServiceAccount's token");
    let token = header.strip_prefix("Bearer ").ok_or_else(unreadable)?;
    let payload = token.split('.').nth(1).ok_or_else(unreadable)?;
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    payload["sub"].as_str().map(str::to_owned).ok_or_else(unreadable)
}

fn server(name: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  apis:
  - {{ group: safety.example.com, version: v1 }}
  workload:
    image: localhost/annex-e2e-server:dev
    args: [--group=safety.example.com, --version=v1, --record-port={RECORD_PORT}]
    template:
      spec:
        terminationGracePeriodSeconds: 1
"
    )
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_token_tells_whose_it_is() {
        // {"sub":"system:serviceaccount:a:b"}
        let payload = "eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0";
        assert_eq!(
            subject(&format!("Bearer e30.{payload}.c2ln")).expect("a subject"),
            "system:serviceaccount:a:b"
        );
    }

    #[test]
    fn what_is_no_token_is_no_ones() {
        for header in [
            "Basic YTpi",
            "Bearer opaque",
            "Bearer a.b.c",
            "Bearer e30.e30.c2ln",
        ] {
            assert!(subject(header).is_err(), "{header}");
        }
    }
}
