//! What a program says of its server.

use std::sync::Arc;

use crate::admission::Admission;
use crate::config::Defaults;
use crate::openapi;
use crate::resource::Resource;

/// An extension apiserver, described.
///
/// ```no_run
/// # fn resource() -> annex_apiserver::resource::Resource { unimplemented!() }
/// use annex_apiserver::server::Server;
///
/// fn main() -> std::process::ExitCode {
///     Server::builder("greeter").resource(resource()).build().main()
/// }
/// ```
#[derive(Clone)]
pub struct Server {
    pub(super) name: String,
    pub(super) etcd_prefix: String,
    pub(super) openapi: openapi::Info,
    pub(super) resources: Vec<Arc<Resource>>,
    pub(super) admission: Vec<Arc<dyn Admission>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("name", &self.name)
            .field("resources", &self.resources)
            .finish_non_exhaustive()
    }
}

/// Describes a [`Server`].
#[derive(Clone)]
pub struct Builder {
    server: Server,
    etcd_prefix: Option<String>,
}

impl Server {
    /// Begins the description of the server of the program `name`.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> Builder {
        let name = name.into();
        let openapi = openapi::Info {
            title: name.clone(),
            version: "unversioned".into(),
        };
        Builder {
            server: Self {
                name,
                openapi,
                etcd_prefix: String::new(),
                resources: Vec::new(),
                admission: Vec::new(),
            },
            etcd_prefix: None,
        }
    }

    /// What flags are completed with.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults {
            name: self.name.clone(),
            etcd_prefix: self.etcd_prefix.clone(),
        }
    }
}

impl Builder {
    /// Serves a resource.
    #[must_use]
    pub fn resource(mut self, resource: Resource) -> Self {
        self.server.resources.push(Arc::new(resource));
        self
    }

    /// What OpenAPI documents say of the API: its title and version. Without it the program's name, unversioned.
    #[must_use]
    pub fn openapi(mut self, title: impl Into<String>, version: impl Into<String>) -> Self {
        self.server.openapi = openapi::Info {
            title: title.into(),
            version: version.into(),
        };
        self
    }

    /// Asks this plugin before each write too, after those before it.
    #[must_use]
    pub fn admission(mut self, plugin: impl Admission) -> Self {
        self.server.admission.push(Arc::new(plugin));
        self
    }

    /// What keys in etcd begin with where no flag says it; without it `/registry/` and the first resource's group, as
    /// the Go sample-apiserver has it.
    #[must_use]
    pub fn etcd_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.etcd_prefix = Some(prefix.into());
        self
    }

    /// The server.
    #[must_use]
    pub fn build(self) -> Server {
        let mut server = self.server;
        let group = server
            .resources
            .first()
            .map_or("", |resource| resource.group.as_str());
        server.etcd_prefix = self.etcd_prefix.unwrap_or_else(|| format!("/registry/{group}"));
        server
    }
}
