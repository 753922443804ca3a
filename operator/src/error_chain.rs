//! Errors as one line of text, for logs and for people.

use std::error::Error;

/// An error with its causes on one line; a cause that the text before it tells already is left out.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = one(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let more = one(cause);
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// An error without its causes. The client shows a Status with all its fields, of which people need the message.
fn one(error: &(dyn Error + 'static)) -> String {
    let status = match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(status.as_ref()),
        _ => error.downcast_ref::<Box<kube::core::Status>>().map(AsRef::as_ref),
    };
    match status {
        Some(status) if status.message.is_empty() => format!("the API server answered {}", status.code),
        Some(status) => status.message.clone(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read the lease")]
    struct ReadFailed(#[source] kube::Error);

    fn refused(message: &str) -> ReadFailed {
        ReadFailed(kube::Error::Api(
            kube::core::Status::failure(message, "Forbidden")
                .with_code(403)
                .boxed(),
        ))
    }

    #[test]
    fn a_status_is_told_once_and_by_its_message() {
        let text = error_chain(&refused("leases is forbidden: no rights"));
        assert_eq!(text, "failed to read the lease: leases is forbidden: no rights");
        assert_eq!(
            error_chain(&refused("")),
            "failed to read the lease: the API server answered 403"
        );
    }

    #[test]
    fn other_causes_follow_in_their_order() {
        let source = std::io::Error::other("connection refused");
        let error = ReadFailed(kube::Error::ReadEvents(source));
        let text = error_chain(&error);
        assert_eq!(
            text,
            "failed to read the lease: Error reading events stream: connection refused"
        );
    }
}
