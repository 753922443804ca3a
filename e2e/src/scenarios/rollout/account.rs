//! `template.spec.serviceAccountName`: pods of the old account ask the cluster who may do what until the last of them has ended, so that until then
//! the bindings name both accounts, and the old one stays.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, Subject};
use kube::{Api, api::ListParams};
use serde_json::json;

use super::{NAME, patch_workload, rolled_out};
use crate::scenarios::follow::{self, Task};
use crate::scenarios::{Failure, World, ensure};

/// The account that the pods come to have: the test's own, to which Annex gives what every extension apiserver needs.
const OTHER: &str = "handed-over-to";

/// Names of ServiceAccounts.
type Accounts = BTreeSet<String>;

/// Another account: the bindings name the old one, both, and then the new one alone, and Annex's own account goes.
pub(super) async fn changed(world: &World) -> Result<(), Failure> {
    world
        .kubectl(&format!("-n {NAME} create serviceaccount {OTHER}"))
        .await?;
    let bindings = follow_all(world);
    for binding in &bindings {
        binding.stands_at(world, &[NAME]).await?;
    }
    let other = json!({ "template": { "spec": { "serviceAccountName": OTHER } } });
    patch_workload(world, &other).await?;
    for binding in &bindings {
        binding.stands_at(world, &[OTHER]).await?;
        binding.passed_by_both()?;
    }
    rolled_out(world).await?;
    own_account_goes(world).await
}

async fn own_account_goes(world: &World) -> Result<(), Failure> {
    let accounts: Api<ServiceAccount> = Api::namespaced(world.client.clone(), NAME);
    world
        .eventually("Annex's own ServiceAccount to go", async || {
            let left = accounts.get_opt(NAME).await.map_err(|error| error.to_string())?;
            left.is_none()
                .then_some(())
                .ok_or_else(|| "it is there".to_owned())
        })
        .await?;
    // What Annex did not make, it does not take.
    accounts.get(OTHER).await?;
    Ok(())
}

/// The three bindings of every extension apiserver.
fn follow_all(world: &World) -> [Binding; 3] {
    let client = || world.client.clone();
    let cluster = |purpose: &'static str| {
        Binding::follow(
            world,
            Api::<ClusterRoleBinding>::all(client()),
            purpose,
            |binding| binding.subjects.unwrap_or_default(),
        )
    };
    [
        cluster("auth-delegator"),
        cluster("informers"),
        Binding::follow(
            world,
            Api::<RoleBinding>::namespaced(client(), "kube-system"),
            "auth-reader",
            |binding| binding.subjects.unwrap_or_default(),
        ),
    ]
}

/// What a binding named, and who ran right after.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    named: Accounts,
    /// `None` where they could not be listed.
    run: Option<Accounts>,
}

/// Everything that a binding has been since it is followed.
struct Binding {
    name: String,
    states: Arc<Mutex<Vec<State>>>,
    _watch: Task,
}

impl Binding {
    fn follow<K>(world: &World, api: Api<K>, purpose: &str, subjects: fn(K) -> Vec<Subject>) -> Self
    where
        K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
        K::DynamicType: Clone,
    {
        let name = format!("annex:{NAME}:{purpose}");
        let states = Arc::new(Mutex::new(Vec::new()));
        let stream = follow::object(api, &name);
        let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAME);
        let log = Arc::clone(&states);
        let watch = Task::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(binding) = stream.next().await {
                let subjects = binding.map(subjects).unwrap_or_default();
                let named = subjects.into_iter().map(|subject| subject.name).collect();
                // A pod that is found here ran when the binding was written, too, unless it is of the account that comes.
                let run = accounts_of_pods(&pods).await;
                log.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(State { named, run });
            }
        });
        Self {
            name,
            states,
            _watch: watch,
        }
    }

    fn states(&self) -> Vec<State> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it names these accounts, and no other.
    async fn stands_at(&self, world: &World, accounts: &[&str]) -> Result<(), Failure> {
        let wanted: Accounts = accounts.iter().map(ToString::to_string).collect();
        world
            .eventually(
                &format!("{} to name {wanted:?}", self.name),
                async || match self.states().last() {
                    Some(state) if state.named == wanted => Ok(()),
                    other => Err(format!("{other:?}")),
                },
            )
            .await
    }

    /// It went from the one to the other by naming both, and named whoever ran.
    fn passed_by_both(&self) -> Result<(), Failure> {
        let states = self.states();
        let mut named: Vec<Vec<&str>> = states
            .iter()
            .map(|state| state.named.iter().map(String::as_str).collect())
            .collect();
        named.dedup();
        let both = [vec![NAME], vec![NAME, OTHER], vec![OTHER]];
        let names_who_runs =
            |state: &State| state.run.as_ref().is_some_and(|run| run.is_subset(&state.named));
        ensure(named == both && states.iter().all(names_who_runs), || {
            format!("{} was, one after the other, {states:?}", self.name)
        })
    }
}

/// The accounts of pods that have not ended.
async fn accounts_of_pods(pods: &Api<Pod>) -> Option<Accounts> {
    let of_server = ListParams::default().labels(&format!("{}={NAME}", annex_crds::SERVER_LABEL));
    let account = |pod: Pod| {
        let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
        let ended = phase == "Succeeded" || phase == "Failed";
        pod.spec
            .filter(|_| !ended)
            .and_then(|spec| spec.service_account_name)
    };
    let pods = pods.list(&of_server).await.ok()?;
    Some(pods.into_iter().filter_map(account).collect())
}
