//! The kube-apiserver's audit log: who wrote what.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use super::{Failure, World};
use crate::install;
use crate::layout::Layout;

/// A place in the audit log; what comes behind it is read once.
pub(crate) struct Audit {
    path: PathBuf,
    offset: u64,
}

impl Audit {
    /// What is written from now on.
    ///
    /// # Errors
    /// The log cannot be read, or the cluster is somebody else's.
    pub(super) fn from_now(world: &World) -> Result<Self, Failure> {
        Self::of(world.node()?)
    }

    /// What is written from now on to the log of this cluster.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn of(layout: &Layout) -> Result<Self, Failure> {
        let path = layout.audit_log();
        let offset = std::fs::metadata(&path)?.len();
        Ok(Self { path, offset })
    }

    /// The operator's writes since the last look, Leases aside: with its ServiceAccount, or, where it runs on a person's
    /// machine with a person's rights, by the name that it gives itself. A TokenRequest is none, though its verb is create: nothing is
    /// stored of it, and every eight minutes the token of the probes is asked for again.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn writes_of_the_operator(&mut self) -> Result<Vec<String>, Failure> {
        Ok(self.requests_of_the_operator()?.writes)
    }

    /// All its requests since the last look, Leases aside. Reads are in the log only where it is asked for them, see
    /// [`crate::components::Options::audit_operator_reads`].
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn requests_of_the_operator(&mut self) -> Result<Requests, Failure> {
        let account = install::operator_account();
        let its = |event: &&Value| {
            let agent = event["userAgent"].as_str().unwrap_or_default();
            event["user"]["username"] == *account || agent.starts_with("annex-operator/")
        };
        let mut requests = Requests::default();
        for event in self.events()?.iter().filter(its) {
            if is_read(event) {
                if counts(event) {
                    *requests.reads.entry(what_is_read(event)).or_default() += 1;
                }
            } else if stores(event) {
                requests.writes.push(describe(event));
            }
        }
        Ok(requests)
    }

    /// When the operator wrote which object since the last look, of all that it wrote and that was taken.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn timed_writes(&mut self) -> Result<Vec<Write>, Failure> {
        let events = self.events()?;
        Ok(events
            .iter()
            .filter(|event| !is_read(event))
            .filter_map(Write::of)
            .collect())
    }

    /// All that was written since the last look, by clients whose name begins so.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn writes_of_agent(&mut self, agent: &str) -> Result<Vec<String>, Failure> {
        let events = self.events()?;
        let writes = events.iter().filter(|event| {
            event["userAgent"]
                .as_str()
                .is_some_and(|own| own.starts_with(agent))
        });
        Ok(writes.map(describe).collect())
    }

    fn events(&mut self) -> Result<Vec<Value>, Failure> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A last line without its end is read the next time.
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        self.offset += complete as u64;
        text[..complete]
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

/// What a client asked of the kube-apiserver.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// How often it read what: `list pods`.
    pub(crate) reads: BTreeMap<String, usize>,
    /// Each write, in words.
    pub(crate) writes: Vec<String>,
}

/// A write that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// When it was answered.
    pub(crate) at: Timestamp,
    /// Whether it was the operator's.
    pub(crate) by_operator: bool,
    /// The resource, the namespace, where there is one, and the name.
    pub(crate) object: (String, String, String),
}

impl Write {
    fn of(event: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (object, code) = (&event["objectRef"], event["responseStatus"]["code"].as_u64()?);
        (code < 300
            && event["requestURI"]
                .as_str()
                .is_some_and(|uri| !uri.contains("dryRun=")))
        .then_some(())?;
        Some(Self {
            at: event["stageTimestamp"].as_str()?.parse().ok()?,
            by_operator: event["user"]["username"] == *install::operator_account(),
            object: (
                text(&object["resource"]),
                text(&object["namespace"]),
                text(&object["name"]),
            ),
        })
    }
}

fn is_read(event: &Value) -> bool {
    ["get", "list", "watch"].iter().any(|verb| event["verb"] == *verb)
}

/// Whether a read is of no Lease, and has not been counted: a watch is in the log where it begins and where it ends.
fn counts(event: &Value) -> bool {
    let begins = event["stage"] == "ResponseStarted";
    event["objectRef"]["resource"] != "leases" && begins == (event["verb"] == "watch")
}

fn what_is_read(event: &Value) -> String {
    let verb = event["verb"].as_str().unwrap_or_default();
    let path = event["requestURI"].as_str().unwrap_or_default();
    let what = event["objectRef"]["resource"].as_str().unwrap_or(path);
    format!("{verb} {what}")
}

/// Whether something is stored of it that is no Lease.
fn stores(event: &Value) -> bool {
    let object = &event["objectRef"];
    let is_token_request = object["resource"] == "serviceaccounts" && object["subresource"] == "token";
    object["resource"] != "leases" && !is_token_request
}

/// `patch secrets/name in namespace (200)`.
fn describe(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    let path: Vec<String> = ["resource", "name", "subresource"]
        .iter()
        .map(|part| text(&object[part]))
        .filter(|part| !part.is_empty())
        .collect();
    format!(
        "{} {} in {:?} ({}) by {}",
        text(&event["verb"]),
        path.join("/"),
        text(&object["namespace"]),
        event["responseStatus"]["code"],
        text(&event["userAgent"]),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_read_counts_once() {
        let event = |verb: &str, stage: &str, resource: &str| json!({"verb": verb, "stage": stage, "objectRef": {"resource": resource}});
        assert!(is_read(&event("watch", "", "")) && !is_read(&event("patch", "", "")));
        assert!(counts(&event("get", "ResponseComplete", "secrets")));
        assert!(counts(&event("watch", "ResponseStarted", "secrets")));
        assert!(!counts(&event("watch", "ResponseComplete", "secrets")));
        assert!(!counts(&event("get", "ResponseComplete", "leases")));
        let path = json!({"verb": "get", "requestURI": "/version"});
        assert_eq!(what_is_read(&path), "get /version");
    }

    #[test]
    fn what_stores_nothing_is_no_write() {
        let event = |resource: &str, subresource: &str| json!({"verb": "create", "objectRef": {"resource": resource, "subresource": subresource}});
        assert!(!stores(&event("leases", "")));
        assert!(!stores(&event("serviceaccounts", "token")));
        assert!(stores(&event("serviceaccounts", "")));
        assert!(stores(&event("aggregatedservers", "status")));
    }
}
