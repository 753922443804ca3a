//! The user of the measured requests: a ServiceAccount with a token, so that both servers ask the cluster about it once
//! and remember the answer for ten seconds, as in operation.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleRef, Subject};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Client};

use super::Error;

/// The account's and the binding's name.
const NAME: &str = "annex-bench";
const NAMESPACE: &str = "default";

/// How long the token holds, in seconds: longer than any run.
const TOKEN_SECONDS: i64 = 6 * 60 * 60;

/// Makes the account, its rights and a token.
pub(super) async fn make(client: &Client) -> Result<String, Error> {
    remove(client).await?;
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), NAMESPACE);
    let account = ServiceAccount {
        metadata: metadata(),
        ..ServiceAccount::default()
    };
    accounts.create(&PostParams::default(), &account).await?;
    let bindings = Api::<ClusterRoleBinding>::all(client.clone());
    bindings.create(&PostParams::default(), &binding()).await?;
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let made = accounts
        .create_token_request(NAME, &PostParams::default(), &request)
        .await?;
    made.status
        .and_then(|status| status.token)
        .ok_or_else(|| Error::Wrong("the cluster made no token".to_owned()))
}

/// Removes account and rights; nothing of an earlier run that was cut off stays either.
pub(super) async fn remove(client: &Client) -> Result<(), Error> {
    let bindings = Api::<ClusterRoleBinding>::all(client.clone());
    absent(bindings.delete(NAME, &DeleteParams::default()).await)?;
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), NAMESPACE);
    absent(accounts.delete(NAME, &DeleteParams::default()).await)
}

fn absent<T>(deleted: Result<T, kube::Error>) -> Result<(), Error> {
    match deleted {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

fn metadata() -> ObjectMeta {
    ObjectMeta {
        name: Some(NAME.to_owned()),
        ..ObjectMeta::default()
    }
}

fn binding() -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: "cluster-admin".to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: NAME.to_owned(),
            namespace: Some(NAMESPACE.to_owned()),
            ..Subject::default()
        }]),
    }
}
