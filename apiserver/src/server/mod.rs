//! Listening, and what every request passes.

pub mod tls;
