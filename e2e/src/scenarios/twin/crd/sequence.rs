//! Sequences of requests about the kinds of `definitions/`, as they stand in `requests/crd/*.http`: `## TITLE`, then requests as
//! [`request`](super::super::request) reads them, each of which begins with `### `.
//!
//! A sequence sets up, acts and looks; it needs nothing of another one, and its namespace is empty when it begins. A body without a
//! Content-Type is JSON, and `Content-Type: none` sends none. In the place of a method may stand
//!
//! - `JSON`, `MERGE`, `STRATEGIC`, `APPLY`: a PATCH of this form;
//! - `WATCH NAME PATH`: begins a watch that goes on beside the next requests; its answer is the head;
//! - `EVENTS NAME LAST`: what this watch has told, to the first event of the object LAST or, if LAST is `-`, to its end. Bookmarks that come by
//!   the clock are left out. With the header `Told: objects` events are ordered by their objects, each object's as they came; with `Told: count`
//!   only their number is told, and whether their revisions rise;
//! - `COMPARE NAME OTHER`: whether two watches, whose events were looked at, told the same in the same order.
//!
//! `At-once: COUNT` sends a request so often at the same time, with `{{n}}` from 0 on; with `Told: set` the answers are compared as a set, and with
//! `Told: codes` only their codes are.

use super::super::request::{Request, parse};

/// The forms of a PATCH by the word that a file has for them.
const PATCHES: [(&str, &str); 4] = [
    ("JSON", "application/json-patch+json"),
    ("MERGE", "application/merge-patch+json"),
    ("STRATEGIC", "application/strategic-merge-patch+json"),
    ("APPLY", "application/apply-patch+yaml"),
];

/// Some requests that belong together.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
    /// It is about objects of the cluster, or of all namespaces: no other such sequence runs beside it.
    pub(super) alone: bool,
}

/// What is done, and the request that it is called by.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) request: Request,
    pub(super) act: Act,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A request, and its answer.
    Ask,
    /// A request many times at once.
    AtOnce { count: usize, told: Answers },
    /// A watch of this name begins.
    Watch(String),
    /// What a watch has told.
    Events {
        watch: String,
        /// Up to the first event of this object; `None`: to the end.
        last: Option<String>,
        told: Events,
    },
    /// Whether two watches told the same.
    Compare([String; 2]),
}

/// What of answers to many requests at once is no chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// All.
    Each,
    /// The set of them.
    Set,
    /// How many have which code.
    Codes,
}

/// What of the events of a watch is no chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    /// All, and their order.
    All,
    /// All, and the order of each object's.
    Objects,
    /// How many there are.
    Count,
}

/// The sequences of a file; the titles of their requests begin with theirs.
pub(super) fn sequences(file: &str) -> Vec<Sequence> {
    let file = format!("\n{file}");
    file.split("\n## ").skip(1).map(sequence).collect()
}

fn sequence(text: &str) -> Sequence {
    let title = text.lines().next().unwrap_or_default().trim().to_owned();
    let alone = text.contains("{{sites}}") || text.contains("{{everywhere}}");
    let steps = parse(text)
        .into_iter()
        .map(|request| step(&title, request))
        .collect();
    Sequence { title, steps, alone }
}

fn step(title: &str, mut request: Request) -> Step {
    request.title = format!("{title}: {}", request.title);
    let header = |name: &str| {
        let found = request.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    };
    let (told, count) = (header("Told"), header("At-once"));
    let content_type = header("Content-Type");
    request
        .headers
        .retain(|(name, value)| !["Told", "At-once"].contains(&name.as_str()) && value != "none");
    let patch = PATCHES.iter().find(|(word, _)| *word == request.method);
    if let Some((_, form)) = patch {
        request.method = "PATCH".to_owned();
        add_content_type(&mut request, form);
    } else if content_type.is_none() && !request.body.is_empty() {
        add_content_type(&mut request, "application/json");
    }
    let mut words = request.path.splitn(2, ' ').map(str::to_owned);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let act = match request.method.as_str() {
        "WATCH" => {
            request.method = "GET".to_owned();
            request.path = second;
            Act::Watch(first)
        }
        "EVENTS" => Act::Events {
            watch: first,
            last: Some(second).filter(|last| last != "-"),
            told: match told.as_deref() {
                Some("objects") => Events::Objects,
                Some("count") => Events::Count,
                _ => Events::All,
            },
        },
        "COMPARE" => Act::Compare([first, second]),
        _ => match count.and_then(|count| count.parse().ok()) {
            Some(count) => Act::AtOnce {
                count,
                told: match told.as_deref() {
                    Some("set") => Answers::Set,
                    Some("codes") => Answers::Codes,
                    _ => Answers::Each,
                },
            },
            None => Act::Ask,
        },
    };
    Step { request, act }
}

fn add_content_type(request: &mut Request, form: &str) {
    request.headers.push(("Content-Type".to_owned(), form.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "## one\n### make\nPOST {{machines}}\n\n{}\n\n### watch\nWATCH w {{machines}}?watch=1\n\n### many\nPOST {{machines}}\nAt-once: 3\nTold: set\nContent-Type: none\n\n{}\n\n## two\n### patch\nMERGE {{sites}}/a\n\n{}\n\n### told\nEVENTS w last\nTold: objects\n\n### all told\nEVENTS w -\n\n### alike\nCOMPARE w v\n";

    #[test]
    fn a_file_has_sequences_of_steps() {
        let [one, two] = sequences(FILE).try_into().unwrap();
        assert_eq!((one.title.as_str(), one.alone, two.alone), ("one", false, true));
        let acts = |sequence: &Sequence| -> Vec<Act> {
            sequence.steps.iter().map(|step| step.act.clone()).collect()
        };
        assert_eq!(
            acts(&one),
            [
                Act::Ask,
                Act::Watch("w".to_owned()),
                Act::AtOnce {
                    count: 3,
                    told: Answers::Set
                }
            ]
        );
        let events = |last: Option<&str>, told| Act::Events {
            watch: "w".to_owned(),
            last: last.map(str::to_owned),
            told,
        };
        assert_eq!(
            acts(&two),
            [
                Act::Ask,
                events(Some("last"), Events::Objects),
                events(None, Events::All),
                Act::Compare(["w".to_owned(), "v".to_owned()])
            ]
        );
    }

    #[test]
    fn words_and_forms_of_a_file_are_not_sent() {
        let [one, two] = sequences(FILE).try_into().unwrap();
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        assert_eq!(one.steps[0].request.title, "one: make");
        assert_eq!(one.steps[0].request.headers, [json]);
        assert_eq!(one.steps[1].request.method, "GET");
        assert_eq!(one.steps[1].request.path, "{{machines}}?watch=1");
        assert!(one.steps[2].request.headers.is_empty());
        let merge = (
            "Content-Type".to_owned(),
            "application/merge-patch+json".to_owned(),
        );
        assert_eq!(two.steps[0].request.method, "PATCH");
        assert_eq!(two.steps[0].request.headers, [merge]);
    }
}
