//! Behaviours of sigs.k8s.io/structured-merge-diff, each under its name; and data that the Go library made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod fieldpath_json;
mod fieldpath_set;
mod merge_apply;
mod merge_changes;
mod merge_update;
mod oracle;
mod support;
mod typed_compare;
mod typed_fields;
mod typed_merge;
mod typed_schema;
mod typed_validate;
