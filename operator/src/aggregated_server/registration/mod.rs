//! The APIServices of a server: whether a claim may be registered, and the writes that follow.

pub mod apply;
pub mod decide;

pub use apply::Registrar;
pub use decide::{FailedTrials, Refused, RegistrationState};
