//! Refuses to remove the CRDs while an AggregatedServer or an AggregatedResourceDefinition exists.
//!
//! Removing a CRD deletes its objects, and with each AggregatedServer everything that it owns.

use std::fmt;

use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, ListParams},
    core::GroupVersionKind,
};

/// How many of a kind are named.
const NAMED: usize = 10;

/// The kinds, in the order in which their objects are to be deleted: objects of a definition are deleted by its server.
const KINDS: [(&str, &str); 2] = [
    ("AggregatedResourceDefinition", "aggregatedresourcedefinitions"),
    ("AggregatedServer", "aggregatedservers"),
];

/// Whether the CRDs may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no object, or no such resource.
    Clear,
    /// Objects exist, of these kinds.
    InUse(Vec<Existing>),
}

/// Objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Their kind.
    pub kind: &'static str,
    /// Their resource.
    pub plural: &'static str,
    /// The first of them, at most ten.
    pub names: Vec<String>,
    /// How many there are.
    pub total: u64,
}

/// The cluster did not say whether objects exist.
#[derive(Debug, thiserror::Error)]
#[error("failed to list {kind}s")]
pub struct ListFailed {
    /// Of which kind.
    kind: &'static str,
    /// Why.
    #[source]
    source: kube::Error,
}

/// Asks the cluster for objects of each kind.
///
/// # Errors
/// A list failed for another reason than that there is no such resource; the CRDs must stay then.
pub async fn check(client: Client) -> Result<Verdict, ListFailed> {
    let mut existing = Vec::new();
    for (kind, plural) in KINDS {
        let listed = list(client.clone(), kind, plural).await;
        existing.extend(listed.map_err(|source| ListFailed { kind, source })?);
    }
    Ok(if existing.is_empty() {
        Verdict::Clear
    } else {
        Verdict::InUse(existing)
    })
}

async fn list(
    client: Client,
    kind: &'static str,
    plural: &'static str,
) -> Result<Option<Existing>, kube::Error> {
    let gvk = GroupVersionKind::gvk("annex.dev", "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
    let objects: Api<kube::core::DynamicObject> = Api::all_with(client, &resource);
    let page = u32::try_from(NAMED).unwrap_or(u32::MAX);
    match objects.list_metadata(&ListParams::default().limit(page)).await {
        Ok(list) => {
            let names: Vec<_> = list.items.iter().map(ResourceExt::name_any).collect();
            let remaining = list
                .metadata
                .remaining_item_count
                .and_then(|n| u64::try_from(n).ok());
            Ok(of_names(kind, plural, names, remaining.unwrap_or(0)))
        }
        // By its code: the answer for a group that does not exist is plain text and no Status.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn of_names(
    kind: &'static str,
    plural: &'static str,
    mut names: Vec<String>,
    remaining: u64,
) -> Option<Existing> {
    let total = remaining.saturating_add(names.len() as u64);
    names.truncate(NAMED);
    (!names.is_empty()).then_some(Existing {
        kind,
        plural,
        names,
        total,
    })
}

impl fmt::Display for Existing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exist = if self.total == 1 { " exists" } else { "s exist" };
        write!(
            f,
            "{} {}{exist}: {}",
            self.total,
            self.kind,
            self.names.join(", ")
        )?;
        match self.total.saturating_sub(self.names.len() as u64) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::InUse(existing) = self else {
            return f.write_str("nothing of the CRDs' kinds exists: they may be removed");
        };
        for each in existing {
            writeln!(f, "{each}")?;
        }
        let one = matches!(existing.as_slice(), [only] if only.total == 1);
        writeln!(
            f,
            "Delete {} first, while the operator runs:",
            if one { "it" } else { "them" }
        )?;
        for each in existing {
            writeln!(f, "  kubectl delete {} --all", each.plural)?;
        }
        f.write_str(
            "To remove the CRDs all the same, and with them every AggregatedServer and all its children, while what is stored on \
             volumes stays:\n  helm uninstall --no-hooks",
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_client::{Answer, fake_client};

    async fn ask(answer: Answer) -> Result<Verdict, ListFailed> {
        ask_with(answer, &[]).await
    }

    async fn ask_with(answer: Answer, definitions: &'static [&'static str]) -> Result<Verdict, ListFailed> {
        let client = fake_client(move |request| {
            assert_eq!(request.method, "GET");
            match request.path.as_str() {
                "/apis/annex.dev/v1alpha1/aggregatedservers" => answer.clone(),
                "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions" => list(definitions, None),
                path => panic!("{path}"),
            }
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
            Verdict::InUse(vec![Existing {
                kind: "AggregatedServer",
                plural: "aggregatedservers",
                names: vec!["wardle".into(), "metrics".into()],
                total: 9
            }])
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

    /// Their objects are deleted by their server: they go first.
    #[tokio::test]
    async fn definitions_are_in_use_too_and_go_first() {
        let verdict = ask_with(list(&["furniture"], None), &["chairs.example.com"]).await;
        let text = verdict.unwrap().to_string();
        assert!(
            text.starts_with(
                "1 AggregatedResourceDefinition exists: chairs.example.com\n1 AggregatedServer exists: furniture\n\
                 Delete them first, while the operator runs:\n  kubectl delete aggregatedresourcedefinitions --all\n  \
                 kubectl delete aggregatedservers --all\n"
            ),
            "{text}"
        );
    }

    #[tokio::test]
    async fn at_most_ten_are_named() {
        let names: Vec<String> = (0..12).map(|n| format!("server-{n}")).collect();
        let existing = of_names("AggregatedServer", "aggregatedservers", names, 0).unwrap();
        assert_eq!((existing.names.len(), existing.total), (10, 12));
    }

    #[tokio::test]
    async fn refuses_when_the_cluster_does_not_say() {
        let error = ask(Answer::status(403, "Forbidden")).await.unwrap_err();
        assert_eq!(error.to_string(), "failed to list AggregatedServers");
    }
}
