//! NamespaceLifecycle of k8s.io/apiserver: nothing is made in a namespace that is not there, or that is going away.
//!
//! Without it a controller that makes its objects again would keep a namespace from ever being gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use tokio::task::JoinSet;

use super::namespaces::{Namespaces, Phase, phase};
use super::{Admission, Attributes, Operation};
use crate::background::{BackgroundTask, supervise};
use crate::kubernetes::{Budget, failure};
use crate::request::GroupResource;
use crate::status::{ApiError, StatusCause};

/// How long a request waits for the first list of namespaces.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the watch gets to hear of a namespace that was only just made.
const JUST_MADE: Duration = Duration::from_millis(50);

/// How long the cluster may take to tell of one namespace.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The plugin. It follows the cluster's namespaces for as long as it lives.
pub struct NamespaceLifecycle {
    client: Client,
    namespaces: Arc<Namespaces>,
    budget: Budget,
    _follower: JoinSet<()>,
    background: BackgroundTask,
}

impl std::fmt::Debug for NamespaceLifecycle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NamespaceLifecycle")
            .finish_non_exhaustive()
    }
}

impl NamespaceLifecycle {
    /// For the namespaces of the cluster that `client` reaches; it must be allowed to get, list and watch them. To be
    /// called within a tokio runtime.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let namespaces = Arc::new(Namespaces::new());
        let mut follower = JoinSet::new();
        let background = BackgroundTask::new("namespaces");
        let followed = (Arc::clone(&namespaces), client.clone());
        follower.spawn(supervise(
            background.clone(),
            move || Arc::clone(&followed.0).follow(followed.1.clone()),
            || {},
        ));
        Self {
            client,
            namespaces,
            budget: Budget::of_users(),
            _follower: follower,
            background,
        }
    }

    /// What follows the namespaces.
    #[must_use]
    pub fn background(&self) -> &BackgroundTask {
        &self.background
    }

    /// Whether the namespaces were listed: before, writes wait, and a server is not ready.
    pub async fn is_ready(&self) -> bool {
        self.namespaces.ready(Duration::ZERO).await
    }

    /// Where `namespace` is in its life, for a request of `user`.
    async fn phase(&self, namespace: &str, operation: Operation, user: &str) -> Result<Phase, ApiError> {
        let mut known = self.namespaces.phase(namespace);
        if known.is_none() && operation == Operation::Create {
            tokio::time::sleep(JUST_MADE).await;
            known = self.namespaces.phase(namespace);
        }
        match known {
            Some(Phase::Active) if self.namespaces.is_doubted(namespace) => self.live(namespace, user).await,
            Some(phase) => Ok(phase),
            None => self.live(namespace, user).await,
        }
    }

    /// What the cluster itself says.
    async fn live(&self, namespace: &str, user: &str) -> Result<Phase, ApiError> {
        let Ok(_room) = self.budget.room(user).await else {
            return Err(ApiError::TooManyRequests {
                message: format!(
                    "namespace {namespace}: too many requests are waiting, please try again later"
                ),
                retry_after: 1,
            });
        };
        self.budget.rate().turn().await;
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = tokio::time::timeout(TIMEOUT, api.get_opt(namespace)).await;
        match found {
            Ok(Ok(Some(found))) => Ok(phase(&found)),
            Ok(Ok(None)) => Err(ApiError::NotFound {
                resource: GroupResource::new("", "namespaces"),
                name: namespace.to_owned(),
            }),
            Ok(Err(error)) => Err(ApiError::Internal(failure(&error))),
            Err(_) => Err(ApiError::Internal(format!(
                "namespace {namespace}: no answer within {} s",
                TIMEOUT.as_secs()
            ))),
        }
    }
}

#[async_trait]
impl Admission for NamespaceLifecycle {
    /// What is in a namespace must be deletable, above all while that goes away.
    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let (namespace, operation) = (attributes.namespace(), attributes.operation());
        if namespace.is_empty() || is_access_review(attributes) {
            return Ok(());
        }
        if !self.namespaces.ready(PATIENCE).await {
            return Err(attributes.not_ready());
        }
        let phase = self.phase(namespace, operation, &attributes.user().name).await?;
        if operation == Operation::Create && phase == Phase::Terminating {
            return Err(terminating(attributes));
        }
        Ok(())
    }
}

/// Who asks what somebody may do in a namespace is not to learn whether it is there.
fn is_access_review(attributes: &Attributes<'_>) -> bool {
    attributes.resource().group == "authorization.k8s.io"
        && attributes.resource().names.plural == "localsubjectaccessreviews"
}

fn terminating(attributes: &Attributes<'_>) -> ApiError {
    let namespace = attributes.namespace();
    let mut error = attributes.forbidden(format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    ));
    if let ApiError::Forbidden { causes, .. } = &mut error {
        causes.push(StatusCause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    error
}

#[cfg(test)]
mod tests;
