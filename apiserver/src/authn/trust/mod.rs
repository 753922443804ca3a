//! Whom this server believes: authorities of client certificates and of front proxies, as they are now.

mod authorities;
mod store;

pub(super) use authorities::{Authorities, AuthoritiesError, CertificateRejected};
pub(super) use store::{FrontProxy, Trust, TrustStore};
