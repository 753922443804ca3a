//! `PartialObjectMetadataList` of `meta.k8s.io`, an item at a time: the length of all stands before the first.
//!
//! The two versions have other numbers for the same fields: k8s.io/apimachinery's `pkg/apis/meta/v1/generated.proto` and
//! `pkg/apis/meta/v1beta1/generated.proto`.

use prost::Message;

use super::envelope::{self, field_length, push_message, push_tag};
use super::object_meta::ObjectMeta;
use crate::request::media::MetaVersion;

/// `metav1.ListMeta`.
#[derive(Clone, PartialEq, Eq, Message)]
#[expect(missing_docs, reason = "they are the fields of the API, by their names")]
pub struct ListMeta {
    #[prost(string, required, tag = "1")]
    pub self_link: String,
    #[prost(string, required, tag = "2")]
    pub resource_version: String,
    #[prost(string, required, tag = "3")]
    pub continue_token: String,
    #[prost(int64, optional, tag = "4")]
    pub remaining_item_count: Option<i64>,
}

/// The kind in its envelope.
const KIND: &str = "PartialObjectMetadataList";

/// A list that is written in parts: [`Self::head`], its items, [`Self::tail`].
#[derive(Clone, Debug)]
pub struct PartialList {
    version: MetaVersion,
    metadata: ListMeta,
}

impl PartialList {
    /// A list in a version of `meta.k8s.io`.
    #[must_use]
    pub const fn new(version: MetaVersion, metadata: ListMeta) -> Self {
        Self { version, metadata }
    }

    /// What stands before the items, which have so many bytes in all: the sum of [`Self::item_length`].
    #[must_use]
    pub fn head(&self, of_items: usize) -> Vec<u8> {
        let length = field_length(self.metadata.encoded_len()) + of_items;
        let mut out = envelope::head(self.version.api_version(), KIND, length);
        if self.version == MetaVersion::V1 {
            push_message(0x0a, &self.metadata, &mut out);
        }
        out
    }

    /// What stands behind the items.
    #[must_use]
    pub fn tail(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.version == MetaVersion::V1beta1 {
            push_message(0x12, &self.metadata, &mut out);
        }
        out.extend_from_slice(&envelope::TAIL);
        out
    }

    /// How many bytes an item takes.
    #[must_use]
    pub fn item_length(item: &ObjectMeta) -> usize {
        field_length(item.partial_length())
    }

    /// Writes an item.
    pub fn push_item(&self, item: &ObjectMeta, out: &mut Vec<u8>) {
        let tag = match self.version {
            MetaVersion::V1 => 0x12,
            MetaVersion::V1beta1 => 0x0a,
        };
        push_tag(tag, item.partial_length(), out);
        item.push_partial(out);
    }
}
