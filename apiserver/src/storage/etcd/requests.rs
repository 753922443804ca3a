//! The few forms of requests that a store and its compactor make: one key, one condition, one operation.

use bytes::Bytes;

use super::proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use super::proto::etcdserverpb::request_op::Request;
use super::proto::etcdserverpb::response_op::Response;
use super::proto::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, TxnResponse,
};
use super::proto::mvccpb::KeyValue;

/// A read of one key.
pub(super) fn get(key: &str) -> RangeRequest {
    RangeRequest {
        key: bytes(key),
        ..RangeRequest::default()
    }
}

/// A read of nothing but the store's revision.
pub(super) fn count(key: &str) -> RangeRequest {
    RangeRequest {
        count_only: true,
        ..get(key)
    }
}

/// `operation` where `condition` holds, else a read of `key`.
pub(super) fn txn(condition: Compare, operation: Request, key: &str) -> TxnRequest {
    let op = |request| RequestOp {
        request: Some(request),
    };
    TxnRequest {
        compare: vec![condition],
        success: vec![op(operation)],
        failure: vec![op(Request::RequestRange(get(key)))],
    }
}

pub(super) fn put(key: &str, value: Bytes) -> Request {
    Request::RequestPut(PutRequest {
        key: bytes(key),
        value,
    })
}

/// A deletion that tells what was there.
pub(super) fn delete(key: &str) -> Request {
    Request::RequestDeleteRange(DeleteRangeRequest {
        key: bytes(key),
        prev_kv: true,
        ..DeleteRangeRequest::default()
    })
}

/// Whether the key was last written at `revision`; zero: whether it is absent.
pub(super) fn written_at(key: &str, revision: i64) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key: bytes(key),
        target_union: Some(TargetUnion::ModRevision(revision)),
    }
}

/// Whether the key was written so many times since it was made.
pub(super) fn version_is(key: &str, version: i64) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Version.into(),
        key: bytes(key),
        target_union: Some(TargetUnion::Version(version)),
    }
}

/// What the read of a transaction whose condition did not hold found.
pub(super) fn found(response: &TxnResponse) -> Option<&KeyValue> {
    match response.responses.first()?.response.as_ref()? {
        Response::ResponseRange(range) if !response.succeeded => range.kvs.first(),
        _ => None,
    }
}

/// What a deletion deleted.
pub(super) fn deleted(response: &TxnResponse) -> Option<&KeyValue> {
    match response.responses.first()?.response.as_ref()? {
        Response::ResponseDeleteRange(deleted) if response.succeeded => deleted.prev_kvs.first(),
        _ => None,
    }
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
