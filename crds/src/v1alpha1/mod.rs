//! `annex.dev/v1alpha1`.

mod aggregated_server;
mod certificates;
mod condition;
mod reason;
mod resource_definition;
mod schema;
mod status;
mod storage;
mod workload;

pub use aggregated_server::{
    Adoption, AggregatedServer, AggregatedServerSpec, ApiClaim, CrdShadow, DEFAULT_GROUP_PRIORITY,
    ServiceBackend, definition,
};
pub use certificates::{Certificates, Mount, Reload, SelfSigned};
pub use condition::ConditionType;
pub use reason::Reason;
pub use resource_definition::{
    AcceptedNames, AggregatedResourceDefinition, AggregatedResourceDefinitionSpec,
    AggregatedResourceDefinitionStatus, DefinitionCondition, resource_definition,
};
pub use status::{
    AggregatedServerStatus, ApiStatus, CertificatesStatus, Child, RotationStatus, RotationStep,
};
pub use storage::{EmbeddedStorage, EtcdStorage, OnDelete, Storage};
pub use workload::{RollingUpdate, ServingFlags, Strategy, StrategyType, Workload};
