//! Requests for tests.

use crate::authz::Authorized;
use crate::request::{RequestInfo, User, Verb};

/// An authorized request by its method and path, as the server would read them.
pub(crate) fn authorized(method: &str, uri: &str) -> Authorized {
    let user = User {
        name: "tester".into(),
        groups: vec![User::MASTERS.into()],
        ..User::default()
    };
    Authorized::for_test(user, info(method, uri))
}

fn info(method: &str, uri: &str) -> RequestInfo {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut segments = path
        .trim_start_matches('/')
        .split('/')
        .filter(|part| !part.is_empty())
        .peekable();
    let mut next = || segments.next().unwrap_or_default().to_owned();
    let (api, group, version) = (next(), next(), next());
    let mut resource = next();
    let special = resource == "watch";
    if special {
        resource = next();
    }
    let mut namespace = String::new();
    if resource == "namespaces" {
        namespace = next();
        resource = next();
    }
    let name = next();
    let subresource = next();
    let watch = special
        || query
            .split('&')
            .any(|pair| pair == "watch=true" || pair == "watch=1");
    let verb = match method {
        _ if special => Verb::Watch,
        "GET" | "HEAD" if !name.is_empty() => Verb::Get,
        "GET" | "HEAD" if watch => Verb::Watch,
        "GET" | "HEAD" => Verb::List,
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch,
        "DELETE" if name.is_empty() => Verb::DeleteCollection,
        "DELETE" => Verb::Delete,
        _ => Verb::Other,
    };
    RequestInfo {
        is_resource: api == "apis" && !resource.is_empty(),
        verb,
        path: path.to_owned(),
        method: method.to_lowercase(),
        group,
        version,
        namespace,
        resource,
        subresource,
        name,
        label_selector: String::new(),
        field_selector: String::new(),
    }
}
