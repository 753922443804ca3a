//! From a method and a URL to a [`RequestInfo`]: the rules of k8s.io/apiserver's `requestinfo.go`.

use std::borrow::Cow;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::{PathVerb, RequestInfo, Verb};
use crate::request::parameters::{Parameters, has_whole_escapes};
use crate::request::selector::FieldSelector;

/// A URL that no request can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestInfoError {
    /// A `%` is not followed by two hexadecimal digits, or the path is no UTF-8.
    #[error("invalid URL escape in the path")]
    Escape,
    /// `watch` or `proxy` with nothing behind it.
    #[error("unable to determine kind and namespace from url, {0}")]
    NoResource(String),
}

/// Bytes of the longest field selector that is searched for a name. Nobody is authenticated yet where this is done, and a
/// selector of one object is shorter by far; the list of a longer one is authorized as a list of all.
const LONGEST_NAME_SELECTOR: usize = 1024;
/// What may follow a namespace's name without being a resource in it.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

impl RequestInfo {
    /// What `method` and `uri` ask for.
    ///
    /// # Errors
    /// The URL is none that can be understood; a path that is merely not served is no error.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, RequestInfoError> {
        let path = decode_path(uri.path())?;
        let mut info = Self::of_path(method, &path);
        let segments: Vec<&str> = split(&path);
        // `/apis/GROUP/VERSION` and what is shorter is discovery.
        let ["apis", group, version, rest @ ..] = segments.as_slice() else {
            return Ok(info);
        };
        if rest.is_empty() {
            return Ok(info);
        }
        info.is_resource = true;
        info.group = (*group).to_owned();
        info.version = (*version).to_owned();
        info.verb = verb_of(method);
        let rest = info
            .take_verb(rest)
            .ok_or_else(|| RequestInfoError::NoResource(uri.to_string()))?;
        info.take_names(rest);
        info.read_query(Parameters::new(uri.query().unwrap_or_default()));
        Ok(info)
    }

    fn of_path(method: &Method, path: &str) -> Self {
        Self {
            is_resource: false,
            verb: verb_of(method),
            path_verb: None,
            path: path.to_owned(),
            method: method.as_str().to_ascii_lowercase(),
            group: String::new(),
            version: String::new(),
            namespace: String::new(),
            resource: String::new(),
            subresource: String::new(),
            subpath: String::new(),
            name: String::new(),
            label_selector: String::new(),
            field_selector: String::new(),
        }
    }

    /// Takes a verb that stands before the resource. `None`: nothing stands behind it.
    fn take_verb<'a, 'b>(&mut self, segments: &'a [&'b str]) -> Option<&'a [&'b str]> {
        let (first, rest) = segments.split_first()?;
        (self.path_verb, self.verb) = match *first {
            "watch" => (Some(PathVerb::Watch), Verb::Watch),
            // No verb of any resource here; it is authorized as none and then not found.
            "proxy" => (Some(PathVerb::Proxy), Verb::Other),
            _ => return Some(segments),
        };
        (!rest.is_empty()).then_some(rest)
    }

    fn take_names(&mut self, segments: &[&str]) {
        let mut segments = segments;
        if let ["namespaces", namespace, rest @ ..] = segments {
            self.namespace = (*namespace).to_owned();
            if rest
                .first()
                .is_some_and(|next| !NAMESPACE_SUBRESOURCES.contains(next))
            {
                segments = rest;
            }
        }
        let mut parts = segments.iter();
        self.resource = parts.next().copied().unwrap_or_default().to_owned();
        self.name = parts.next().copied().unwrap_or_default().to_owned();
        self.subresource = parts.next().copied().unwrap_or_default().to_owned();
        self.subpath = parts.as_slice().join("/");
    }

    fn read_query(&mut self, query: Parameters<'_>) {
        if self.name.is_empty() {
            match self.verb {
                Verb::Get if is_watch(query) => self.verb = Verb::Watch,
                Verb::Get => self.verb = Verb::List,
                Verb::Delete => self.verb = Verb::DeleteCollection,
                _ => {}
            }
        }
        if self.path_verb.is_some() {
            return;
        }
        if matches!(self.verb, Verb::List | Verb::Watch | Verb::DeleteCollection) {
            self.label_selector = query.first("labelSelector").unwrap_or_default().into_owned();
            self.field_selector = query.first("fieldSelector").unwrap_or_default().into_owned();
        }
        if self.name.is_empty() && matches!(self.verb, Verb::List | Verb::Watch) {
            self.name = selected_name(&self.field_selector).unwrap_or_default();
        }
    }
}

fn verb_of(method: &Method) -> Verb {
    match *method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE => Verb::Delete,
        _ => Verb::Other,
    }
}

fn split(path: &str) -> Vec<&str> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Vec::new();
    }
    trimmed.split('/').collect()
}

/// The path without its escapes. Go refuses a broken escape; so does this.
fn decode_path(path: &str) -> Result<Cow<'_, str>, RequestInfoError> {
    if !has_whole_escapes(path) {
        return Err(RequestInfoError::Escape);
    }
    percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| RequestInfoError::Escape)
}

/// As Go reads a boolean parameter: everything but `false` and `0` is true, an empty one too.
fn is_watch(query: Parameters<'_>) -> bool {
    query
        .first("watch")
        .is_some_and(|value| !(value == "0" || value.eq_ignore_ascii_case("false")))
}

/// The name that a field selector demands, where it demands one that can be a name: a rule by resourceNames holds then.
fn selected_name(field_selector: &str) -> Option<String> {
    if field_selector.is_empty() || field_selector.len() > LONGEST_NAME_SELECTOR {
        return None;
    }
    let selector = FieldSelector::parse(field_selector).ok()?;
    let name = selector.exact("metadata.name")?;
    let is_segment = name != "." && name != ".." && !name.contains(['/', '%']);
    is_segment.then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
