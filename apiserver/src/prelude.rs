//! What most servers need: `use annex_apiserver::prelude::*;`.
//!
//! ```
//! use annex_apiserver::prelude::*;
//! use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Deserialize, Serialize, JsonSchema)]
//! struct Note {
//!     metadata: ObjectMeta,
//!     text: String,
//! }
//!
//! kind!(Note: "notes.example.com", "v1", "notes", Namespaced);
//!
//! fn notes() -> Result<Resource, DescriptionError> {
//!     typed::resource::<Note>()
//!         .validate(|note| match note.text.as_str() {
//!             "" => vec![FieldError::required("text", "a note says something")],
//!             _ => vec![],
//!         })
//!         .build()
//! }
//!
//! let server = Server::builder("notes").resource(notes()).build();
//! assert_eq!(server.defaults().etcd_prefix, "/registry/notes.example.com");
//! ```
//!
//! Of two that have one name it has the one that is used by itself: `Lister` is what a plugin reads by, and the verb is `rest::Lister`;
//! `Admission` is the trait, and the plugin of functions is `typed::Admission`.

pub use crate::admission::{Admission, Attributes, Lister, Operation};
pub use crate::config::{Args, Backend, Cluster, Config};
pub use crate::kind;
pub use crate::object::Object;
pub use crate::request::selector::{FieldSelector, LabelSelector};
pub use crate::request::{GroupKind, GroupResource, User, Verb};
pub use crate::resource::typed::{self, AdmissionRequest, Connect, Converts, DescriptionError, Kind, Verbs};
pub use crate::resource::{Column, ObjectNames, Policy, Resource, ScalePaths, Scope, Strategy};
pub use crate::rest::{self, ConnectRequest, Connecter, Deletion, List, RequestContext, WatchEvent};
pub use crate::server::{
    BoxError, Builder, HandlerService, LayerBody, Loopback, Running, Server, StartError, TaskContext,
};
pub use crate::status::{ApiError, FieldError, FieldErrorKind};
