//! What a request means, before anybody acts on it. No IO here.

mod duration;
mod info;
pub mod media;
mod names;
pub mod options;
pub(crate) mod parameters;
pub mod selector;
mod user;
pub mod websocket;

pub use duration::{GoDuration, GoDurationError};
pub use info::{PathVerb, RequestInfo, RequestInfoError, Verb};
pub use names::{GroupKind, GroupResource};
pub use user::User;
