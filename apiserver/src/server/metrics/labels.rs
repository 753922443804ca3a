//! The labels of metrics, as k8s.io/apiserver names them.

use prometheus_client::encoding::EncodeLabelSet;

use crate::request::{RequestInfo, Verb};

/// What a request is about, as metrics tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::server) struct Subject<'a> {
    pub(super) verb: &'static str,
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) resource: &'a str,
    pub(super) subresource: &'a str,
    pub(super) scope: &'static str,
}

impl<'a> Subject<'a> {
    /// A request for a resource that is served. What `connects` is counted under one verb, as in Go.
    pub(in crate::server) fn of_resource(info: &'a RequestInfo, connects: bool) -> Self {
        let scope = if !info.name.is_empty() || info.verb == Verb::Create {
            "resource"
        } else if info.namespace.is_empty() {
            "cluster"
        } else {
            "namespace"
        };
        Self {
            verb: if connects { CONNECT } else { upper(info) },
            group: &info.group,
            version: &info.version,
            resource: &info.resource,
            subresource: &info.subresource,
            scope,
        }
    }

    /// A request for something else. `route` is one of the server's own paths, or empty.
    pub(in crate::server) fn of_path(info: &RequestInfo, route: &'a str) -> Self {
        Self {
            verb: upper(info),
            group: "",
            version: "",
            resource: "",
            subresource: route,
            scope: "",
        }
    }

    pub(in crate::server) fn is_long_running(&self) -> bool {
        self.verb == "WATCH" || self.verb == CONNECT
    }
}

const CONNECT: &str = "CONNECT";

fn upper(info: &RequestInfo) -> &'static str {
    match (info.verb, info.is_resource) {
        (Verb::Get, _) => "GET",
        (Verb::List, _) => "LIST",
        (Verb::Watch, _) => "WATCH",
        (Verb::Create, _) => "POST",
        (Verb::Update, _) => "PUT",
        (Verb::Patch, _) => "PATCH",
        (Verb::DeleteCollection, _) => "DELETECOLLECTION",
        (Verb::Delete, _) => "DELETE",
        (Verb::Other, _) => "other",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    component: &'static str,
    group: String,
    resource: String,
    scope: &'static str,
    subresource: String,
    verb: &'static str,
    version: String,
}

impl From<&Subject<'_>> for RequestLabels {
    fn from(subject: &Subject<'_>) -> Self {
        Self {
            component: "apiserver",
            group: subject.group.to_owned(),
            resource: subject.resource.to_owned(),
            scope: subject.scope,
            subresource: subject.subresource.to_owned(),
            verb: subject.verb,
            version: subject.version.to_owned(),
        }
    }
}

impl RequestLabels {
    pub(super) fn is_of(&self, subject: &Subject<'_>) -> bool {
        self.verb == subject.verb
            && self.scope == subject.scope
            && self.resource == subject.resource
            && self.group == subject.group
            && self.version == subject.version
            && self.subresource == subject.subresource
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CodeLabels {
    pub(super) code: u16,
    #[prometheus(flatten)]
    pub(super) request: RequestLabels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LongRunningLabels {
    #[prometheus(flatten)]
    pub(super) request: RequestLabels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) request_kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TerminationLabels {
    pub(super) code: u16,
}
