//! What Go made, against what this crate makes of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod oracle;
