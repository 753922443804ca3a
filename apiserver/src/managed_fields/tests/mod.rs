//! Field managers against those of Kubernetes, and by themselves.

mod oracle;
mod wardle;
