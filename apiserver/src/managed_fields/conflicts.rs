//! Conflicts in Kubernetes' words (Go: `managedfields/internal/conflict.go`).

use annex_structured_merge_diff::merge::Conflicts;

use super::entry::{ManagerId, UPDATE};
use crate::status::{Limit, MOST_LISTED, Quoted, StatusCause};

/// What is said of all of them together. As of other errors, the first 100 are listed.
pub(super) fn message(conflicts: &Conflicts) -> String {
    let count = conflicts.count();
    let listed = conflicts.first(MOST_LISTED);
    if let ([conflict], 1) = (&*listed, count) {
        let manager = shown(&conflict.manager);
        return format!(
            "Apply failed with 1 conflict: conflict with {manager}: {}",
            conflict.path
        );
    }
    let mut lines = Vec::new();
    let mut limit = Limit::default();
    let mut manager = None;
    for conflict in &listed {
        let line = format!("- {}", conflict.path);
        if !limit.admits(line.len()) {
            break;
        }
        if manager != Some(&conflict.manager) {
            lines.push(format!("conflicts with {}:", shown(&conflict.manager)));
            manager = Some(&conflict.manager);
        }
        lines.push(line);
    }
    if limit.count() < count {
        lines.push(limit.rest());
    }
    format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
}

/// Each by itself, as far as they are listed.
pub(super) fn causes(conflicts: &Conflicts) -> Vec<StatusCause> {
    let mut limit = Limit::default();
    let mut causes = Vec::new();
    for conflict in conflicts.first(MOST_LISTED) {
        let field = conflict.path.to_string();
        if !limit.admits(field.len()) {
            break;
        }
        causes.push(StatusCause {
            reason: "FieldManagerConflict".into(),
            message: format!("conflict with {}", shown(&conflict.manager)),
            field,
        });
    }
    if limit.count() < conflicts.count() {
        causes.push(StatusCause {
            message: limit.rest(),
            ..StatusCause::default()
        });
    }
    causes
}

// `"kubectl" with subresource "status" using v1`
fn shown(identifier: &str) -> String {
    let id = ManagerId::parse(identifier);
    let mut shown = Quoted(&id.manager).to_string();
    if !id.subresource.is_empty() {
        shown.push_str(&format!(" with subresource {}", Quoted(&id.subresource)));
    }
    if id.operation == UPDATE {
        shown.push_str(&format!(" using {}", id.api_version));
    }
    shown
}
