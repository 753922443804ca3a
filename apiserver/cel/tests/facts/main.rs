//! What cel-go and Kubernetes say of expressions and rules, as `e2e/go/cel` wrote it down, against what this crate says.
//!
//! Each suite tells how many of its cases pass. A case that does not is a failure, unless it is named in `tests/data/known.txt` with why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod expressions;
mod known;
mod objects;
mod rules;
mod show;
