//! What is asked of a resource without a type: `ServeHTTP` of apiextensions' `customresource_handler.go`, which decides by the RequestInfo,
//! where Go's installer has a route for each path and method.

use super::Action;
use crate::request::{PathVerb, RequestInfo, Verb};
use crate::resource::{Resource, SCALE, STATUS, Scope, Subresources};
use crate::status::ApiError;

/// Whether the path is one of a resource with this scope.
pub(super) fn is_routed(info: &RequestInfo, scope: Scope) -> bool {
    let has_namespace = !info.namespace.is_empty();
    match scope {
        Scope::Cluster => !has_namespace,
        // Of all namespaces together there is nothing but lists and watches.
        Scope::Namespaced => has_namespace || matches!(info.verb, Verb::List | Verb::Watch),
    }
}

/// What is to be done. What stands behind a subresource is of no account.
///
/// # Errors
/// 404 of a subresource that is not served; 405.
pub(super) fn action(
    info: &RequestInfo,
    resource: &Resource,
    subresources: &Subresources,
) -> Result<Action, ApiError> {
    let not_supported = |action| {
        Err(ApiError::MethodNotSupported {
            resource: resource.group_resource(),
            action,
        })
    };
    if info.path_verb == Some(PathVerb::Proxy) {
        return not_supported("proxy");
    }
    match info.subresource.as_str() {
        "" => match info.verb {
            Verb::Watch if info.path_verb == Some(PathVerb::Watch) => Ok(Action::Watch),
            Verb::List | Verb::Watch => Ok(Action::List),
            Verb::Get => Ok(Action::Get),
            Verb::Create => Ok(Action::Create),
            Verb::Update => Ok(Action::Update),
            Verb::Patch => Ok(Action::Patch),
            Verb::Delete => Ok(Action::Delete),
            Verb::DeleteCollection => Ok(Action::DeleteCollection),
            Verb::Other => not_supported(info.verb.as_str()),
        },
        STATUS | SCALE if subresources.serves(&info.subresource) => match info.verb {
            Verb::Get => Ok(Action::Get),
            Verb::Update => Ok(Action::Update),
            Verb::Patch => Ok(Action::Patch),
            verb => not_supported(verb.as_str()),
        },
        _ => Err(ApiError::NotFound {
            resource: resource.group_resource(),
            name: info.name.clone(),
        }),
    }
}
