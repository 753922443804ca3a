//! The objects that are attacked.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use serde_json::json;

use super::connection::{Ask, Reading};
use super::{Error, GROUP, ONE, OTHERS, Target, VERSION, collection, storm};

/// A flunder.
pub(super) fn object(name: &str, padding: &str) -> Bytes {
    let object = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "Flunder",
        "metadata": { "name": name, "annotations": { "padding": padding } },
        "spec": { "reference": "another-flunder" },
    });
    Bytes::from(object.to_string())
}

/// Bytes of an object that is there for attacks.
const PADDING: usize = 4_000;
/// How long some of them may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How many are created at once.
const AT_ONCE: usize = 32;

/// Creates the object [`ONE`] and `count` others, with the rights of a user; those that are there already stay.
///
/// # Errors
/// One was refused.
pub async fn fill(user: &Target, namespace: &str, count: usize) -> Result<(), Error> {
    let connection = user.connect(Reading::Willing).await?;
    let padding = "x".repeat(PADDING);
    let names: Vec<String> = std::iter::once(ONE.to_owned())
        .chain((0..count).map(|number| format!("{OTHERS}{number:05}")))
        .collect();
    let ask = Ask::new(Method::POST, collection(namespace)).header(CONTENT_TYPE, "application/json")?;
    for some in names.chunks(AT_ONCE) {
        let shots = some
            .iter()
            .map(|name| (connection.clone(), ask.clone(), object(name, &padding)));
        let until = storm::end_of(LIMIT);
        let tally = storm::exchange(shots, until, |_, _, answer| match answer.status {
            StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
            other => Err(Error::Wrong(format!("an object was refused with {other}"))),
        })
        .await?;
        let made = tally.count(StatusCode::CREATED) + tally.count(StatusCode::CONFLICT);
        if made != some.len() {
            return Err(Error::Wrong(format!("objects could not be made: {tally}")));
        }
    }
    Ok(())
}
