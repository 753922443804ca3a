//! What the server serves: one resource for each module.

pub mod greetings;

use annex_apiserver::server::Server;

/// The server.
#[must_use]
pub fn server() -> Server {
    Server::builder("greeter")
        .openapi("Greeter", env!("CARGO_PKG_VERSION"))
        .resource(greetings::resource())
        .build()
}
