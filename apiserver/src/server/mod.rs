//! The server: what a program says of it, how it starts and ends, what every request passes.
//!
//! ```text
//! builder -> start (delegation, storage, listener) -> listener -> connection -> chain -> endpoint, routes
//! ```

mod background;
mod builder;
mod chain;
mod checks;
mod connection;
mod definitions;
mod delegation;
mod documents;
mod handler;
mod health;
mod installer;
mod layer;
mod lifecycle;
mod listener;
mod loopback;
mod metrics;
mod open_files;
mod program;
mod response_body;
mod routes;
mod running;
mod served;
mod server_state;
mod standalone;
mod start;
mod storage;
mod stored_versions;
mod tasks;
pub mod tls;
mod version;
mod websocket;

pub use builder::{Builder, Described, Server};
pub use definitions::{ClusterDefinitions, DefinitionFiles, DefinitionSource, FilesError, InvalidDefinition};
pub use layer::{BoxError, HandlerService, LayerBody};
pub use listener::Address;
pub use loopback::{Loopback, NotStarted};
pub use running::Running;
pub use start::{NOT_YET, StartError};
pub use tasks::TaskContext;
