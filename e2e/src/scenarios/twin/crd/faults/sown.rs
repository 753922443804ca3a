//! The faults: at least one in each subsection.

use http::response::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::super::sequence::{Act, Sequence};

/// One fault.
pub(super) struct Fault {
    /// What is wrong.
    pub(super) name: &'static str,
    /// The request whose answer it is in.
    pub(super) request: &'static str,
    pub(super) spoil: Spoil,
}

/// What is done to an answer.
#[derive(Clone, Copy)]
pub(super) enum Spoil {
    /// To its status and headers.
    Head(fn(&mut Parts)),
    /// To its JSON.
    Body(fn(&mut Value)),
    /// To each event of a watch, by its place from 0; what is returned is told. A place for one that is told later.
    Events(fn(usize, Value, &mut Option<Value>) -> Vec<Value>),
}

impl Fault {
    /// The sequence of its request.
    pub(super) fn sequence<'a>(&self, sequences: &'a [Sequence]) -> Option<&'a Sequence> {
        let has = |sequence: &&Sequence| {
            let mut steps = sequence.steps.iter();
            steps.any(|step| step.request.title == self.request)
        };
        sequences.iter().find(has)
    }

    /// The request that must be named: of a watch the one that looks at its events.
    pub(super) fn seen<'a>(&self, sequence: &'a Sequence) -> Option<&'a str> {
        let begun = sequence
            .steps
            .iter()
            .find(|step| step.request.title == self.request)?;
        let Act::Watch(name) = &begun.act else {
            return Some(&begun.request.title);
        };
        let looks = |act: &Act| matches!(act, Act::Events { watch, .. } if watch == name);
        let seen = sequence.steps.iter().find(|step| looks(&step.act))?;
        Some(&seen.request.title)
    }
}

/// All of them.
pub(super) const FAULTS: [Fault; 26] = [
    Fault {
        name: "another status code",
        request: "3.4 media types of an answer: as XML",
        spoil: Spoil::Head(|head| head.status = StatusCode::BAD_REQUEST),
    },
    Fault {
        name: "another Content-Type",
        request: "3.4 media types of an answer: as YAML",
        spoil: Spoil::Head(|head| set(head, "content-type", "application/x-yaml")),
    },
    Fault {
        name: "no warning",
        request: "3.4 a version that is deprecated: get",
        spoil: Spoil::Head(|head| drop(head.headers.remove("warning"))),
    },
    Fault {
        name: "an answer that may be cached",
        request: "3.4 parameters: pretty",
        spoil: Spoil::Head(|head| drop(head.headers.remove("cache-control"))),
    },
    Fault {
        name: "another word in a message",
        request: "3.4 verbs that are none: put to a collection",
        spoil: Spoil::Body(|status| {
            status["message"] = "the server does not allow this method on the resource".into()
        }),
    },
    Fault {
        name: "no default in what is read",
        request: "3.5 get: what is there",
        spoil: Spoil::Body(|object| remove(&mut object["spec"], "paused")),
    },
    Fault {
        name: "items in another order",
        request: "3.5 list by revision: all",
        spoil: Spoil::Body(|list| swap(&mut list["items"])),
    },
    Fault {
        name: "no count of what remains",
        request: "3.5 list in pages: the first page",
        spoil: Spoil::Body(|list| remove(&mut list["metadata"], "remainingItemCount")),
    },
    Fault {
        name: "a list that is older than its items",
        request: "3.5 field selectors: a size",
        spoil: Spoil::Body(|list| list["metadata"]["resourceVersion"] = "1".into()),
    },
    Fault {
        name: "no event of a change",
        request: "3.6 from a revision: watch",
        spoil: Spoil::Events(|place, event, _| if place == 1 { Vec::new() } else { vec![event] }),
    },
    Fault {
        name: "two events in the wrong order",
        request: "3.6 from a revision: watch",
        spoil: Spoil::Events(swapped),
    },
    Fault {
        name: "an event twice",
        request: "3.6 from the state: watch",
        spoil: Spoil::Events(|place, event, _| {
            if place == 0 {
                vec![event.clone(), event]
            } else {
                vec![event]
            }
        }),
    },
    Fault {
        name: "a deletion with the revision of before",
        request: "3.6 from a revision: watch",
        spoil: Spoil::Events(|_, event, kept| vec![deleted_as_it_was(event, kept)]),
    },
    Fault {
        name: "initial events without an end",
        request: "3.6 initial events and their end: watch",
        spoil: Spoil::Events(|_, mut event, _| {
            remove(&mut event["object"]["metadata"], "annotations");
            vec![event]
        }),
    },
    Fault {
        name: "one event more for one watcher among many writers",
        request: "3.6 many writers and watchers: watch",
        spoil: Spoil::Events(|place, event, _| {
            if place == 12 {
                vec![event.clone(), event]
            } else {
                vec![event]
            }
        }),
    },
    Fault {
        name: "200 for what was made",
        request: "3.7 defaults: the least",
        spoil: Spoil::Head(|head| head.status = StatusCode::OK),
    },
    Fault {
        name: "a field that should be pruned",
        request: "3.7 pruning: unknown fields",
        spoil: Spoil::Body(|object| object["spec"]["colour"] = "red".into()),
    },
    Fault {
        name: "one error fewer",
        request: "3.7 many errors at once: of two fields",
        spoil: Spoil::Body(|status| drop(status["details"]["causes"].as_array_mut().map(Vec::pop))),
    },
    Fault {
        name: "200 for a conflict",
        request: "3.8 replace: with an old revision",
        spoil: Spoil::Head(|head| head.status = StatusCode::OK),
    },
    Fault {
        name: "a generation that does not rise",
        request: "3.8 generation: the spec",
        spoil: Spoil::Body(|object| object["metadata"]["generation"] = 1.into()),
    },
    Fault {
        name: "a resourceVersion that does not rise",
        request: "3.8 generation: metadata",
        spoil: Spoil::Body(|object| object["metadata"]["resourceVersion"] = "1".into()),
    },
    Fault {
        name: "a conflict that does not say of which field",
        request: "3.9 apply: a conflict",
        spoil: Spoil::Body(|status| remove(&mut status["details"], "causes")),
    },
    Fault {
        name: "a manager that is not told",
        request: "3.9 apply over other writes: patch",
        spoil: Spoil::Body(|object| drop(object["metadata"]["managedFields"].as_array_mut().map(Vec::pop))),
    },
    Fault {
        name: "an object that is gone at once",
        request: "3.10 finalizers: delete",
        spoil: Spoil::Body(|object| remove(&mut object["metadata"], "deletionTimestamp")),
    },
    Fault {
        name: "a deletion that does not say of what",
        request: "3.10 delete: delete",
        spoil: Spoil::Body(|status| remove(&mut status["details"], "uid")),
    },
    Fault {
        name: "a dry run with a resourceVersion",
        request: "3.11 dry runs: create",
        spoil: Spoil::Body(|object| object["metadata"]["resourceVersion"] = "5".into()),
    },
];

fn set(head: &mut Parts, name: &'static str, value: &'static str) {
    head.headers.insert(name, HeaderValue::from_static(value));
}

fn remove(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}

fn swap(list: &mut Value) {
    if let Some([first, second, ..]) = list.as_array_mut().map(Vec::as_mut_slice) {
        std::mem::swap(first, second);
    }
}

/// Tells the third event before the second.
fn swapped(place: usize, event: Value, kept: &mut Option<Value>) -> Vec<Value> {
    match place {
        1 => {
            *kept = Some(event);
            Vec::new()
        }
        2 => [Some(event), kept.take()].into_iter().flatten().collect(),
        _ => vec![event],
    }
}

/// Gives a deletion the revision of the event before it.
fn deleted_as_it_was(mut event: Value, kept: &mut Option<Value>) -> Value {
    let revision = event["object"]["metadata"]["resourceVersion"].clone();
    if event["type"] == "DELETED"
        && let Some(before) = kept.clone()
    {
        event["object"]["metadata"]["resourceVersion"] = before;
    }
    *kept = Some(revision);
    event
}

#[cfg(test)]
mod tests {
    use super::super::super::{SECTIONS, all};
    use super::FAULTS;

    #[test]
    fn each_is_of_a_request_and_each_subsection_has_one() {
        let sequences = all();
        for fault in &FAULTS {
            assert!(fault.sequence(&sequences).is_some(), "{}", fault.request);
        }
        for (section, _) in SECTIONS {
            let prefix = format!("{section} ");
            assert!(
                FAULTS.iter().any(|fault| fault.request.starts_with(&prefix)),
                "{section}"
            );
        }
    }
}
