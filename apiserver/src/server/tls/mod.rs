//! The server's side of TLS: certificates that change under it, and client certificates that it only looks at.
//!
//! As in Go's apiservers a client certificate never fails the handshake: which ones are trusted is a question of
//! authentication, and a caller with a strange one may still have a good token. All that the handshake proves is that
//! the client holds the key of what it shows.

mod ciphers;
mod client_certificates;
mod files;
mod options;
mod pair;
mod resolver;
mod self_signed;
mod serving;

pub use options::{MinVersion, Options, PairFiles, SniPair, cipher_suites};
pub use self_signed::{SelfSigned, self_signed};
pub use serving::{Tls, TlsError};
