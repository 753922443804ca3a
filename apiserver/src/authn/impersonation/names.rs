//! User names that Kubernetes itself gives.

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const NODE: &str = "system:node:";

/// Namespace and name of a service account's user name.
pub(super) fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    (is_label(namespace) && is_subdomain(name)).then_some((namespace, name))
}

/// The groups of all service accounts of `namespace`.
pub(super) fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ]
}

/// The node of a node's user name.
pub(super) fn node(user: &str) -> Option<&str> {
    user.strip_prefix(NODE).filter(|name| is_subdomain(name))
}

/// RFC 1123, with Kubernetes' lengths.
fn is_label(text: &str) -> bool {
    let of_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(of_label)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(super) fn is_subdomain(text: &str) -> bool {
    let of_part = |part: &str| {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(legal) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(of_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_only_where_they_are_legal() {
        assert_eq!(
            service_account("system:serviceaccount:ns:a.b"),
            Some(("ns", "a.b"))
        );
        assert_eq!(node("system:node:a.b-1"), Some("a.b-1"));
        for other in [
            "system:serviceaccount:ns",
            "system:serviceaccount::name",
            "system:serviceaccount:ns:",
            "system:serviceaccount:a.b:name",
            "system:serviceaccount:ns:a:b",
            "system:serviceaccount:NS:a",
            "alice",
        ] {
            assert_eq!(service_account(other), None, "{other}");
        }
        for other in [
            "system:node:",
            "system:node:A",
            "system:node:-a",
            "system:node:a..b",
            "node:a",
        ] {
            assert_eq!(node(other), None, "{other}");
        }
    }
}
