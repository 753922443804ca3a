//! How much work a request is, in seats: `WorkEstimator` of k8s.io/apiserver
//! (pkg/util/flowcontrol/request/{list,mutating}_work_estimator.go), with its numbers.
//!
//! Two things differ. A page of an unfiltered list reads no more entries than it has, so the limit counts where Go's watch
//! cache and etcd read more. And a write holds what its watchers cost while it runs; Go holds it for some milliseconds after.

use crate::request::parameters::Parameters;
use crate::request::{RequestInfo, Verb};

/// Entries that a list reads for one seat: `ObjectsPerSeat`.
const OBJECTS_PER_SEAT: usize = 100;
/// `MaximumListSeatsLimit`.
const MOST_OF_LIST: usize = 100;
/// Watchers that a write wakes for one seat: `WatchesPerSeat`.
const WATCHES_PER_SEAT: usize = 10;
/// `MaximumMutatingSeatsLimit`.
const MOST_OF_WRITE: usize = 10;

/// The seats that a request needs. `objects` counts what lies in the range that it is about (`None`: not known), `watchers`
/// who watches it; asked only where it matters.
pub(super) fn seats(
    info: &RequestInfo,
    query: &str,
    objects: impl FnOnce() -> Option<usize>,
    watchers: impl FnOnce() -> usize,
) -> usize {
    if !info.is_resource {
        return 1;
    }
    match info.verb {
        Verb::List => of_list(info, query, objects),
        Verb::Watch if has_initial_events(query) => of_list(info, query, objects),
        Verb::DeleteCollection => of_list(info, query, objects).max(of_write(watchers())),
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete => of_write(watchers()),
        Verb::Get | Verb::Watch | Verb::Other => 1,
    }
}

fn of_list(info: &RequestInfo, query: &str, objects: impl FnOnce() -> Option<usize>) -> usize {
    // With the name of one object it is a read of its key.
    if !info.name.is_empty() {
        return 1;
    }
    let stored = objects().unwrap_or_default();
    let read = page(info, query).map_or(stored, |page| page.min(stored));
    read.div_ceil(OBJECTS_PER_SEAT).clamp(1, MOST_OF_LIST)
}

/// How many entries are read at most; `None`: all.
fn page(info: &RequestInfo, query: &str) -> Option<usize> {
    let is_filtered = !info.label_selector.is_empty() || !info.field_selector.is_empty();
    if query.is_empty() || is_filtered || info.verb != Verb::List {
        return None;
    }
    let parameters = Parameters::new(query);
    let limit: usize = parameters.first("limit")?.parse().ok()?;
    // At any revision a list is whole, whatever its limit.
    let is_whole = parameters
        .first("resourceVersion")
        .is_some_and(|version| version == "0");
    (limit > 0 && !is_whole).then_some(limit)
}

/// Whether a watch tells the state first.
fn has_initial_events(query: &str) -> bool {
    let parameters = Parameters::new(query);
    match parameters.first("sendInitialEvents").as_deref() {
        None | Some("") => matches!(
            parameters.first("resourceVersion").as_deref(),
            None | Some("" | "0")
        ),
        Some("false" | "0") => false,
        Some(_) => true,
    }
}

fn of_write(watchers: usize) -> usize {
    watchers.div_ceil(WATCHES_PER_SEAT).clamp(1, MOST_OF_WRITE)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn estimate(method: Method, url: &str, objects: usize, watchers: usize) -> usize {
        let uri: http::Uri = url.parse().unwrap();
        let info = RequestInfo::parse(&method, &uri).unwrap();
        seats(
            &info,
            uri.query().unwrap_or_default(),
            || Some(objects),
            || watchers,
        )
    }

    #[test]
    fn a_list_costs_what_it_reads() {
        const THINGS: &str = "/apis/g/v1/namespaces/ns/things";
        for (query, objects, seats) in [
            ("", 0, 1),
            ("", 100, 1),
            ("", 101, 2),
            ("", 100_000, 100),
            ("?limit=500", 100_000, 5),
            ("?limit=500", 120, 2),
            ("?limit=0", 1_000, 10),
            ("?limit=-1", 1_000, 10),
            ("?limit=x", 1_000, 10),
            ("?limit=500&continue=abc", 100_000, 5),
            // Whole, as the watch cache answers it.
            ("?limit=500&resourceVersion=0", 100_000, 100),
            ("?limit=500&resourceVersion=7", 100_000, 5),
            // What a selector drops is read, too.
            ("?limit=500&labelSelector=a%3Db", 10_000, 100),
            ("?fieldSelector=spec.x%3Dy", 1_000, 10),
            ("?fieldSelector=metadata.name%3Dx", 100_000, 1),
        ] {
            let url = format!("{THINGS}{query}");
            assert_eq!(
                estimate(Method::GET, &url, objects, 10_000),
                seats,
                "{query} of {objects}"
            );
        }
    }

    #[test]
    fn a_watch_costs_what_it_tells_first() {
        for (query, seats) in [
            ("?watch=1", 10),
            ("?watch=1&resourceVersion=0", 10),
            ("?watch=1&resourceVersion=7", 1),
            (
                "?watch=1&resourceVersion=7&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                10,
            ),
            (
                "?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
                1,
            ),
            ("?watch=1&limit=1", 10),
        ] {
            let url = format!("/apis/g/v1/things{query}");
            assert_eq!(estimate(Method::GET, &url, 1_000, 0), seats, "{query}");
        }
    }

    #[test]
    fn a_write_costs_the_watchers_that_it_wakes() {
        for (watchers, seats) in [(0, 1), (9, 1), (10, 1), (11, 2), (100, 10), (10_000, 10)] {
            let (all, one) = (
                "/apis/g/v1/namespaces/ns/things",
                "/apis/g/v1/namespaces/ns/things/x",
            );
            assert_eq!(estimate(Method::POST, all, 100_000, watchers), seats);
            assert_eq!(estimate(Method::PUT, one, 100_000, watchers), seats);
            assert_eq!(estimate(Method::PATCH, one, 100_000, watchers), seats);
            assert_eq!(estimate(Method::DELETE, one, 100_000, watchers), seats);
        }
        let collection = |objects, watchers| {
            estimate(
                Method::DELETE,
                "/apis/g/v1/namespaces/ns/things",
                objects,
                watchers,
            )
        };
        assert_eq!((collection(1_000, 0), collection(10, 50)), (10, 5));
    }

    #[test]
    fn all_else_costs_one() {
        for url in [
            "/apis/g/v1/namespaces/ns/things/x",
            "/version",
            "/apis",
            "/openapi/v2",
        ] {
            assert_eq!(estimate(Method::GET, url, 100_000, 10_000), 1, "{url}");
        }
        let info = RequestInfo::parse(&Method::GET, &"/apis/g/v1/things".parse().unwrap()).unwrap();
        assert_eq!(seats(&info, "", || None, || 0), 1, "nobody knows how many");
    }
}
