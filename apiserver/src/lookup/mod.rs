//! Answers that are asked for once and kept for a while: what reviews of tokens and of access share.

mod expiring;
mod flights;

pub(crate) use expiring::Expiring;
pub(crate) use flights::Flights;
