//! Certificates: issuing and reading them. Pure: no client, no clock of its own.
//!
//! | module | question it answers |
//! |---|---|
//! | [`issue`] | make a certificate authority, make a serving certificate |
//! | [`inspect`] | what does this PEM hold, and does this key belong to it |
//! | [`bundle`] | which authorities are trusted together |
//! | [`verify`] | would a client that trusts this bundle accept this chain, and if not, why |
//! | [`serving`] | can a server work with this certificate and key |

pub mod bundle;
pub mod inspect;
pub mod issue;
pub mod key;
pub mod serving;
pub mod verify;

mod pem_blocks;
#[cfg(test)]
pub(crate) mod testing;

pub use inspect::{BundleError, Certificate, parse_bundle};
pub use issue::{CertificateAuthority, IssueError, Leaf, issue_ca, issue_leaf};
pub use key::{KeyError, KeyPem, key_matches};
pub use serving::{ServingFault, ServingPair, check_serving};
pub use verify::{TrustFault, verify_chain};
