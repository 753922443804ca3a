//! A whole server in this process, on loopback, asked over TLS as any client asks it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "what does not hold is a test that fails"
)]

mod admission;
mod chain;
mod client;
mod cluster;
mod connect;
mod connections;
mod discovery;
mod early;
mod embedded;
mod extensions;
mod fixture;
mod health;
mod life;
mod seats;
mod websocket;
