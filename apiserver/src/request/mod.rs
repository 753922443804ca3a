//! What a request means, before anybody acts on it. No IO here.

mod info;
pub mod media;
mod names;
pub mod options;
pub mod selector;
mod user;

pub use info::{RequestInfo, Verb};
pub use names::{GroupKind, GroupResource};
pub use user::User;
