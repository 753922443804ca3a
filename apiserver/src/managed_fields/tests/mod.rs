//! Field managers against those of Kubernetes, and by themselves.

mod fixture;
mod oracle;
mod statuses;
mod timestamps;
mod wardle;
