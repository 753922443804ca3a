//! The ServiceAccounts of a workload's pods. Pods take up another one by being replaced; until the last of the old ones is gone, the
//! account that it runs as needs its bindings, and its tokens their account.

use std::collections::BTreeSet;

use annex_crds::v1alpha1::{Reason, Workload};
use k8s_openapi::api::{core::v1::ServiceAccount, rbac::v1::ClusterRoleBinding};
use kube::{Api, ResourceExt as _};

use super::Pass;
use crate::{
    aggregated_server::{
        build::{self, pod, rbac},
        children::Children,
        diagnose::workload as diagnose,
        live::LiveWorkload,
        pass_result::PassResult,
    },
    applier::Ownership,
};

impl Pass<'_> {
    pub(super) async fn apply_accounts(
        &self,
        children: &Children<'_>,
        workload: &Workload,
        outcome: &mut PassResult,
    ) {
        let names = &self.names;
        let wanted = pod::service_account_name(workload, names);
        let running = self.accounts_in_use(&wanted);
        if wanted == names.server {
            children
                .apply(&build::service_account(names), Reason::ApplyFailed, outcome)
                .await;
        } else if !running.contains(&names.server) {
            let own: Api<ServiceAccount> = Api::namespaced(self.ctx.client.clone(), &names.namespace);
            children.remove(own, &names.server, outcome).await;
        }
        outcome.service_account = Some(wanted.clone());
        let others = running.into_iter().filter(|account| *account != wanted).collect();
        match self.bound(others).await {
            Ok(others) => {
                let accounts: Vec<String> = [wanted].into_iter().chain(others).collect();
                let (delegation, informers) = (
                    rbac::delegation(names, &accounts),
                    rbac::informers(names, &accounts),
                );
                let reader = rbac::authentication_reader(names, &accounts);
                let (mut of_reader, mut of_informers) = (PassResult::default(), PassResult::default());
                tokio::join!(
                    Box::pin(children.apply(&delegation, Reason::ApplyFailed, outcome)),
                    Box::pin(children.apply(&reader, Reason::ApplyFailed, &mut of_reader)),
                    Box::pin(children.apply(&informers, Reason::ApplyFailed, &mut of_informers)),
                );
                outcome.extend(of_reader);
                outcome.extend(of_informers);
            }
            Err(error) => outcome.failed("failed to read who is bound", &error),
        }
    }

    /// What the live workload's pods are made with, and, until it has replaced them all, what others run as that have not ended.
    /// After that a pod of another account is none of its own, and holds nothing up.
    fn accounts_in_use(&self, wanted: &str) -> BTreeSet<String> {
        let live = self.surroundings.workload.as_ref();
        let template = live.and_then(LiveWorkload::service_account);
        let rolling = template.is_some_and(|account| account != wanted)
            || live.is_none_or(|live| diagnose::rolling_out(live).is_some());
        let ended = |phase: Option<&str>| matches!(phase, Some("Succeeded" | "Failed"));
        let pods = self.surroundings.pods.iter();
        pods.filter(|pod| !ended(pod.status.as_ref().and_then(|status| status.phase.as_deref())))
            .filter(|pod| rolling || pod.metadata.deletion_timestamp.is_some())
            .filter_map(|pod| pod.spec.as_ref()?.service_account_name.clone())
            .chain(template.map(str::to_owned))
            .collect()
    }

    /// Those of `accounts` that were bound before. Whoever may make pods in the hosting namespace gets no binding by that: it
    /// stays with those that had it.
    async fn bound(&self, mut accounts: BTreeSet<String>) -> Result<BTreeSet<String>, kube::Error> {
        if accounts.is_empty() {
            return Ok(accounts);
        }
        let bindings: Api<ClusterRoleBinding> = Api::all(self.ctx.client.clone());
        let live = bindings
            .get_opt(&rbac::delegation(&self.names, &[]).name_any())
            .await?;
        let ours = live.filter(|live| self.names.ownership(live) != Ownership::Foreign);
        let subjects = ours.and_then(|live| live.subjects).unwrap_or_default();
        accounts.retain(|account| {
            subjects.iter().any(|subject| {
                subject.kind == "ServiceAccount"
                    && subject.name == *account
                    && subject.namespace.as_ref() == Some(&self.names.namespace)
            })
        });
        Ok(accounts)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use annex_crds::v1alpha1::AggregatedServer;
    use jiff::Timestamp;
    use k8s_openapi::api::core::v1::Pod;
    use kube::core::ApiResource;
    use serde_json::{Value, json};

    use super::*;
    use crate::aggregated_server::children::Writes;
    use crate::{
        aggregated_server::{
            certificates::Policy,
            dereference::Surroundings,
            testing::{context, names, server, surroundings},
        },
        applier::Cache as _,
        fake_client::{Answer, fake_client},
    };

    fn pod(name: &str, account: &str, phase: &str) -> Pod {
        let pod = json!({
            "metadata": { "name": name },
            "spec": { "containers": [], "serviceAccountName": account },
            "status": { "phase": phase },
        });
        serde_json::from_value(pod).unwrap()
    }

    /// The subjects of each binding that is written, and the ServiceAccounts that are deleted, in a pass of a server whose pods
    /// are to run as `mine`; its own account is the only one bound so far.
    async fn written(
        pods: Vec<Pod>,
        workload: Option<LiveWorkload>,
    ) -> (Vec<(String, Vec<String>)>, Vec<String>) {
        let server: AggregatedServer = {
            let mut server = server();
            let template = json!({ "spec": { "serviceAccountName": "mine" } });
            server.spec.workload.as_mut().unwrap().template = serde_json::from_value(template).unwrap();
            server
        };
        let names = names();
        let bound = rbac::delegation(&names, std::slice::from_ref(&names.server));
        let mut account = build::service_account(&names);
        account.metadata.resource_version = Some("1".into());
        let there = account.clone();
        let requests = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let seen = Arc::clone(&requests);
        let ctx = context(fake_client(move |request| {
            let name = request.path.rsplit('/').next().unwrap_or_default().to_owned();
            match request.method.as_str() {
                "DELETE" => seen.lock().unwrap().1.push(name),
                "GET" if name == bound.name_any() => return Answer::ok(json!(bound)),
                "GET" if request.path.contains("/serviceaccounts/") => return Answer::ok(json!(account)),
                "GET" => return Answer::status(404, "NotFound"),
                "POST" | "PATCH" if request.body["subjects"].is_array() => {
                    let subjects = request.body["subjects"].as_array().unwrap().iter();
                    let subjects = subjects.map(|subject| subject["name"].as_str().unwrap().to_owned());
                    let kind = request.body["kind"].as_str().unwrap().to_owned();
                    let mut seen = seen.lock().unwrap();
                    let entry = (kind, subjects.collect());
                    if !seen.0.contains(&entry) {
                        seen.0.push(entry);
                    }
                }
                _ => {}
            }
            let mut body = request.body;
            if body == Value::Null {
                body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" });
            }
            Answer::ok(body)
        }));
        let resource = ApiResource::erase::<ServiceAccount>(&());
        ctx.informers.answered(&resource, &json!(there));
        let pass = Pass {
            ctx: &ctx,
            server: &server,
            policy: Policy::new(&server, &names),
            surroundings: Surroundings {
                pods,
                workload,
                ..surroundings()
            },
            names,
            plans: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        };
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &pass.names,
        };
        let mut outcome = PassResult::default();
        let workload = server.spec.workload.as_ref().unwrap();
        pass.apply_accounts(&children, workload, &mut outcome).await;
        assert_eq!(outcome.findings, []);
        assert_eq!(outcome.service_account.as_deref(), Some("mine"));
        let seen = requests.lock().unwrap();
        seen.clone()
    }

    #[tokio::test]
    async fn an_account_stays_bound_while_pods_run_as_it() {
        let old = vec![
            pod("a", "wardle", "Running"),
            pod("b", "mine", "Running"),
            // Of somebody who may make pods in the namespace.
            pod("c", "planted", "Running"),
        ];
        let (bindings, deleted) = written(old.clone(), None).await;
        let both = vec!["mine".to_owned(), "wardle".to_owned()];
        assert_eq!(
            bindings,
            [
                ("ClusterRoleBinding".to_owned(), both.clone()),
                ("RoleBinding".to_owned(), both)
            ]
        );
        assert!(deleted.is_empty(), "{deleted:?}");

        // Who may make pods does not keep an account bound that was changed because it is not to be trusted.
        let (bindings, deleted) = written(old, Some(rolled_out("mine"))).await;
        assert_eq!(bindings[0].1, ["mine"]);
        assert_eq!(deleted, ["wardle"]);
    }

    /// Its next pod would not come, where the change of the workload is refused.
    #[tokio::test]
    async fn an_account_that_the_workload_still_names_stays() {
        let (bindings, deleted) = written(Vec::new(), Some(rolled_out("wardle"))).await;
        assert_eq!(bindings[0].1, ["mine", "wardle"]);
        assert!(deleted.is_empty(), "{deleted:?}");
    }

    fn rolled_out(account: &str) -> LiveWorkload {
        let deployment = json!({
            "metadata": { "name": "wardle", "generation": 2 },
            "spec": {
                "replicas": 1,
                "selector": {},
                "template": { "spec": { "containers": [], "serviceAccountName": account } },
            },
            "status": { "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1 },
        });
        LiveWorkload::Deployment(Box::new(serde_json::from_value(deployment).unwrap()))
    }

    #[tokio::test]
    async fn an_account_that_no_pod_runs_as_is_let_go() {
        let (bindings, deleted) = written(
            vec![pod("b", "mine", "Running"), pod("a", "wardle", "Failed")],
            None,
        )
        .await;
        let one = vec!["mine".to_owned()];
        assert_eq!(
            bindings,
            [
                ("ClusterRoleBinding".to_owned(), one.clone()),
                ("RoleBinding".to_owned(), one)
            ]
        );
        assert_eq!(deleted, ["wardle"]);
    }
}
