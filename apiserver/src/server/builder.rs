//! What a program says of its server.

use std::sync::Arc;

use super::definitions::DefinitionSource;
use super::health::Check;
use super::layer::WaitingLayer;
use super::loopback::LoopbackSender;
use super::metrics::OwnMetrics;
use super::tasks::Task;
use crate::admission::{Admission, Lister, Registries};
use crate::config::Defaults;
use crate::object::Object;
use crate::openapi;
use crate::request::GroupResource;
use crate::resource::Resource;
use crate::resource::typed::{DescriptionError, Kind};

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
    /// Plugins by their names, in the order in which they are asked.
    pub(super) admission: Vec<(String, Arc<dyn Admission>)>,
    /// Where plugins find the registries once the server has started.
    pub(super) registries: Registries,
    /// What they read, and in which version.
    pub(super) listed: Vec<(GroupResource, String)>,
    /// Where more resources are described.
    pub(super) definitions: Option<DefinitionSource>,
    /// Health checks of the author's own.
    pub(super) checks: Vec<Check>,
    pub(super) metrics: OwnMetrics,
    /// What is around the handler chain, the outermost first.
    pub(super) layers: Vec<WaitingLayer>,
    /// Background tasks of the author's own.
    pub(super) tasks: Vec<Task>,
    /// Where those who ask the server from within find it once it has started.
    pub(super) loopback: LoopbackSender,
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
    pub(super) server: Server,
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
                registries: Registries::default(),
                listed: Vec::new(),
                definitions: None,
                checks: Vec::new(),
                metrics: OwnMetrics::default(),
                layers: Vec::new(),
                tasks: Vec::new(),
                loopback: LoopbackSender::default(),
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
            stores: self.definitions.is_some()
                || self.resources.iter().any(|resource| resource.rest.is_stored()),
            admission_plugins: self.admission.iter().map(|(name, _)| name.clone()).collect(),
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

    /// Serves too what definitions describe, in [files](super::DefinitionFiles) or in the [cluster](super::ClusterDefinitions), as it
    /// changes.
    #[must_use]
    pub fn definitions(mut self, source: impl Into<DefinitionSource>) -> Self {
        self.server.definitions = Some(source.into());
        self
    }

    /// Asks this plugin about each write too, after those before it. It is on by default; `name` is what
    /// `--disable-admission-plugins` calls it.
    #[must_use]
    pub fn admission(mut self, name: impl Into<String>, plugin: impl Admission) -> Self {
        self.server.admission.push((name.into(), Arc::new(plugin)));
        self
    }

    /// What reads the stored objects of a resource as values of `T`, one of its versions, for a plugin. It can answer once the server
    /// has started.
    ///
    /// ```
    /// # use annex_apiserver::resource::typed;
    /// # use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use annex_apiserver::server::Server;
    ///
    /// # #[derive(Clone, Deserialize, Serialize, JsonSchema)]
    /// # struct Room { metadata: ObjectMeta }
    /// # annex_apiserver::kind!(Room: "example.com", "v1", "rooms", Namespaced);
    /// # #[derive(Clone, Deserialize, Serialize, JsonSchema)]
    /// # struct Booking { metadata: ObjectMeta, room: String }
    /// # annex_apiserver::kind!(Booking: "example.com", "v1", "bookings", Namespaced);
    /// let mut server = Server::builder("hotel")
    ///     .resource(typed::resource::<Room>().build())
    ///     .resource(typed::resource::<Booking>().build());
    /// let rooms = server.lister::<Room>();
    /// let plugin = typed::Admission::new().validate_create(move |request, booking: Booking| {
    ///     let rooms = rooms.clone();
    ///     async move {
    ///         if !rooms.wait_for_ready().await {
    ///             return Err(request.not_ready());
    ///         }
    ///         match rooms.get(&request.namespace, &booking.room).await? {
    ///             Some(_) => Ok(()),
    ///             None => Err(request.forbidden(format!("there is no room {:?}", booking.room))),
    ///         }
    ///     }
    /// });
    /// let server = server.admission("RoomExists", plugin).build();
    /// assert_eq!(server.defaults().admission_plugins, ["RoomExists"]);
    /// ```
    pub fn lister<T: Kind>(&mut self) -> Lister<T> {
        let resource = GroupResource::new(T::group(&()), T::plural(&()));
        self.lister_by(resource, T::version(&()).into_owned(), |json| {
            serde_json::from_slice(&json)
        })
    }

    /// The same of a resource without a Rust type, in one of its versions.
    pub fn object_lister(&mut self, resource: GroupResource, version: impl Into<String>) -> Lister<Object> {
        self.lister_by(resource, version.into(), |json| {
            serde_json::from_slice(&json).map(Object)
        })
    }

    fn lister_by<T: Send + Sync + 'static>(
        &mut self,
        resource: GroupResource,
        version: String,
        decode: fn(bytes::Bytes) -> Result<T, serde_json::Error>,
    ) -> Lister<T> {
        self.server.listed.push((resource.clone(), version.clone()));
        Lister::new(self.server.registries.clone(), resource, version, decode)
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
