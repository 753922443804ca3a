//! Playing a sequence to one side.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::{self, Memory};
use super::super::request::{Request, filled};
use super::sequence::{Act, Answers, Events, Sequence, Step};
use super::side::{GROUP, Side};
use super::watch::{self, Watch};
use crate::scenarios::{Failure, failure};

/// No answer takes longer, and no event.
const LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked whether a server has come to know something.
const LOOK: Duration = Duration::from_millis(50);

/// What a server said, in the names of `definitions/`.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) code: u16,
    pub(super) head: http::HeaderMap,
    pub(super) text: String,
    /// The values of the body.
    pub(super) body: Vec<Value>,
    /// The body's values are in an order of chance.
    pub(super) unordered: bool,
}

/// The title of a request, for who stands between player and server.
#[derive(Clone, Debug)]
pub(super) struct Title(pub(super) String);

/// What a side says to all of a sequence, in `namespace`, which is empty.
///
/// # Errors
/// A request that could not be sent, or had no answer.
pub(super) async fn play(side: &Side, namespace: &str, sequence: &Sequence) -> Result<Vec<Said>, Failure> {
    let mut play = Play {
        side,
        namespace,
        memory: Memory::default(),
        watches: BTreeMap::new(),
        told: BTreeMap::new(),
    };
    let mut said = Vec::with_capacity(sequence.steps.len());
    for step in &sequence.steps {
        let title = &step.request.title;
        let answer = tokio::time::timeout(2 * LIMIT, play.step(step))
            .await
            .map_err(|_| failure(format!("{title:?} has no answer")))?
            .map_err(|error| failure(format!("{title:?} has no answer: {error}")))?;
        said.push(answer);
    }
    Ok(said)
}

struct Play<'a> {
    side: &'a Side,
    namespace: &'a str,
    memory: Memory,
    /// The watches that go on.
    watches: BTreeMap<String, Watch>,
    /// What those said that were looked at.
    told: BTreeMap<String, Vec<Value>>,
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) -> Result<Said, Failure> {
        let said = match &step.act {
            Act::Ask => self.ask(&step.request).await?,
            Act::AtOnce { count, told } => self.at_once(&step.request, *count, *told).await?,
            Act::Watch(name) => self.watch(name, &step.request).await?,
            Act::Events { watch, last, told } => self.events(watch, last.as_deref(), *told).await?,
            Act::Compare([one, other]) => quiet(vec![json!(
                self.told.contains_key(one) && self.told.get(one) == self.told.get(other)
            )]),
        };
        self.memory.remember(&said.body);
        Ok(said)
    }

    /// The answer to a request; of one that waits for a code the first that has it.
    async fn ask(&self, request: &Request) -> Result<Said, Failure> {
        if request.method == "GET" && request.path.contains("resourceVersion=") {
            self.settle(&request.path).await?;
        }
        let end = Instant::now() + LIMIT;
        loop {
            let said = self.read(self.send(request, 0).await?).await?;
            let unwanted = request.until.is_some_and(|wanted| wanted != said.code);
            if !unwanted || Instant::now() >= end {
                return Ok(said);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has the server's watch cache come to know all that was written: a read at some revision is answered from it, however far it is. A
    /// list that names no revision is answered when it has got there.
    async fn settle(&self, path: &str) -> Result<(), Failure> {
        let path = self.outgoing(path, 0);
        let path = String::from_utf8_lossy(&path);
        let path = path.split('?').next().unwrap_or_default();
        let names_object = |collection: &str| path.contains(&format!("/{collection}/"));
        let collection = match path.rsplit_once('/') {
            Some((collection, _)) if names_object("machines") || names_object("sites") => collection,
            _ => path,
        };
        let request = http::Request::get(collection).body(Body::empty())?;
        self.side
            .client
            .send(request)
            .await?
            .into_body()
            .collect()
            .await?;
        Ok(())
    }

    async fn at_once(&self, request: &Request, count: usize, told: Answers) -> Result<Said, Failure> {
        let one = async |number| self.read(self.send(request, number).await?).await;
        let all: Vec<Said> = try_join_all((0..count).map(one)).await?;
        let values = all.into_iter().map(|said| match told {
            Answers::Codes => json!(said.code),
            Answers::Each | Answers::Set => json!({ "code": said.code, "body": said.body }),
        });
        Ok(Said {
            unordered: told != Answers::Each,
            ..quiet(values.collect())
        })
    }

    async fn watch(&mut self, name: &str, request: &Request) -> Result<Said, Failure> {
        let response = self.send(request, 0).await?;
        if !response.status().is_success() {
            return self.read(response).await;
        }
        let (parts, body) = response.into_parts();
        self.watches
            .insert(name.to_owned(), Watch::new(body, &self.side.group));
        Ok(Said {
            code: parts.status.as_u16(),
            head: self.head(parts.headers),
            ..quiet(Vec::new())
        })
    }

    async fn events(&mut self, name: &str, last: Option<&str>, told: Events) -> Result<Said, Failure> {
        let watch = self
            .watches
            .get_mut(name)
            .ok_or_else(|| failure(format!("no watch {name} goes on")))?;
        let mut events = watch.events(last, LIMIT).await;
        self.told.insert(name.to_owned(), events.clone());
        match told {
            Events::All => {}
            // A stable order: each object's events stay as they came.
            Events::Objects => events.sort_by_key(|event| event["object"]["metadata"]["name"].to_string()),
            Events::Count => {
                let rising = events.is_sorted_by(|one, next| watch::revision(one) < watch::revision(next));
                events = vec![json!({ "events": events.len(), "rising": rising })];
            }
        }
        Ok(quiet(events))
    }

    async fn send(&self, request: &Request, number: usize) -> Result<http::Response<Body>, Failure> {
        let mut built = http::Request::builder()
            .method(request.method.as_str())
            .uri(self.outgoing(&request.path, number).as_slice())
            .extension(Title(request.title.clone()))
            // Some answers are prettier for curl and browsers.
            .header("user-agent", "annex-e2e/twin");
        for (name, value) in &request.headers {
            built = built.header(name, self.outgoing(value, number));
        }
        let body = self.outgoing(&request.body, number);
        Ok(self.side.client.send(built.body(Body::from(body))?).await?)
    }

    async fn read(&self, response: http::Response<Body>) -> Result<Said, Failure> {
        let (parts, body) = response.into_parts();
        let bytes = renamed(&body.collect().await?.to_bytes(), &self.side.group);
        let head = self.head(parts.headers);
        Ok(Said {
            code: parts.status.as_u16(),
            body: answer::parse(answer::content_type(&head), &bytes),
            head,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            unordered: false,
        })
    }

    /// A head that names the group of `definitions/`.
    fn head(&self, mut head: http::HeaderMap) -> http::HeaderMap {
        for value in head.values_mut() {
            let named = renamed(&Bytes::copy_from_slice(value.as_bytes()), &self.side.group);
            if let Ok(named) = http::HeaderValue::from_bytes(&named) {
                *value = named;
            }
        }
        head
    }

    fn outgoing(&self, text: &str, number: usize) -> Vec<u8> {
        let text = placed(text, self.namespace)
            .replace("{{n}}", &number.to_string())
            .replace(GROUP, &self.side.group);
        filled(&text, &self.memory.said)
    }
}

/// An answer without head and text.
fn quiet(body: Vec<Value>) -> Said {
    Said {
        code: 200,
        head: http::HeaderMap::new(),
        text: String::new(),
        body,
        unordered: false,
    }
}

/// Text of a request with the paths and types of the definitions in the place of their names. The kind comes first: errors show the first bytes
/// of a body, and no group must be cut off.
fn placed(text: &str, namespace: &str) -> String {
    let replaced = [
        (
            "{{machines}}",
            format!("/apis/{GROUP}/v1/namespaces/{namespace}/machines"),
        ),
        (
            "{{beta}}",
            format!("/apis/{GROUP}/v1beta1/namespaces/{namespace}/machines"),
        ),
        ("{{everywhere}}", format!("/apis/{GROUP}/v1/machines")),
        ("{{sites}}", format!("/apis/{GROUP}/v1/sites")),
        (
            "{{Machine}}",
            format!(r#""kind":"Machine","apiVersion":"{GROUP}/v1""#),
        ),
        (
            "{{Beta}}",
            format!(r#""kind":"Machine","apiVersion":"{GROUP}/v1beta1""#),
        ),
        ("{{Site}}", format!(r#""kind":"Site","apiVersion":"{GROUP}/v1""#)),
        ("{{namespace}}", namespace.to_owned()),
    ];
    replaced
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, &value))
}

/// What a server said of its group, said of that of `definitions/`.
pub(super) fn renamed(bytes: &Bytes, group: &str) -> Bytes {
    let mut named = Vec::with_capacity(bytes.len());
    let mut rest: &[u8] = bytes;
    while let Some(at) = rest
        .windows(group.len())
        .position(|found| found == group.as_bytes())
    {
        let (before, after) = rest.split_at(at);
        named.extend_from_slice(before);
        named.extend_from_slice(GROUP.as_bytes());
        rest = after.get(group.len()..).unwrap_or_default();
    }
    named.extend_from_slice(rest);
    named.into()
}
