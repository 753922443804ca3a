//! Who manages which field after a write, as the handlers ask the field manager of the request's path. Go:
//! `endpoints/handlers/create.go`, managerOrUserAgent, and the Scale's part of `managedfields/scalehandler.go`.

use std::collections::BTreeMap;

use annex_structured_merge_diff::fieldpath::PathElement;
use http::HeaderMap;
use http::header::USER_AGENT;

use super::call::Call;
use crate::managed_fields::{
    FieldManager, ReplicasPaths, managed_fields_of, set_managed_fields, to_parent, to_scale,
};
use crate::object::Object;
use crate::request::options::FIELD_MANAGER_MAX_LENGTH;
use crate::resource;
use crate::status::{ApiError, is_printable};

/// The manager that a write names, else the client's program: what stands before the first `/` of its user agent.
pub(super) fn manager_or_user_agent(manager: String, headers: &HeaderMap) -> String {
    if !manager.is_empty() {
        return manager;
    }
    let agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes());
    let agent = String::from_utf8_lossy(agent.unwrap_or_default());
    let mut name = String::new();
    for letter in agent.chars().take_while(|letter| *letter != '/') {
        if !is_printable(letter) {
            continue;
        }
        if name.len() + letter.len_utf8() > FIELD_MANAGER_MAX_LENGTH {
            break;
        }
        name.push(letter);
    }
    name
}

impl<'a> Call<'a> {
    /// The field manager of the request's path.
    ///
    /// # Errors
    /// 500: there is none, by a fault of this program.
    pub(super) fn field_manager(&self) -> Result<&'a FieldManager, ApiError> {
        let found = self.rules.field_manager(self.info());
        found.ok_or_else(|| ApiError::Internal("no field manager keeps account of this path".into()))
    }

    /// A Scale of `parent` with the managedFields that it has, seen from there.
    ///
    /// # Errors
    /// 500: the managedFields of the object are not understood.
    pub(super) fn with_scale_managers(&self, mut scale: Object, parent: &Object) -> Result<Object, ApiError> {
        let managed = to_scale(managed_fields_of(parent), &self.replicas_paths()).map_err(not_understood)?;
        set_managed_fields(&mut scale, managed);
        Ok(scale)
    }

    /// `parent`, scaled, with the managedFields that it has once `scale` was written.
    ///
    /// # Errors
    /// 500: managedFields are not understood.
    pub(super) fn with_parent_managers(
        &self,
        mut parent: Object,
        scale: &Object,
    ) -> Result<Object, ApiError> {
        let (old, scale) = (managed_fields_of(&parent), managed_fields_of(scale));
        let api_version = self.served.resource().api_version(&self.info().version);
        let paths = self.replicas_paths();
        let managed = to_parent(old, scale, &api_version, &paths).map_err(not_understood)?;
        set_managed_fields(&mut parent, managed);
        Ok(parent)
    }

    fn replicas_paths(&self) -> ReplicasPaths {
        let resource = self.served.resource();
        let versions = resource.all_versions().map(|version| {
            let scale = version.subresources.scale.as_ref();
            let path = scale.map(|paths| {
                resource::segments(&paths.spec_replicas)
                    .map(PathElement::field)
                    .collect()
            });
            (resource.api_version(&version.name), path)
        });
        versions.collect::<BTreeMap<_, _>>()
    }
}

fn not_understood(error: impl std::fmt::Display) -> ApiError {
    ApiError::Plain(error.to_string())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_that_names_no_manager_is_its_program() {
        let of = |agent: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_bytes(agent).unwrap());
            manager_or_user_agent(String::new(), &headers)
        };
        assert_eq!(of(b"kubectl/v1.36.3 (linux/amd64) kubernetes/abc"), "kubectl");
        assert_eq!(of(b"a\tb/c"), "ab");
        assert_eq!(of("\u{e4}".repeat(100).as_bytes()), "\u{e4}".repeat(64));
        assert_eq!(manager_or_user_agent("me".into(), &HeaderMap::new()), "me");
        assert_eq!(manager_or_user_agent(String::new(), &HeaderMap::new()), "");
    }
}
