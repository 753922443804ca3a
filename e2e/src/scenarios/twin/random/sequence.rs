//! A sequence of requests about one object, made of a seed.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::super::pair::Pair;
use super::super::request::Request;
use super::{LENGTH, body};

/// The object's name, until an attempt gives it one.
pub(super) const NAME: &str = "RANDOM";

/// The versions of a Gadget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1beta1,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1beta1 => "v1beta1",
        }
    }
}

/// The sequence of a seed: the object is made first, and made again where it was deleted.
pub(super) fn of(pair: &Pair, seed: u64) -> Vec<Request> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut requests = vec![creation(pair, &mut random)];
    while requests.len() < LENGTH {
        requests.push(next(pair, &mut random));
    }
    requests.push(at(pair, Version::V1, "", "").of("GET", None));
    requests.push(at(pair, Version::V1, "", "").of("DELETE", None));
    requests
}

/// The request with the object's name in its place.
pub(super) fn named(request: &Request, name: &str) -> Request {
    Request {
        path: request.path.replace(NAME, name),
        body: request.body.replace(NAME, name),
        ..request.clone()
    }
}

/// The request as it would stand in a file of requests.
pub(super) fn text(request: &Request) -> String {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("\n{name}: {value}"));
    let (head, body) = (headers.collect::<String>(), &request.body);
    format!("{} {}{head}\n\n{body}\n", request.method, request.path)
}

fn creation(pair: &Pair, random: &mut StdRng) -> Request {
    let version = version(random);
    let target = At {
        path: collection(pair, version),
        parameters: manager(random, &["up1", "up2"]),
    };
    target.of(
        "POST",
        Some(("application/json", body::object(pair, version, random))),
    )
}

fn next(pair: &Pair, random: &mut StdRng) -> Request {
    let version = version(random);
    let updater = manager(random, &["up1", "up2", "m1"]);
    let subresource = ["", "", "", "", "/status", "/scale"][random.random_range(0..6)];
    let target = at(
        pair,
        version,
        subresource,
        &format!("{updater}{}", options(random)),
    );
    let json = "application/json";
    match (subresource, random.random_range(0..20)) {
        ("", 0) => creation(pair, random),
        ("", 1) => at(pair, version, "", "").of("DELETE", None),
        (_, 0..=2) => at(pair, version, subresource, "").of("GET", None),
        ("", 3..=5) => target.of("PUT", Some((json, body::replacement(pair, version, random)))),
        ("/status", 3..=6) => target.of("PUT", Some((json, body::status(pair, version, random)))),
        ("/scale", 3..=6) => target.of("PUT", Some((json, body::scale(pair, random)))),
        (_, 3..=8) => {
            let patch = body::merge_patch(version, subresource, random);
            target.of("PATCH", Some(("application/merge-patch+json", patch)))
        }
        ("", 9..=10) => {
            let patch = body::json_patch(version, random);
            target.of("PATCH", Some(("application/json-patch+json", patch)))
        }
        ("" | "/status", 9..=12) => {
            let patch = body::strategic_merge_patch(version, subresource, random);
            target.of("PATCH", Some(("application/strategic-merge-patch+json", patch)))
        }
        _ => {
            let applier = manager(random, &["m1", "m2", "m3", "m4"]);
            let force = if random.random_bool(0.4) {
                "force=true&"
            } else {
                ""
            };
            let parameters = format!("{applier}{force}{}", options(random));
            let applied = body::applied(pair, version, subresource, random);
            at(pair, version, subresource, &parameters)
                .of("PATCH", Some(("application/apply-patch+yaml", applied)))
        }
    }
}

/// Where a request goes.
struct At {
    path: String,
    parameters: String,
}

impl At {
    fn of(&self, method: &str, body: Option<(&str, Value)>) -> Request {
        let parameters = self.parameters.trim_end_matches('&');
        let mark = if parameters.is_empty() { "" } else { "?" };
        let headers = body
            .iter()
            .map(|(content_type, _)| ("Content-Type".to_owned(), (*content_type).to_owned()));
        Request {
            title: "a random request".to_owned(),
            method: method.to_owned(),
            path: format!("{}{mark}{parameters}", self.path),
            headers: headers.collect(),
            body: body
                .as_ref()
                .map(|(_, body)| body.to_string())
                .unwrap_or_default(),
            until: None,
        }
    }
}

fn at(pair: &Pair, version: Version, subresource: &str, parameters: &str) -> At {
    At {
        path: format!("{}/{NAME}{subresource}", collection(pair, version)),
        parameters: parameters.to_owned(),
    }
}

fn collection(pair: &Pair, version: Version) -> String {
    format!(
        "/apis/{}/{}/namespaces/{}/gadgets",
        pair.group,
        version.name(),
        pair.objects
    )
}

fn version(random: &mut StdRng) -> Version {
    if random.random_bool(0.7) {
        Version::V1
    } else {
        Version::V1beta1
    }
}

fn manager(random: &mut StdRng, managers: &[&str]) -> String {
    format!(
        "fieldManager={}&",
        managers[random.random_range(0..managers.len())]
    )
}

fn options(random: &mut StdRng) -> &'static str {
    [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "dryRun=All&",
        "fieldValidation=Strict&",
        "fieldValidation=Ignore&",
    ][random.random_range(0..10)]
}

/// The head of an object.
pub(super) fn head(pair: &Pair, version: Version) -> Value {
    json!({ "apiVersion": format!("{}/{}", pair.group, version.name()), "kind": "Gadget", "metadata": { "name": NAME } })
}

#[cfg(test)]
mod tests {
    use super::super::super::gadgets::PAIR;
    use super::{LENGTH, named, of};

    #[test]
    fn a_seed_makes_one_sequence_and_another_seed_another() {
        let sequence = of(&PAIR, 1);
        assert_eq!(sequence, of(&PAIR, 1));
        assert_ne!(sequence, of(&PAIR, 2));
        assert_eq!(sequence.len(), LENGTH + 2);
    }

    #[test]
    fn an_attempt_names_its_object_everywhere() {
        for request in of(&PAIR, 3) {
            let named = named(&request, "r");
            assert!(
                !named.path.contains("RANDOM") && !named.body.contains("RANDOM"),
                "{named:?}"
            );
        }
    }

    #[test]
    fn seeds_make_every_kind_of_write() {
        let requests: Vec<_> = (0..20).flat_map(|seed| of(&PAIR, seed)).collect();
        for kind in [
            "merge-patch+json",
            "json-patch+json",
            "strategic-merge-patch+json",
            "apply-patch+yaml",
        ] {
            let value = format!("application/{kind}");
            for part in ["/v1/", "/v1beta1/"] {
                let found = requests.iter().any(|request| {
                    request.path.contains(part) && request.headers.iter().any(|(_, found)| *found == value)
                });
                assert!(found, "no {kind} to {part}");
            }
        }
        for path in ["/status?", "/scale?", "force=true", "dryRun=All"] {
            assert!(
                requests.iter().any(|request| request.path.contains(path)),
                "none to {path}"
            );
        }
    }
}
