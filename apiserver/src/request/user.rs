//! Who asks.

use std::collections::BTreeMap;

/// A user, as an authenticator found it: `user.Info` of k8s.io/apiserver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The name.
    pub name: String,
    /// A name that is never reused, where there is one.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whatever else the authenticator knows.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The group of all who proved who they are.
    pub const AUTHENTICATED: &'static str = "system:authenticated";
    /// The group of all who did not.
    pub const UNAUTHENTICATED: &'static str = "system:unauthenticated";
    /// The group that may do everything.
    pub const MASTERS: &'static str = "system:masters";

    /// Who has shown no credential.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".into(),
            groups: vec![Self::UNAUTHENTICATED.into()],
            ..Self::default()
        }
    }

    /// Whether it is in `group`.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|found| found == group)
    }
}
