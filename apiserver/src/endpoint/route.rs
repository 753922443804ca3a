//! What a request for a resource asks of whom, and the answers for what nobody serves.

mod custom_resource;

use std::sync::Arc;

use super::endpoints::{Endpoints, Served, ServedVersion};
use crate::request::{PathVerb, RequestInfo, Verb};
use crate::resource::{Scope, Subresource};
use crate::status::ApiError;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    /// A list, or a watch where the parameters say so.
    List,
    /// A watch by its path (`/apis/GROUP/VERSION/watch/…`), of one object where that has a name.
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
    /// Whatever the connecter of a subresource does.
    Connect,
}

/// Who does what.
pub(super) struct Route {
    pub(super) served: Arc<Served>,
    pub(super) version: Arc<ServedVersion>,
    /// An error is that of a path which is the resource's, and so comes with the warnings of its version.
    pub(super) action: Result<Action, ApiError>,
}

/// Seconds after which a client may find a resource that is still being installed.
const RETRY_AFTER: u16 = 5;

impl Endpoints {
    /// Who answers a request.
    ///
    /// # Errors
    /// 404; 405; 503 for what may yet come.
    pub(super) fn route(&self, info: &RequestInfo) -> Result<Route, ApiError> {
        let found = self.find(&info.group, &info.version, &info.resource);
        let found = found.filter(|_| info.is_resource && begins_as_routed(&info.path));
        let Some((served, version)) = found else {
            return Err(self.unknown_in(info));
        };
        let resource = served.resource();
        let own = resource.own_subresource(&info.subresource);
        let action = if resource.policy.unstructured && own.is_none() {
            if !custom_resource::is_routed(info, resource.scope) {
                return Err(self.unknown_in(info));
            }
            custom_resource::action(info, resource, &version.subresources)
        } else {
            if !is_there(info, own, &version) {
                return Err(self.unknown());
            }
            Ok(action(info, resource.scope, own)?)
        };
        Ok(Route {
            served,
            version,
            action,
        })
    }

    /// The answer for a path below a group and version: Go's router knows the group-versions that have resources of types, and answers
    /// for no other.
    pub(crate) fn unknown_in(&self, info: &RequestInfo) -> ApiError {
        if self.is_complete() && self.has_untyped() && !self.has_typed_in(&info.group, &info.version) {
            return ApiError::PageNotFound;
        }
        self.unknown()
    }

    /// The answer for a path that nobody serves: 404 only when nothing more is to come.
    #[must_use]
    pub fn unknown(&self) -> ApiError {
        if self.is_complete() {
            return ApiError::UnknownPath;
        }
        ApiError::ServiceUnavailable {
            message:
                "the request has been made before all known HTTP paths have been installed, please try again"
                    .into(),
            retry_after: RETRY_AFTER,
        }
    }
}

/// Whether a version has what stands behind the name of a resource.
fn is_there(info: &RequestInfo, own: Option<&Subresource>, version: &ServedVersion) -> bool {
    let is_there = match own {
        Some(own) => info.subpath.is_empty() || own.has_subpath(),
        None => info.subpath.is_empty() && version.subresources.serves(&info.subresource),
    };
    info.subresource.is_empty() || is_there
}

/// Whether a path begins as Go's web services do. RequestInfo takes slashes off both ends before it reads a path, so that
/// `//apis/…` is authorized as `/apis/…` is; but nothing is routed there: Go neither cleans such a path nor redirects it,
/// and answers 404. A slash at the end is taken off by the router too.
fn begins_as_routed(path: &str) -> bool {
    path.starts_with("/apis/")
}

fn action(info: &RequestInfo, scope: Scope, own: Option<&Subresource>) -> Result<Action, ApiError> {
    let has_namespace = !info.namespace.is_empty();
    if info.path_verb == Some(PathVerb::Proxy) || (scope == Scope::Cluster && has_namespace) {
        return Err(ApiError::UnknownPath);
    }
    // Go routes no HEAD, though it authorizes one as a read.
    if info.method == "head" {
        return Err(ApiError::MethodNotAllowed);
    }
    // Of all namespaces together there is nothing but lists and watches.
    let is_complete = has_namespace || scope == Scope::Cluster;
    if info.path_verb == Some(PathVerb::Watch) {
        if !info.subresource.is_empty() {
            return Err(ApiError::UnknownPath);
        }
        return if info.method == "get" {
            Ok(Action::Watch)
        } else {
            Err(ApiError::MethodNotAllowed)
        };
    }
    let has_name = !info.name.is_empty();
    if !info.subresource.is_empty() {
        if !has_name {
            return Err(ApiError::UnknownPath);
        }
        if let Some(own) = own {
            return action_of_own(info.verb, own, is_complete);
        }
        if !matches!(info.verb, Verb::Get | Verb::Update | Verb::Patch) {
            return Err(ApiError::MethodNotAllowed);
        }
    }
    match info.verb {
        Verb::List | Verb::Watch => Ok(Action::List),
        _ if has_name && !is_complete && info.verb != Verb::DeleteCollection => Err(ApiError::UnknownPath),
        Verb::Get if has_name => Ok(Action::Get),
        Verb::Update if has_name => Ok(Action::Update),
        Verb::Patch if has_name => Ok(Action::Patch),
        Verb::Delete if has_name => Ok(Action::Delete),
        Verb::Create if !has_name && is_complete => Ok(Action::Create),
        Verb::DeleteCollection if is_complete => Ok(Action::DeleteCollection),
        _ => Err(ApiError::MethodNotAllowed),
    }
}

fn action_of_own(verb: Verb, own: &Subresource, is_complete: bool) -> Result<Action, ApiError> {
    if !is_complete {
        return Err(ApiError::UnknownPath);
    }
    match verb {
        _ if !own.offers(verb) => Err(ApiError::MethodNotAllowed),
        _ if own.connects() => Ok(Action::Connect),
        Verb::Get => Ok(Action::Get),
        Verb::Create => Ok(Action::Create),
        Verb::Update => Ok(Action::Update),
        Verb::Patch => Ok(Action::Patch),
        Verb::Delete => Ok(Action::Delete),
        _ => Err(ApiError::MethodNotAllowed),
    }
}
