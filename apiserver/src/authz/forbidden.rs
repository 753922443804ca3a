//! The message of a 403. Go: `endpoints/handlers/responsewriters/errors.go`, Forbidden.

use super::Attributes;
use crate::request::{GroupResource, User};
use crate::status::ApiError;

/// 403 as k8s.io/apiserver words it; `reason` is what the authorizer said, or empty.
pub(crate) fn forbidden(user: &User, asked: &Attributes<'_>, reason: &str) -> ApiError {
    let mut message = sanitized(&told(user, asked));
    if !reason.is_empty() {
        message = format!("{message}: {reason}");
    }
    let (resource, name) = match asked {
        Attributes::Resource(asked) => (
            Some(GroupResource::new(asked.group, asked.resource)),
            asked.name.to_owned(),
        ),
        Attributes::Path { .. } => (None, String::new()),
    };
    ApiError::Forbidden {
        resource,
        name,
        message,
        causes: Vec::new(),
    }
}

fn told(user: &User, asked: &Attributes<'_>) -> String {
    let user = quoted(&user.name);
    let asked = match asked {
        Attributes::Path { verb, path } => return format!("User {user} cannot {verb} path {}", quoted(path)),
        Attributes::Resource(asked) => asked,
    };
    let resource = if asked.subresource.is_empty() {
        quoted(asked.resource)
    } else {
        quoted(&format!("{}/{}", asked.resource, asked.subresource))
    };
    let what = format!(
        "User {user} cannot {} resource {resource} in API group {}",
        asked.verb,
        quoted(asked.group)
    );
    if asked.namespace.is_empty() {
        format!("{what} at the cluster scope")
    } else {
        format!("{what} in the namespace {}", quoted(asked.namespace))
    }
}

/// Go's `%q`, as far as names go.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// So that no answer reads as HTML.
pub(super) fn sanitized(text: &str) -> String {
    if !text.contains(['&', '<', '>']) {
        return text.to_owned();
    }
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::attributes::ResourceAttributes;

    fn user(name: &str) -> User {
        User {
            name: name.into(),
            ..User::default()
        }
    }

    fn flunders() -> ResourceAttributes<'static> {
        ResourceAttributes {
            verb: "get".into(),
            group: "wardle.example.com",
            version: "v1alpha1",
            resource: "flunders",
            ..ResourceAttributes::default()
        }
    }

    fn text(asked: ResourceAttributes<'_>, reason: &str) -> String {
        forbidden(&user("u"), &Attributes::Resource(asked), reason)
            .status()
            .message
    }

    #[test]
    fn a_refusal_reads_as_in_kubernetes() {
        let named = ResourceAttributes {
            namespace: "ns",
            name: "x",
            ..flunders()
        };
        assert_eq!(
            text(named, ""),
            r#"flunders.wardle.example.com "x" is forbidden: User "u" cannot get resource "flunders" in API group "wardle.example.com" in the namespace "ns""#
        );
        assert_eq!(
            text(flunders(), "no RBAC policy matched"),
            r#"flunders.wardle.example.com is forbidden: User "u" cannot get resource "flunders" in API group "wardle.example.com" at the cluster scope: no RBAC policy matched"#
        );
        let status = ResourceAttributes {
            subresource: "status",
            ..flunders()
        };
        assert!(text(status, "").contains(r#"resource "flunders/status" in"#));
    }

    #[test]
    fn a_refused_path_reads_as_in_kubernetes() {
        let asked = Attributes::Path {
            verb: "get".into(),
            path: "/<x>&",
        };
        let status = forbidden(&user("u"), &asked, "").status();
        assert_eq!(
            status.message,
            r#"forbidden: User "u" cannot get path "/&lt;x&gt;&amp;""#
        );
        assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    }
}
