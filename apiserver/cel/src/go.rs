//! Texts as Go writes and reads them, for whoever shows the same values: `fmt`, `strconv` and `time`.

pub use crate::value::{float, parse_duration, quote};
