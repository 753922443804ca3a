//! The cluster's own apiserver, which this one delegates to.

mod budget;
mod client;
mod failure;
mod review;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use budget::{Budget, ReviewBudgets};
pub use client::{ClientError, client};
pub(crate) use failure::{failure, is_forbidden};
pub(crate) use review::{ReviewFailed, create_review};
