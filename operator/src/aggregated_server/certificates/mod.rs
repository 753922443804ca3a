//! The server's certificates: what the two Secrets hold, what they should hold, and the step of a rotation that follows.
//!
//! Everything here is derived from the Secrets, from what is published and from what endpoints serve. Nothing is
//! remembered in status.

pub mod advance;
pub mod apply;
pub mod authority;
pub mod control_plane;
mod gate;
pub mod issuance;
pub mod leaf;
#[cfg(test)]
pub(crate) mod model;
pub mod policy;
pub mod published;
pub mod reload;
pub mod remembered;
pub mod rotation;
pub mod secrets;
pub mod serving_record;
pub mod state;
#[cfg(test)]
pub(crate) mod testing;
pub mod widening;
pub mod writes;

pub use authority::{Authority, AuthorityFault, Replacement};
pub use issuance::Issued;
pub use leaf::{IssueCause, LeafFault, ServingLeaf};
pub use policy::Policy;
pub use remembered::Remembered;
pub use serving_record::ServingRecord;
pub use state::{CertificateState, Waits};
pub use widening::{Seen, Widening};
pub use writes::{AuthorityWrite, Serving, ServingWrite};
