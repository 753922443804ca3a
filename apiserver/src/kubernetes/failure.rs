//! What a failed request to the cluster says to people.

use std::error::Error as _;

/// The text of `error` with its causes; of a Status its message alone, as client-go's errors read.
pub(crate) fn failure(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return if status.message.is_empty() {
            format!("the server answered {}", status.code)
        } else {
            status.message.clone()
        };
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Whether the cluster answered 403.
pub(crate) fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}
