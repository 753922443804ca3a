//! May they: SubjectAccessReview, and the proof that it was asked.

use crate::request::{RequestInfo, User};

/// The proof that a request was authenticated and authorized. The only way to a request's body leads through it.
#[derive(Debug)]
pub struct Authorized {
    user: User,
    info: RequestInfo,
}

impl Authorized {
    /// A proof that nothing stands behind, for tests of what comes after authorization.
    #[cfg(test)]
    pub(crate) fn in_test(user: User, info: RequestInfo) -> Self {
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
