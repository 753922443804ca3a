//! The API types of annex.dev.
