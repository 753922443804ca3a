//! `APIGroupDiscoveryList`: all of discovery in one document.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};

use super::groups::Group;
use crate::request::media::{Format, PROTOBUF};
use crate::resource::{Advertised, Resource, Scope};

/// Its media type, as the answer repeats it.
pub(super) const MEDIA_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The same in protobuf.
pub(super) const PROTOBUF_MEDIA_TYPE: &str =
    "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/apis`, with everything in it.
pub(super) fn group_list(groups: &[Group]) -> Value {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = version
                        .resources
                        .iter()
                        .map(|resource| described(resource, &version.name))
                        .collect();
                    json!({ "version": version.name, "resources": resources, "freshness": "Current" })
                })
                .collect();
            json!({ "metadata": { "name": group.name }, "versions": versions })
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn described(resource: &Resource, version: &str) -> Value {
    let scope = match resource.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    // Empty: those of the list. As Go writes it; old clients need the field. apiextensions writes it out.
    let own_kind = if resource.policy.unstructured {
        [resource.group.as_str(), version, &resource.names.kind]
    } else {
        ["", "", &resource.names.kind]
    };
    let mut value = json!({
        "resource": resource.names.plural,
        "responseKind": kind(own_kind),
        "scope": scope,
        "singularResource": resource.names.singular,
        "verbs": resource.advertised_verbs(),
    });
    for (field, names) in [
        ("shortNames", &resource.names.short_names),
        ("categories", &resource.names.categories),
    ] {
        if !names.is_empty() {
            value[field] = json!(names);
        }
    }
    let served = resource.advertised(version);
    let subresources: Vec<Value> = served
        .iter()
        .map(|served| subresource(served, own_kind))
        .collect();
    if !subresources.is_empty() {
        value["subresources"] = subresources.into();
    }
    value
}

fn subresource(served: &Advertised<'_>, own_kind: [&str; 3]) -> Value {
    let kind = kind(served.kind.unwrap_or(own_kind));
    json!({ "subresource": served.name, "responseKind": kind, "verbs": served.verbs })
}

fn kind([group, version, kind]: [&str; 3]) -> Value {
    json!({ "group": group, "version": version, "kind": kind })
}

/// In which format the client's first choice that can be made is this document; `None`: it is another one. Clauses with a
/// lower `q` come later.
pub(super) fn format(headers: &HeaderMap) -> Option<Format> {
    let mut clauses: Vec<(f32, Choice)> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(read_clause)
        .collect();
    // A stable sort: among equals the first counts.
    clauses.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    match clauses.first() {
        Some((_, Choice::Aggregated(format))) => Some(*format),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    Aggregated(Format),
    Legacy,
}

/// A clause of `Accept` that can be served, with its `q`.
fn read_clause(clause: &str) -> Option<(f32, Choice)> {
    let mut parts = clause.split(';').map(str::trim);
    let media = parts.next()?;
    let mut quality = 1.0;
    let mut kind = ["", "", ""];
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "q" => quality = value.parse().unwrap_or(1.0),
            "g" => kind[0] = value,
            "v" => kind[1] = value,
            "as" => kind[2] = value,
            // Such as `profile=nopeer`: there are no peers.
            _ => {}
        }
    }
    let format = match media {
        "application/json" | "application/*" | "*/*" | "*" => Format::Json,
        PROTOBUF => Format::Protobuf,
        _ => return None,
    };
    match kind {
        ["", _, ""] | ["", "", _] => Some((quality, Choice::Legacy)),
        ["apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"] => Some((quality, Choice::Aggregated(format))),
        // v2beta1, and whatever comes after v2.
        _ => None,
    }
}
