//! What a server really answers: TLS handshakes and discovery requests against its endpoints.
//!
//! | module | question it answers |
//! |---|---|
//! | [`tls`] | which certificate does this endpoint serve right now |
//! | [`verified`] | will it speak HTTP behind a certificate that the bundle vouches for |
//! | [`discovery`] | does it serve this group-version |
//! | [`bypass`] | does it take the word of whoever connects for who is calling |
//! | [`health`] | what does it say is wrong with itself |
//!
//! A peer may be anything: it is given little time and little memory, and a secret only once it has proved who it
//! is. Every future here may be dropped at any point; nothing of it lives on.

pub mod bypass;
pub mod discovery;
pub mod health;
pub mod tls;
pub mod verified;

mod connection_tasks;
mod error_text;
#[cfg(test)]
pub(crate) mod testing;

use std::time::Duration;

/// How long a peer may take, for each step and in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the TCP connection.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For a request, from sending it to the last byte of the answer.
    pub request: Duration,
    /// For all of it: one whose every step just keeps its limit must end too.
    pub whole: Duration,
}

impl Default for Limits {
    /// Thirty seconds in all, and five for each step, as the kube-aggregator gives a discovery request
    /// (`k8s.io/kube-aggregator/pkg/controllers/status/remote`).
    fn default() -> Self {
        let five = Duration::from_secs(5);
        Self {
            connect: five,
            handshake: five,
            request: five,
            whole: Duration::from_secs(30),
        }
    }
}
