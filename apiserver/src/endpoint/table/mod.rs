//! `Table`: what `kubectl get` shows.

mod age;
mod columns;
mod json_path;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::encode::{Form, metadata_json, push_partial};
use crate::registry::Pieces;
use crate::request::media::MetaVersion;
use crate::status::{ApiError, FieldError};

pub(super) use columns::Columns;

/// How much of each object stands beside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata, as a PartialObjectMetadata.
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// The parameter `includeObject`.
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let value = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("includeObject="))
            .unwrap_or_default();
        match value {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => {
                let value = percent_encoding::percent_decode_str(other).decode_utf8_lossy();
                let error = FieldError::invalid(
                    "includeObject",
                    value.as_ref(),
                    "must be 'Metadata', 'Object', 'None', or empty",
                );
                Err(ApiError::BadRequest(format!(
                    "Unable to convert to Table as requested: {error}"
                )))
            }
        }
    }
}

/// How rows are made.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) columns: Arc<Columns>,
    pub(super) version: MetaVersion,
    pub(super) include: IncludeObject,
    /// For columns that say how long ago something was.
    pub(super) now: Timestamp,
}

impl Rows {
    /// `{"kind":"Table",…,"rows":`, up to the list of rows.
    pub(super) fn head(&self, list_metadata: &str, with_columns: bool) -> String {
        let columns = if with_columns {
            self.columns.definitions()
        } else {
            "null"
        };
        format!(
            r#"{{"kind":"Table","apiVersion":"{}","metadata":{list_metadata},"columnDefinitions":{columns},"rows":"#,
            self.version.api_version()
        )
    }

    /// What stands where there is no row.
    pub(super) fn none(&self) -> &'static str {
        self.columns.no_rows()
    }

    /// Writes the row of an object; `always_metadata`: even where no object is wanted, as of the bookmark that ends the
    /// initial events, which is told by an annotation.
    pub(super) fn push_row(&self, pieces: &Pieces, always_metadata: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"cells":"#);
        out.extend_from_slice(self.cells(pieces).to_string().as_bytes());
        out.extend_from_slice(br#","object":"#);
        match self.include {
            IncludeObject::None if !always_metadata => out.extend_from_slice(b"null"),
            IncludeObject::Object => pieces.append_to(out),
            IncludeObject::None | IncludeObject::Metadata => push_partial(pieces, self.version, out),
        }
        out.push(b'}');
    }

    fn cells(&self, pieces: &Pieces) -> Value {
        let mut json = Vec::new();
        if self.columns.look_inside() {
            pieces.append_to(&mut json);
        } else {
            json.extend_from_slice(br#"{"metadata":"#);
            metadata_json(pieces, &mut json);
            json.push(b'}');
        }
        let object = serde_json::from_slice(&json).unwrap_or_default();
        self.columns.cells(&object, self.now)
    }

    /// A Table of one object, whose resourceVersion is the Table's.
    pub(super) fn push_table(
        &self,
        pieces: &Pieces,
        with_columns: bool,
        always_metadata: bool,
        out: &mut Vec<u8>,
    ) {
        let mut metadata = Vec::new();
        metadata_json(pieces, &mut metadata);
        let revision = serde_json::from_slice::<Value>(&metadata)
            .ok()
            .and_then(|metadata| Some(metadata.get("resourceVersion")?.to_string()));
        let list_metadata = match revision {
            Some(revision) => format!(r#"{{"resourceVersion":{revision}}}"#),
            None => "{}".into(),
        };
        out.extend_from_slice(self.head(&list_metadata, with_columns).as_bytes());
        out.push(b'[');
        self.push_row(pieces, always_metadata, out);
        out.extend_from_slice(b"]}");
    }

    /// The form of a list's items.
    pub(super) fn form(self) -> Form {
        Form::Row(self)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::resource::{DefaultColumn, Version};
    use crate::schema::Schema;

    fn rows(include: IncludeObject) -> Rows {
        let version = Version {
            name: "v1".into(),
            schema: Arc::new(Schema::new(json!({}))),
            columns: Vec::new(),
            selectable_fields: Vec::new(),
            subresources: crate::resource::Subresources::default(),
            deprecation_warning: None,
        };
        Rows {
            columns: Arc::new(Columns::of(&version, DefaultColumn::CreatedAt)),
            version: MetaVersion::V1,
            include,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn row(include: IncludeObject, always_metadata: bool) -> Value {
        let object = Bytes::from_static(
            br#"{"kind":"A","metadata":{"name":"a","creationTimestamp":"2024-01-01T00:00:00Z"},"spec":{"x":1}}"#,
        );
        let pieces = Pieces::spliced(&object, 24, true, 7);
        let mut out = Vec::new();
        rows(include).push_row(&pieces, always_metadata, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_row_holds_as_much_of_the_object_as_was_asked_for() {
        let cells = json!(["a", "2024-01-01T00:00:00Z"]);
        let metadata =
            json!({"resourceVersion": "7", "name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"});
        let partial =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        assert_eq!(
            row(IncludeObject::None, false),
            json!({"cells": cells, "object": null})
        );
        assert_eq!(
            row(IncludeObject::None, true),
            json!({"cells": cells, "object": partial})
        );
        assert_eq!(
            row(IncludeObject::Metadata, false),
            json!({"cells": cells, "object": partial})
        );
        assert_eq!(
            row(IncludeObject::Object, false),
            json!({"cells": cells, "object": {"kind": "A", "metadata": metadata, "spec": {"x": 1}}})
        );
    }

    #[test]
    fn an_unknown_policy_is_refused() {
        for (query, include) in [
            ("limit=500", IncludeObject::Metadata),
            ("includeObject=", IncludeObject::Metadata),
            ("limit=500&includeObject=None", IncludeObject::None),
            ("includeObject=Object", IncludeObject::Object),
        ] {
            assert_eq!(IncludeObject::parse(query).unwrap(), include, "{query}");
        }
        let status = IncludeObject::parse("includeObject=Some%22")
            .unwrap_err()
            .status();
        assert_eq!(
            (status.code, status.message.as_str()),
            (
                400,
                "Unable to convert to Table as requested: includeObject: Invalid value: \"Some\\\"\": must be \
                 'Metadata', 'Object', 'None', or empty"
            )
        );
    }
}
