//! A real single-node Kubernetes, and the tests that need one.
pub mod charts;

pub mod images;
pub mod server;
