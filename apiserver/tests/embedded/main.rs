//! The embedded store and the system around it: processes that die, files that are damaged, disks that are full.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is tests, also what they share"
)]

mod damage;
mod full_disk;
mod kills;
mod ownership;
