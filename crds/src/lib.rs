//! The API types of annex.dev.

pub mod duration;
