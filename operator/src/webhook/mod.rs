//! The validating webhook for AggregatedResourceDefinitions: what a CustomResourceDefinition would be refused for is refused where it is
//! written, in the same words. Nothing depends on it: its configuration has failurePolicy Ignore, and what slips through stands in status.
//!
//! | file | what it does |
//! |---|---|
//! | `review` | an AdmissionReview -> its answer; pure |
//! | `serve` | answers on its address, on every replica of the operator |
//! | `keys` | what the Secret holds: a certificate, its key, and who vouches for it; pure |
//! | `keep` | the leader keeps the Secret, and the bundle in the configuration |

pub mod keep;
pub mod keys;
pub mod review;
pub mod serve;
#[cfg(test)]
mod tests;

pub use keep::keep;
pub use serve::{Certificate, follow, serve};

/// The Secret with certificate and key, in the operator's own namespace. The chart makes it, empty, so that it goes with it.
pub const SECRET: &str = "annex-webhook";
/// The Service in front of every replica of the operator.
pub const SERVICE: &str = "annex-webhook";
/// The ValidatingWebhookConfiguration, which the chart makes without a bundle.
pub const CONFIGURATION: &str = "annex-operator";
