//! Who owns what after an update or an apply, and what an apply removes (Go: `merge`).

mod conflict;
mod converter;
mod error;
mod prune;
mod updater;

pub use conflict::{Conflict, Conflicts};
pub use converter::{ConversionError, Converter};
pub use error::{Error, Prune, Step};
pub use updater::{Applied, Updater};
