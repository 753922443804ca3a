//! A PartialObjectMetadataList in protobuf: `streamingEncodeUnknownList` of k8s.io/apimachinery
//! (pkg/runtime/serializer/protobuf/collections.go).

use http::StatusCode;

use super::{Encoded, TURN, expect, with_headers};
use crate::endpoint::call::Call;
use crate::endpoint::encode::{self, MOST_READ, ProtobufList, metadata};
use crate::offload::{self, Elsewhere};
use crate::protobuf::list::{ListMeta, PartialList};
use crate::registry::{Listed, Pieces};
use crate::request::media::{MetaVersion, Wanted};
use crate::response::{Incomplete, Response};
use crate::status::ApiError;

/// The length of all items stands before the first, so their metadata are read twice: now, for their lengths alone, and when
/// they are sent. So a list takes twice the work of its JSON, and no more memory: what lies between the two is the list of the
/// objects' handles, as for JSON.
pub(super) async fn list(
    call: &Call<'_>,
    wanted: Wanted,
    version: MetaVersion,
    listed: Listed,
) -> Result<Response, ApiError> {
    let registry = call.registry()?;
    let mut of_items = 0;
    let mut heaviest = None;
    let mut read = 0;
    for (number, entry) in listed.entries.iter().enumerate() {
        if number % TURN == TURN - 1 || read >= MOST_READ {
            read = 0;
            tokio::task::yield_now().await;
        }
        let memory = expect(call, wanted, entry).await;
        heaviest = heaviest.max(memory.as_ref().and_then(offload::Stored::heavy));
        let pieces = call.pieces(entry, wanted)?;
        read += pieces.len();
        of_items += PartialList::item_length(&metadata(&pieces)?);
    }
    let metadata = ListMeta {
        self_link: String::new(),
        resource_version: listed.revision.to_string(),
        continue_token: listed.continue_token,
        remaining_item_count: listed.remaining.and_then(|count| i64::try_from(count).ok()),
    };
    let list = ProtobufList::new(
        PartialList::new(version, metadata),
        of_items,
        Encoded::new(call, registry, listed.entries, wanted),
    );
    let elsewhere = heaviest.map(|weight| Elsewhere::new(call.memory, weight));
    let (body, is_compressed) = encode::protobuf_body(list, &call.parts.headers, elsewhere);
    Ok(with_headers(body, is_compressed, wanted, StatusCode::OK))
}

/// The same of objects that are encoded already.
pub(super) fn list_of_pieces(
    call: &Call<'_>,
    wanted: Wanted,
    version: MetaVersion,
    items: Vec<Pieces>,
    resource_version: String,
) -> Result<Response, ApiError> {
    let metadata_of_list = ListMeta {
        resource_version,
        ..ListMeta::default()
    };
    let mut of_items = 0;
    for pieces in &items {
        of_items += PartialList::item_length(&metadata(pieces)?);
    }
    let list = ProtobufList::new(
        PartialList::new(version, metadata_of_list),
        of_items,
        items.into_iter().map(Ok::<_, Incomplete>),
    );
    let (body, is_compressed) = encode::protobuf_body(list, &call.parts.headers, None);
    Ok(with_headers(body, is_compressed, wanted, StatusCode::OK))
}
