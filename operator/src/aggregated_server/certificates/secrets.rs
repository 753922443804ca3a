//! The two Secrets as objects. They are no pure function of the AggregatedServer, so they are created, or updated with a
//! resourceVersion precondition, and never force-applied: two operators in a hand-over must not overwrite each other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{ResourceExt as _, core::ObjectMeta};

use super::{
    authority::{self, Authority},
    leaf::{self, IssueCause, rotation_count},
    policy::Policy,
};
use crate::{
    aggregated_server::names::Names,
    applier,
    pki::{Certificate, Leaf, bundle},
};

/// A Secret of an earlier server of this name as this one's, with the resourceVersion that it was read with.
#[must_use]
pub fn adopted(live: &Secret, names: &Names) -> Secret {
    let mut secret = live.clone();
    let references = applier::adopted(live.owner_references(), &names.owner_reference());
    secret.metadata.owner_references = Some(references);
    secret
}

fn fresh(name: String, namespace: &str, type_: &str, names: &Names) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace.to_owned()),
            labels: Some(names.labels()),
            owner_references: Some(vec![names.owner_reference()]),
            ..ObjectMeta::default()
        },
        type_: Some(type_.to_owned()),
        ..Secret::default()
    }
}

fn set_annotation(secret: &mut Secret, key: &str, value: Option<String>) {
    match value {
        Some(value) => secret.annotations_mut().insert(key.to_owned(), value),
        None => secret.annotations_mut().remove(key),
    };
}

/// The authority's Secret with `authority` in it; `live` is what it replaces, with its resourceVersion.
#[must_use]
pub fn authority_secret(live: Option<&Secret>, authority: &Authority, names: &Names) -> Secret {
    let mut secret = live
        .cloned()
        .unwrap_or_else(|| fresh(names.ca_secret(), &names.operator_namespace, "Opaque", names));
    let mut data = BTreeMap::from([
        (
            authority::CERTIFICATE_KEY.to_owned(),
            ByteString(authority.current.cert_pem().as_bytes().to_vec()),
        ),
        (
            authority::PRIVATE_KEY_KEY.to_owned(),
            ByteString(authority.current.key_pem().expose().as_bytes().to_vec()),
        ),
    ]);
    if !authority.previous.is_empty() {
        let previous = bundle::to_pem(&authority.previous).into_bytes();
        data.insert(authority::PREVIOUS_KEY.to_owned(), ByteString(previous));
    }
    secret.data = Some(data);
    set_annotation(
        &mut secret,
        authority::HANDLED_ANNOTATION,
        authority.handled_request.clone(),
    );
    set_annotation(
        &mut secret,
        authority::ISSUED_AT_ANNOTATION,
        authority.issued_at.map(|at| at.to_string()),
    );
    set_annotation(
        &mut secret,
        authority::ISSUED_BECAUSE_ANNOTATION,
        authority.issued_because.clone(),
    );
    secret
}

/// The serving Secret with a new leaf in it.
#[must_use]
pub fn serving_secret(
    live: Option<&Secret>,
    leaf: &Leaf,
    cause: IssueCause,
    published: &[Certificate],
    policy: &Policy,
    names: &Names,
    now: Timestamp,
) -> Secret {
    let count = live.map_or(0, |live| rotation_count(Some(live)).saturating_add(1));
    let mut secret = live.cloned().unwrap_or_else(|| {
        fresh(
            names.serving_secret.clone(),
            &names.namespace,
            "kubernetes.io/tls",
            names,
        )
    });
    secret.data = Some(BTreeMap::from([
        (
            leaf::CERTIFICATE_KEY.to_owned(),
            ByteString(leaf.cert_pem.as_bytes().to_vec()),
        ),
        (
            leaf::PRIVATE_KEY_KEY.to_owned(),
            ByteString(leaf.key_pem.expose().as_bytes().to_vec()),
        ),
        (
            leaf::CA_KEY.to_owned(),
            ByteString(bundle::to_pem(published).into_bytes()),
        ),
    ]));
    set_annotation(&mut secret, leaf::HANDLED_ANNOTATION, policy.leaf_request.clone());
    set_annotation(&mut secret, leaf::COUNT_ANNOTATION, Some(count.to_string()));
    set_annotation(&mut secret, leaf::ISSUED_AT_ANNOTATION, Some(now.to_string()));
    set_annotation(
        &mut secret,
        leaf::ISSUED_BECAUSE_ANNOTATION,
        Some(cause.as_str().to_owned()),
    );
    secret
}

/// The serving Secret with another bundle beside the same leaf; `None` where the bundle is there already.
#[must_use]
pub fn republished(live: &Secret, published: &[Certificate]) -> Option<Secret> {
    let pem = ByteString(bundle::to_pem(published).into_bytes());
    let data = live.data.as_ref()?;
    if data.get(leaf::CA_KEY) == Some(&pem) {
        return None;
    }
    let mut secret = live.clone();
    secret
        .data
        .get_or_insert_default()
        .insert(leaf::CA_KEY.to_owned(), pem);
    Some(secret)
}
