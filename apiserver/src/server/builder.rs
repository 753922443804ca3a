//! What a program says of its server.

use std::sync::Arc;

use crate::admission::Admission;
use crate::config::Defaults;
use crate::openapi;
use crate::resource::Resource;
use crate::resource::typed::DescriptionError;

/// An extension apiserver, described.
///
/// ```
/// use annex_apiserver::resource::Resource;
/// use annex_apiserver::server::Server;
///
/// fn run(greetings: Resource) -> std::process::ExitCode {
///     Server::builder("greeter").resource(greetings).build().main()
/// }
/// ```
pub struct Server {
    pub(super) name: String,
    pub(super) etcd_prefix: String,
    pub(super) resources: Vec<Arc<Resource>>,
    pub(super) admission: Vec<Arc<dyn Admission>>,
    pub(super) info: openapi::Info,
    pub(super) faults: Vec<DescriptionError>,
}

/// A resource, or why its description makes none: which the server says when it is to start.
#[derive(Debug)]
pub struct Described(Result<Resource, DescriptionError>);

impl From<Resource> for Described {
    fn from(resource: Resource) -> Self {
        Self(Ok(resource))
    }
}

impl From<Result<Resource, DescriptionError>> for Described {
    fn from(built: Result<Resource, DescriptionError>) -> Self {
        Self(built)
    }
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
pub struct Builder {
    server: Server,
    etcd_prefix: Option<String>,
}

impl Server {
    /// Begins the description of the server of the program `name`.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> Builder {
        let name = name.into();
        Builder {
            server: Self {
                info: openapi::Info {
                    title: name.clone(),
                    version: "unversioned".into(),
                },
                name,
                etcd_prefix: String::new(),
                resources: Vec::new(),
                admission: Vec::new(),
                faults: Vec::new(),
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
            stores: self.resources.iter().any(|resource| resource.rest.is_stored()),
        }
    }
}

impl Builder {
    /// Serves a resource; a description that makes none is an error of the start.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<Described>) -> Self {
        match resource.into().0 {
            Ok(resource) => self.server.resources.push(Arc::new(resource)),
            Err(fault) => self.server.faults.push(fault),
        }
        self
    }

    /// Asks this plugin before each write too, after those before it.
    #[must_use]
    pub fn admission(mut self, plugin: impl Admission) -> Self {
        self.server.admission.push(Arc::new(plugin));
        self
    }

    /// What OpenAPI documents are called, and in which version they are; without it the program's name, `unversioned`.
    #[must_use]
    pub fn openapi(mut self, title: impl Into<String>, version: impl Into<String>) -> Self {
        self.server.info = openapi::Info {
            title: title.into(),
            version: version.into(),
        };
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
