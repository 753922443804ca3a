//! Two servers of one API, one on k8s.io/apiserver and one on Annex's library, and what both are asked.

use super::differences::Difference;
use super::request::{Request, parse};

/// Two servers that are asked the same requests.
pub(super) struct Pair {
    /// The Go server's AggregatedServer, and its namespace.
    pub(super) go: &'static str,
    /// The same of ours.
    pub(super) ours: &'static str,
    /// The namespace of the objects.
    pub(super) objects: &'static str,
    /// What the users of the requests may, beside the administrator; a manifest.
    pub(super) access: &'static str,
    /// The API group.
    pub(super) group: &'static str,
    /// The manifest of the Go server of this name.
    pub(super) go_server: fn(&str) -> String,
    /// The same of ours.
    pub(super) our_server: fn(&str) -> String,
    /// The requests, in the order in which they are sent: each file goes on with what the ones before it left.
    pub(super) files: &'static [&'static str],
    /// How many of them, at least, go through the aggregator.
    pub(super) least: usize,
    /// They have the kind of `gadgets`: a CustomResourceDefinition of the same schema is asked too, and what is about that kind.
    pub(super) definition: bool,
    /// Every request whose answers differ.
    pub(super) declared: &'static [Difference],
    /// The page that lists them for people.
    #[cfg(test)]
    pub(super) page: &'static str,
}

impl Pair {
    /// The requests of all files.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.files.iter().flat_map(|file| parse(file)).collect()
    }

    /// Those of them that the kube-apiserver does not answer itself.
    pub(super) fn aggregated_requests(&self) -> Vec<Request> {
        let below = format!("/apis/{}/v1", self.group);
        let mut requests = self.requests();
        requests.retain(|request| request.path.starts_with(&below));
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAIRS;

    #[test]
    fn every_title_is_there_once() {
        for pair in PAIRS {
            let requests = pair.requests();
            let written: usize = pair.files.iter().map(|file| file.matches("### ").count()).sum();
            assert_eq!(requests.len(), written, "some requests cannot be read");
            assert!(pair.aggregated_requests().len() >= pair.least, "{}", pair.group);
            let mut titles: Vec<&str> = requests.iter().map(|request| request.title.as_str()).collect();
            titles.sort_unstable();
            for pair in titles.windows(2) {
                assert_ne!(pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn every_declared_difference_is_of_a_request_and_stands_in_the_docs() {
        for pair in PAIRS {
            let requests = pair.requests();
            for difference in pair.declared {
                assert!(
                    requests.iter().any(|request| request.title == difference.request),
                    "{difference:?}"
                );
                let row = format!("| {} | {} |", difference.request, difference.reason);
                assert!(pair.page.contains(&row), "the page of differences lacks: {row}");
            }
        }
    }
}
