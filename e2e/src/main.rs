//! `cargo e2e`.
fn main() {}
