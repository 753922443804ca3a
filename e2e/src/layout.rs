//! The names of everything that one cluster owns on this machine.
//!
//! Two clusters have different names, hence different directories, cgroups and interfaces, and different numbers,
//! hence different addresses. Whatever a cluster leaves behind can be found by its name alone.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::{files, paths};

/// The name of the cluster that a person means who names none.
pub const DEFAULT_NAME: &str = "annex";

/// Clusters beside each other: each has a service range of its own from 10.96.0.0/16 on.
const NUMBERS: u8 = 16;

/// A cluster that cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name would not fit an interface's name.
    #[error("{0:?} is no cluster name: 1 to 11 of a-z, 0-9 and -, beginning with a letter")]
    Name(String),
    /// No home.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// The cluster's or its neighbours' number could not be read or written.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// All numbers are taken.
    #[error("{NUMBERS} clusters stand on this machine, which is as many as there are addresses for")]
    NoNumberLeft,
}

/// Where a cluster is on this machine.
#[derive(Debug, Clone)]
pub struct Layout {
    name: String,
    number: u8,
    state: PathBuf,
    cache: PathBuf,
}

impl Layout {
    /// The layout of the cluster of this name, whether it stands or not.
    ///
    /// # Errors
    /// A bad name, no home directory, or no free addresses.
    pub fn new(name: &str) -> Result<Self, Error> {
        if !valid(name) {
            return Err(Error::Name(name.to_owned()));
        }
        let root = paths::state()?;
        let state = root.join(name);
        let number = match files::read_json(&state.join("number"))? {
            Some(number) => number,
            None if name == DEFAULT_NAME => 0,
            None => free_number(&root)?,
        };
        Ok(Self {
            name: name.to_owned(),
            number,
            state,
            cache: paths::cache()?,
        })
    }

    /// Takes the cluster's number, so that no other cluster gets its addresses.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn claim(&self) -> Result<(), files::Error> {
        files::write_json(&self.state.join("number"), &self.number)
    }

    /// The cluster's name, which is its node's too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory that holds all of the cluster, and is gone with it.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// A path in the cluster's directory.
    #[must_use]
    pub fn path(&self, below: &str) -> PathBuf {
        self.state.join(below)
    }

    /// Held while a cluster is made or taken down. Beside the directory, since that one comes and goes.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.state.with_extension("lock")
    }

    /// What clusters share: built programs and image archives.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.cache.clone()
    }

    /// The administrator's kubeconfig, which works from this machine.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// The log of a component.
    #[must_use]
    pub fn log(&self, component: &str) -> PathBuf {
        self.path("log").join(format!("{component}.log"))
    }

    /// kube-apiserver's audit log: a JSON event per line, of every request that is no read.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.path("log/audit.log")
    }

    /// The cgroup, in every hierarchy, below which everything of the cluster runs.
    #[must_use]
    pub fn cgroup(&self) -> String {
        format!("annex-e2e-{}", self.name)
    }

    /// This machine's end of the wire to the node.
    #[must_use]
    pub fn host_interface(&self) -> String {
        format!("e2e-{}", self.name)
    }

    /// This machine's address on the wire to the node.
    #[must_use]
    pub fn host_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 245, self.number, 1)
    }

    /// The node's address on the wire: where its API is reached from this machine.
    #[must_use]
    pub fn outer_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 245, self.number, 2)
    }

    /// The node's address on the wire to a second kube-apiserver.
    #[must_use]
    pub fn second_gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 246, self.number, 1)
    }

    /// The address of a second kube-apiserver.
    #[must_use]
    pub fn second_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 246, self.number, 2)
    }

    /// Both ends of the wire to a second kube-apiserver.
    #[must_use]
    pub fn second_range(&self) -> String {
        format!("10.246.{}.0/30", self.number)
    }

    /// The node's address in its cluster.
    #[must_use]
    pub fn node_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 244, self.number, 1)
    }

    /// The pods' addresses, the node's among them.
    #[must_use]
    pub fn pod_range(&self) -> String {
        format!("10.244.{}.0/24", self.number)
    }

    /// The services' addresses.
    #[must_use]
    pub fn service_range(&self) -> String {
        format!("10.{}.0.0/16", 96 + self.number)
    }

    /// The address of the service `kubernetes`.
    #[must_use]
    pub fn api_service_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 96 + self.number, 0, 1)
    }

    /// The address of the cluster's DNS.
    #[must_use]
    pub fn dns_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 96 + self.number, 0, 10)
    }
}

fn valid(name: &str) -> bool {
    // An interface's name has at most 15 bytes, and ours adds four.
    (1..=11).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn free_number(root: &std::path::Path) -> Result<u8, Error> {
    let mut taken = vec![0];
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        taken.extend(files::read_json::<u8>(&entry.path().join("number")).unwrap_or_default());
    }
    (1..NUMBERS)
        .find(|number| !taken.contains(number))
        .ok_or(Error::NoNumberLeft)
}

#[cfg(test)]
mod tests {
    use super::valid;

    #[test]
    fn names_fit_an_interface_and_a_node() {
        for good in ["annex", "a", "two-cluster", "x2"] {
            assert!(valid(good), "{good}");
        }
        for bad in ["", "Annex", "2nd", "a_b", "twelve-chars", "a-", "../up"] {
            assert!(!valid(bad), "{bad}");
        }
    }
}
