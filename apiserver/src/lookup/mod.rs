//! Answers that are asked for once and kept for a while: what reviews of tokens and of access share.

mod singleflight;
mod ttl_cache;

pub(crate) use singleflight::Singleflight;
pub(crate) use ttl_cache::TtlCache;
