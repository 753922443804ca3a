//! The embedded store and the system around it: processes that die, files that are damaged, disks that are full.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is tests, also what they share"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod damage;
mod full_disk;
mod kills;
mod ownership;
