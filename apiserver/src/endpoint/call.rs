//! One request on its way through a verb.

use std::sync::Arc;

use http::request::Parts;
use jiff::Timestamp;

use super::Warnings;
use super::endpoints::{Served, ServedVersion};
use super::table::{IncludeObject, Rows};
use crate::authz::Authorized;
use crate::offload::Memory;
use crate::registry::Registry;
use crate::request::RequestInfo;
use crate::request::media::MetaVersion;
use crate::status::ApiError;

/// What every verb needs to know.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Authorized,
    pub(super) parts: &'a Parts,
    pub(super) served: &'a Arc<Served>,
    pub(super) version: &'a Arc<ServedVersion>,
    pub(super) warnings: &'a Warnings,
    pub(super) memory: &'a Arc<Memory>,
}

impl<'a> Call<'a> {
    pub(super) fn info(&self) -> &'a RequestInfo {
        self.request.info()
    }

    pub(super) fn registry(&self) -> &'a Registry {
        &self.served.registry
    }

    pub(super) fn query(&self) -> &'a str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// How a Table of this resource is made.
    pub(super) fn rows(&self, version: MetaVersion) -> Result<Rows, ApiError> {
        Ok(Rows {
            columns: self.version.columns.clone(),
            version,
            include: IncludeObject::parse(self.query())?,
            now: Timestamp::now(),
        })
    }

    /// As Go would call a type of this resource's package in a message.
    pub(super) fn go_type(&self, kind: &str) -> String {
        let package = self.info().group.split('.').next().unwrap_or_default();
        format!("*{package}.{kind}")
    }
}
