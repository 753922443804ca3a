//! The API types of `annex.dev`, and nothing else: no client, no runtime.
//!
//! | kind | scope | says |
//! |---|---|---|
//! | [`AggregatedServer`](v1alpha1::AggregatedServer) | cluster | which extension apiserver runs, and which group-versions it serves |
//! | [`AggregatedResourceDefinition`](v1alpha1::AggregatedResourceDefinition) | cluster | a resource, and which server serves it |
//!
//! `crds/yaml/` is generated from these types by the `crdgen` program and checked for drift.

#![allow(
    unreachable_pub,
    reason = "the schema derive repeats each struct in a private scope"
)]

pub mod duration;
pub mod v1alpha1;

/// The API group of Annex.
pub const GROUP: &str = "annex.dev";
/// The field manager of everything that the operator writes; also the value of the label
/// `app.kubernetes.io/managed-by` on it.
pub const MANAGER: &str = "annex-operator";
/// Label of every child: the name of its AggregatedServer.
pub const SERVER_LABEL: &str = "annex.dev/server";
/// Annotation of an AggregatedServer: any new value renews the serving certificate.
pub const ROTATE_LEAF_ANNOTATION: &str = "annex.dev/rotate-leaf";
/// Annotation of an AggregatedServer: any new value replaces the certificate authority.
pub const ROTATE_CA_ANNOTATION: &str = "annex.dev/rotate-ca";
/// Annotation of an AggregatedServer: with the value `true`, nothing that belongs to it is written.
pub const PAUSED_ANNOTATION: &str = "annex.dev/paused";
/// Annotation of an AggregatedServer whose workload names no image: any new value takes the newest one, and restarts its pods.
pub const UPDATE_IMAGE_ANNOTATION: &str = "annex.dev/update-image";
/// Annotation of a Deployment or StatefulSet, and of its pods, whose AggregatedServer names no image: the one that they have.
pub const SERVER_IMAGE_ANNOTATION: &str = "annex.dev/server-image";
/// Annotation of an APIService of definitions: a digest of what they say. The aggregator reads discovery at once when it changes.
pub const DEFINITIONS_ANNOTATION: &str = "annex.dev/definitions";
/// Finalizer of an AggregatedResourceDefinition, which only the operator writes and removes: its objects are to be deleted with it.
pub const OBJECTS_FINALIZER: &str = "annex.dev/objects";
/// Annotation of an AggregatedResourceDefinition that is being deleted, with its uid: servers may delete its objects.
pub const DELETE_OBJECTS_ANNOTATION: &str = "annex.dev/delete-objects";
/// Annotation of an AggregatedResourceDefinition, whatever its value: its deletion leaves its objects stored.
pub const KEEP_OBJECTS_ANNOTATION: &str = "annex.dev/keep-objects";
/// Annotation of a Deployment or StatefulSet, and of its pods: the revision of the defaults that Annex gave it.
pub const DEFAULTS_REVISION_ANNOTATION: &str = "annex.dev/defaults-revision";
/// Annotation of a Deployment or StatefulSet: a digest of what `spec.workload` says of its pods.
pub const WORKLOAD_PODS_ANNOTATION: &str = "annex.dev/workload-pods";
/// Annotation of an APIService on trial: when the trial began (RFC 3339). It goes at the first `Available`.
pub const TRIAL_ANNOTATION: &str = "annex.dev/trial";
