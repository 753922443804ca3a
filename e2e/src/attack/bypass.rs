//! Rights to one object, by `resourceNames`: nothing shows another one, however it is asked for.

use std::time::Duration;

use http::StatusCode;
use hyper::body::{Bytes, Incoming};
use serde_json::Value;
use tokio::time::timeout;

use super::connection::{Ask, Payload, Reading, read_for};
use super::{Arena, Attack, Error, GROUP, ONE, OTHERS, RESOURCE, VERSION, collection};

pub(super) const RESOURCE_NAMES: Attack = Attack {
    name: "resource-names",
    objects: 20,
    run: |arena| Box::pin(resource_names(arena)),
};

/// What stands before a name in JSON.
const NAME: &str = "\"name\":\"";

/// How long an answer may take, and how long a watch is read.
const ANSWER: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_millis(700);

/// Ways to ask for a watch or a list of the one, some of them none that Kubernetes has.
fn ways(namespace: &str) -> Vec<String> {
    let list = collection(namespace);
    let prefix = format!("apis/{GROUP}/{VERSION}");
    let deprecated = format!("watch/namespaces/{namespace}/{RESOURCE}/{ONE}");
    let selected = format!("fieldSelector=metadata.name%3D{ONE}");
    vec![
        format!("//{prefix}/{deprecated}?watch=1"),
        format!("//{prefix}/{deprecated}"),
        format!("/{prefix}/{deprecated}?watch=1"),
        format!("/{prefix}/{deprecated}"),
        format!("//apis//{GROUP}/{VERSION}/{deprecated}?watch=1"),
        format!("/apis/{GROUP}//{VERSION}/{deprecated}?watch=1"),
        format!("/{prefix}/watch//namespaces/{namespace}/{RESOURCE}/{ONE}?watch=1"),
        format!("//{prefix}/watch/{RESOURCE}/{ONE}?watch=1"),
        format!("/{prefix}/{RESOURCE}/{ONE}?watch=1"),
        format!("{list}/{ONE}?watch=1"),
        format!("/{list}/{ONE}?watch=1"),
        format!("{list}//{ONE}?watch=1"),
        format!("{list}/{ONE}/?watch=1"),
        format!("{list}?{selected}&fieldSelector="),
        format!("{list}?fieldSelector=&{selected}"),
        format!("{list}?watch=1&{selected}&fieldSelector="),
        format!("{list}?watch=1&fieldSelector=&{selected}"),
        format!("{list}?watch=1&{selected}%2Cmetadata.name!%3D{ONE}"),
        format!("{list}?watch=1&fieldSelector=metadata.name!%3D{ONE}"),
        format!("{list}?watch=1"),
        list.clone(),
    ]
}

async fn resource_names(arena: &Arena) -> Result<String, Error> {
    let allowed = format!(
        "{}?watch=1&fieldSelector=metadata.name%3D{ONE}",
        collection(&arena.namespace)
    );
    let (status, text) = asked(arena, &allowed).await?;
    if status != StatusCode::OK || !text.contains(&named(ONE)) {
        return Err(Error::Wrong(format!(
            "the watch that is allowed shows nothing, and the others no fault: {status} {text}"
        )));
    }
    let ways = ways(&arena.namespace);
    let count = ways.len();
    let asking = ways.into_iter().map(async |way| {
        let answer = asked(arena, &way).await;
        (way, answer)
    });
    let (mut answered, mut shown) = (0, Vec::new());
    for (way, answer) in futures::future::join_all(asking).await {
        let (status, text) = answer?;
        answered += usize::from(status == StatusCode::OK);
        if shows_another(&text) {
            shown.push(way);
        }
    }
    if !shown.is_empty() {
        return Err(Error::Wrong(format!(
            "objects other than {ONE} are shown by GET {}",
            shown.join(" and ")
        )));
    }
    Ok(format!("{count} ways to ask, {answered} answered with 200"))
}

/// Whether an answer shows an object other than [`ONE`]. The details of a Status repeat words of the path in place of a name
/// where the path has them there: that shows none.
fn shows_another(text: &str) -> bool {
    let is_refusal = serde_json::from_str::<Value>(text)
        .is_ok_and(|answer| answer["kind"] == "Status" && answer["status"] == "Failure");
    let mut names = text.match_indices(NAME).map(|(at, _)| &text[at + NAME.len()..]);
    names.any(|name| name.starts_with(OTHERS) || !is_refusal && !name.starts_with(&format!("{ONE}\"")))
}

fn named(name: &str) -> String {
    format!("{NAME}{name}\"")
}

async fn asked(arena: &Arena, path: &str) -> Result<(StatusCode, String), Error> {
    let mut connection = arena.reader_of_one.connect(Reading::Willing).await?;
    let sent = timeout(
        ANSWER,
        connection.send(&Ask::get(path), Payload::Whole(None::<Bytes>)),
    )
    .await;
    let answer: http::Response<Incoming> = sent.map_err(|_| Error::Silence(ANSWER))??;
    let status = answer.status();
    let read = read_for(answer.into_body(), READ).await;
    Ok((status, String::from_utf8_lossy(&read).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_from_words_of_the_path() {
        let event = |name: &str| {
            format!("{{\"type\":\"ADDED\",\"object\":{{\"metadata\":{{\"name\":\"{name}\"}}}}}}\n")
        };
        let failure = |name: &str| {
            format!(r#"{{"kind":"Status","status":"Failure","details":{{"name":"{name}"}},"code":403}}"#)
        };
        assert!(!shows_another(&event("one")));
        assert!(shows_another(&(event("one") + &event("object-00001"))));
        assert!(shows_another(&(event("one") + &event("made-by-another"))));
        assert!(shows_another(&(event("one") + &event("onerous"))));
        assert!(!shows_another(&failure("namespaces")));
        assert!(shows_another(&failure("object-00001")));
    }
}
