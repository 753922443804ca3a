//! A whole server in this process, on loopback, asked over TLS as any client asks it.

mod chain;
mod client;
mod discovery;
mod fixture;
mod health;
mod life;
