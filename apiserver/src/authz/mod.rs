//! May they: SubjectAccessReview, and the proof that it was asked.

use crate::request::{RequestInfo, User};

/// The proof that a request was authenticated and authorized. The only way to a request's body leads through it.
#[derive(Debug)]
pub struct Authorized {
    user: User,
    info: RequestInfo,
}

impl Authorized {
    /// For tests of what comes after.
    #[cfg(test)]
    pub(crate) fn for_test(user: User, info: RequestInfo) -> Self {
        Self { user, info }
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// For what.
    #[must_use]
    pub fn info(&self) -> &RequestInfo {
        &self.info
    }
}
