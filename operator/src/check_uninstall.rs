//! Refuses to remove the CRDs while an AggregatedServer exists.
//!
//! Removing a CRD deletes its objects, and with each AggregatedServer everything that it owns.

use std::fmt;

use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, ListParams},
    core::GroupVersionKind,
};

/// How many servers are named.
const NAMED: usize = 10;

/// Whether the CRDs may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no AggregatedServer, or no such resource.
    Clear,
    /// AggregatedServers exist.
    InUse {
        /// The first of them, at most ten.
        names: Vec<String>,
        /// How many there are.
        total: u64,
    },
}

/// The cluster did not say whether AggregatedServers exist.
#[derive(Debug, thiserror::Error)]
#[error("failed to list AggregatedServers")]
pub struct ListServersFailed(#[source] kube::Error);

/// Asks the cluster for AggregatedServers.
///
/// # Errors
/// The list failed for another reason than that there is no such resource; the CRDs must stay then.
pub async fn check(client: Client) -> Result<Verdict, ListServersFailed> {
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("annex.dev", "v1alpha1", "AggregatedServer"),
        "aggregatedservers",
    );
    let servers: Api<kube::core::DynamicObject> = Api::all_with(client, &resource);
    let page = u32::try_from(NAMED).unwrap_or(u32::MAX);
    match servers.list_metadata(&ListParams::default().limit(page)).await {
        Ok(list) => {
            let names: Vec<_> = list.items.iter().map(ResourceExt::name_any).collect();
            let remaining = list
                .metadata
                .remaining_item_count
                .and_then(|n| u64::try_from(n).ok());
            Ok(verdict(names, remaining.unwrap_or(0)))
        }
        // By its code: the answer for a group that does not exist is plain text and no Status.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Verdict::Clear),
        Err(error) => Err(ListServersFailed(error)),
    }
}

fn verdict(mut names: Vec<String>, remaining: u64) -> Verdict {
    if names.is_empty() {
        return Verdict::Clear;
    }
    let total = remaining.saturating_add(names.len() as u64);
    names.truncate(NAMED);
    Verdict::InUse { names, total }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::InUse { names, total } = self else {
            return f.write_str("no AggregatedServer exists: the CRDs may be removed");
        };
        let more = match total.saturating_sub(names.len() as u64) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (servers, them) = if *total == 1 {
            ("AggregatedServer exists", "it")
        } else {
            ("AggregatedServers exist", "them")
        };
        write!(
            f,
            "{total} {servers}: {}{more}\n\
             Delete {them} first, while the operator runs:\n  kubectl delete aggregatedservers --all\n\
             To remove the CRDs all the same, and with them every AggregatedServer and all its children:\n  \
             helm uninstall --no-hooks",
            names.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_client::{Answer, fake_client};

    async fn ask(answer: Answer) -> Result<Verdict, ListServersFailed> {
        let client = fake_client(move |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.path, "/apis/annex.dev/v1alpha1/aggregatedservers");
            answer.clone()
        });
        check(client).await
    }

    fn list(names: &[&str], remaining: Option<u64>) -> Answer {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": name}}))
            .collect();
        Answer::ok(json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
            "metadata": {"remainingItemCount": remaining}, "items": items,
        }))
    }

    #[tokio::test]
    async fn clear_without_servers_and_without_the_crd() {
        assert_eq!(ask(list(&[], None)).await.unwrap(), Verdict::Clear);
        assert_eq!(ask(Answer::no_group()).await.unwrap(), Verdict::Clear);
        assert_eq!(
            ask(Answer::status(404, "NotFound")).await.unwrap(),
            Verdict::Clear
        );
    }

    #[tokio::test]
    async fn in_use_names_servers_and_the_way_out() {
        let verdict = ask(list(&["wardle", "metrics"], Some(7))).await.unwrap();
        assert_eq!(
            verdict,
            Verdict::InUse {
                names: vec!["wardle".into(), "metrics".into()],
                total: 9
            }
        );
        let text = verdict.to_string();
        assert!(
            text.starts_with("9 AggregatedServers exist: wardle, metrics and 7 more\n"),
            "{text}"
        );
        assert!(text.contains("kubectl delete aggregatedservers --all"), "{text}");
        assert!(text.contains("helm uninstall --no-hooks"), "{text}");
        let one = ask(list(&["wardle"], None)).await.unwrap().to_string();
        assert!(
            one.starts_with("1 AggregatedServer exists: wardle\nDelete it first"),
            "{one}"
        );
    }

    #[tokio::test]
    async fn at_most_ten_are_named() {
        let names: Vec<String> = (0..12).map(|n| format!("server-{n}")).collect();
        let Verdict::InUse { names, total } = verdict(names, 0) else {
            panic!("clear")
        };
        assert_eq!((names.len(), total), (10, 12));
    }

    #[tokio::test]
    async fn refuses_when_the_cluster_does_not_say() {
        let error = ask(Answer::status(403, "Forbidden")).await.unwrap_err();
        assert_eq!(error.to_string(), "failed to list AggregatedServers");
    }
}
