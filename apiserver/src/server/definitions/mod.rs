//! Resources that nobody programmed: CustomResourceDefinitions in files, or AggregatedResourceDefinitions in the cluster, served from
//! this server's storage as they change. Go: k8s.io/apiextensions-apiserver.
//!
//! | directory | what it does |
//! |---|---|
//! | `in_files` | definitions in files |
//! | `in_cluster` | definitions in the cluster, their report, and what becomes of their objects |

mod in_cluster;
mod in_files;

use crate::definition::{self, Definition};
use crate::resource::Resource;
use crate::status::FieldError;

pub use in_cluster::ClusterDefinitions;
pub(super) use in_cluster::{InCluster, REPORT_PATH};
pub(super) use in_files::InFiles;
pub use in_files::{DefinitionFiles, FilesError};

/// Where definitions are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DefinitionSource {
    /// In files.
    Files(DefinitionFiles),
    /// In the cluster that the server belongs to.
    Cluster(ClusterDefinitions),
}

impl From<DefinitionFiles> for DefinitionSource {
    fn from(files: DefinitionFiles) -> Self {
        Self::Files(files)
    }
}

impl From<ClusterDefinitions> for DefinitionSource {
    fn from(cluster: ClusterDefinitions) -> Self {
        Self::Cluster(cluster)
    }
}

/// A definition that cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} cannot be served: {}", listed(.errors))]
pub struct InvalidDefinition {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

fn listed(errors: &[FieldError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The group of what a server stores for itself, beside the objects of others.
const OWN_GROUP: &str = "annex.dev";

/// The resource that a definition describes.
///
/// # Errors
/// What is wrong with it.
fn described(definition: &Definition) -> Result<Resource, Vec<FieldError>> {
    let group = definition.spec.group.as_str();
    if group == OWN_GROUP {
        let detail = "is the group of Annex itself";
        return Err(vec![FieldError::invalid("spec.group", group, detail)]);
    }
    definition::resource(definition)
}

/// What a definition may not change, since objects are stored by it: as of an established CustomResourceDefinition.
fn immutable(before: &Definition, after: &Definition) -> Vec<FieldError> {
    let (before, after) = (&before.spec, &after.spec);
    let fields = [
        ("spec.scope", &before.scope, &after.scope),
        ("spec.names.kind", &before.names.kind, &after.names.kind),
    ];
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    changed
        .map(|(path, _, after)| FieldError::invalid(path, after.as_str(), "field is immutable"))
        .collect()
}
