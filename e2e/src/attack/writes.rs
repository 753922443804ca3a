//! One write at a time that is small to send and could be large to handle, from somebody with one right.

mod bodies;

use http::Method;
use http::header::CONTENT_TYPE;
use hyper::body::Bytes;

use super::connection::{Answer, Ask, Reading};
use super::{Arena, Attack, Error, ONE, Target, collection, storm};

pub(super) const CREATES: Attack = Attack {
    name: "creates",
    objects: 0,
    run: |arena| Box::pin(creates(arena)),
};

pub(super) const PATCHES: Attack = Attack {
    name: "patches",
    objects: 1,
    run: |arena| Box::pin(patches(arena)),
};

/// An answer is never so many times as long as its request.
const MOST_TIMES: usize = 100;
/// A refusal repeats its request once at most, and has this for its own words.
const REFUSAL: usize = 128 * 1024;

/// A body, and what it is.
struct Write {
    what: &'static str,
    media: &'static str,
    body: Bytes,
    /// It may be stored.
    stored: bool,
}

/// What is not stored is worked on all the same.
const QUERIES: [&str; 3] = [
    "?fieldManager=hostile&dryRun=All",
    "?fieldManager=hostile&dryRun=All&fieldValidation=Strict",
    "?fieldManager=hostile",
];

impl Write {
    fn queries(&self) -> &'static [&'static str] {
        if self.stored { &QUERIES } else { &QUERIES[..2] }
    }
}

async fn creates(arena: &Arena) -> Result<String, Error> {
    let path = collection(&arena.namespace);
    press(arena, &arena.creator, Method::POST, &path, bodies::creates()).await
}

async fn patches(arena: &Arena) -> Result<String, Error> {
    let path = format!("{}/{ONE}", collection(&arena.namespace));
    press(arena, &arena.patcher, Method::PATCH, &path, bodies::patches()).await
}

/// Each body with each query, all at once.
async fn press(
    arena: &Arena,
    who: &Target,
    method: Method,
    path: &str,
    writes: Vec<Write>,
) -> Result<String, Error> {
    let until = storm::end_of(arena.scale.hold);
    let mut shots = Vec::new();
    for write in &writes {
        let connection = who.connect(Reading::Willing).await?;
        for query in write.queries() {
            let ask = Ask::new(method.clone(), format!("{path}{query}")).header(CONTENT_TYPE, write.media)?;
            // Which one it was is known by its length.
            shots.push((connection.clone(), ask, write.body.clone()));
        }
    }
    let what = |length: usize| {
        let write = writes.iter().find(|write| write.body.len() == length);
        write.map_or("a body", |write| write.what)
    };
    let tally = storm::exchange(shots, until, |ask, length, answer| {
        in_proportion(answer, length)
            .map_err(|words| Error::Wrong(format!("{} {}: {words}", ask.path, what(length))))
    })
    .await?;
    Ok(format!(
        "{} bodies in {} ways: {tally}",
        writes.len(),
        QUERIES.len()
    ))
}

fn in_proportion(answer: &Answer, request: usize) -> Result<(), String> {
    let length = answer.body.len();
    let most = if answer.status.is_success() {
        request * MOST_TIMES
    } else {
        request.min(REFUSAL) + REFUSAL
    };
    if length <= most {
        return Ok(());
    }
    Err(format!(
        "{length} bytes of answer ({}) to {request} bytes",
        answer.status
    ))
}
