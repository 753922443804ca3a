//! A finding: one thing that keeps a server from being as it should. Conditions are made of findings, and of nothing else.

use annex_crds::v1alpha1::{ConditionType, Reason};

/// One thing that was found, with the reason that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is called; it decides on which condition it stands, and before which others.
    pub reason: Reason,
    /// What a person needs to know.
    pub message: String,
    /// The group-version that it is about; `None` where it is about the whole server.
    pub group_version: Option<String>,
}

impl Finding {
    /// A finding about the whole server.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            group_version: None,
        }
    }

    /// A finding about one group-version.
    #[must_use]
    pub fn about(reason: Reason, group_version: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            group_version: Some(group_version.into()),
        }
    }
}

/// The finding with the highest precedence among those that stand on `condition` and concern `group_version` (`None`: any).
#[must_use]
pub fn first_on<'a>(
    findings: &'a [Finding],
    condition: ConditionType,
    group_version: Option<&str>,
) -> Option<&'a Finding> {
    findings
        .iter()
        .filter(|finding| finding.reason.condition() == condition)
        .filter(|finding| match (group_version, &finding.group_version) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        })
        .min_by_key(|finding| finding.reason)
}
