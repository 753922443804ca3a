//! Groups that belong to Kubernetes need its approval: `validateAPIApproval`, and `GetAPIApprovalState` of apiextensions'
//! `pkg/apihelpers/helpers.go`.

use crate::field::{Error, Path, go};
use crate::resource_definition::document::Definition;

const ANNOTATION: &str = "api-approved.kubernetes.io";
const PROPOSAL: &str = "https://github.com/kubernetes/enhancements/pull/1111";

/// What is wrong with the approval of a definition.
pub(super) fn validate(definition: &Definition) -> Option<Error> {
    let group = &definition.spec.group;
    let is_of = |domain: &str| {
        let below = group.strip_suffix(domain);
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    if !is_of("k8s.io") && !is_of("kubernetes.io") {
        return None;
    }
    let path = format!("metadata.annotations[{ANNOTATION}]");
    let must_have = format!(
        "protected groups must have approval annotation {}",
        go::quoted(ANNOTATION)
    );
    match definition.annotations.get(ANNOTATION).map(String::as_str) {
        None | Some("") => Some(Error::required(
            &Path::new(&path),
            format!("{must_have}, see {PROPOSAL}"),
        )),
        Some(approval) if approval.starts_with("unapproved") || is_url(approval) => None,
        Some(approval) => {
            let detail = format!(
                "{must_have} with either a URL or a reason starting with \"unapproved\", see {PROPOSAL}"
            );
            Some(Error::invalid(&Path::new(&path), approval, detail))
        }
    }
}

/// Whether Go's `url.ParseRequestURI` takes it, with a scheme and a host.
fn is_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty())
}
