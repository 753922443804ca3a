//! What the server was sent: the last requests, whole headers and all.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use serde::{Deserialize, Serialize};

/// How many requests are kept.
pub const CAPACITY: usize = 1000;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Every header, name and value, in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Common name of the client certificate; empty if it has none, absent without a certificate.
    pub peer_common_name: Option<String>,
}

impl Recorded {
    /// The record of a request that came over a connection with this peer.
    pub fn new(parts: &Parts, peer_common_name: Option<&str>) -> Self {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        };
        Self {
            method: parts.method.to_string(),
            path: parts
                .uri
                .path_and_query()
                .map_or_else(|| parts.uri.path().to_owned(), ToString::to_string),
            headers: parts.headers.iter().map(header).collect(),
            peer_common_name: peer_common_name.map(str::to_owned),
        }
    }
}

/// The last [`CAPACITY`] requests.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<VecDeque<Recorded>>);

impl Recorder {
    /// Adds a request, and forgets the oldest if there are too many.
    pub fn record(&self, request: Recorded) {
        let mut requests = self.lock();
        if requests.len() == CAPACITY {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// All that are kept, oldest first.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Recorded>> {
        // No step under the lock leaves the list in a state that must not be seen.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Recorded {
        let (parts, ()) = http::Request::get(path)
            .header("Authorization", "Bearer x")
            .header("X-Remote-Group", "a")
            .header("X-Remote-Group", "b")
            .body(())
            .expect("a request")
            .into_parts();
        Recorded::new(&parts, None)
    }

    #[test]
    fn keeps_every_header_value() {
        let recorded = request("https://h/apis?limit=1");
        assert_eq!(recorded.path, "/apis?limit=1");
        let pairs: Vec<_> = recorded
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("authorization", "Bearer x"),
                ("x-remote-group", "a"),
                ("x-remote-group", "b")
            ]
        );
    }

    #[test]
    fn forgets_the_oldest() {
        let recorder = Recorder::default();
        for number in 0..=CAPACITY {
            recorder.record(request(&format!("/{number}")));
        }
        let recorded = recorder.recorded();
        assert_eq!(recorded.len(), CAPACITY);
        assert_eq!(
            (recorded[0].path.as_str(), recorded[CAPACITY - 1].path.as_str()),
            ("/1", "/1000")
        );
    }
}
