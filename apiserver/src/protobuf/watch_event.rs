//! A frame of a watch: a `metav1.WatchEvent` without an envelope, behind its length in four bytes (k8s.io/apimachinery's
//! `pkg/util/framer` and `LengthDelimitedFramer`). Its object is a `runtime.RawExtension` of an object in an envelope.

use super::envelope::{field_length, push_tag};

const TYPE_TAG: u8 = 0x0a;
const OBJECT_TAG: u8 = 0x12;
const RAW_TAG: u8 = 0x0a;

/// Writes the frame of an event about `object`, which has its envelope.
pub fn push_frame(event_type: &str, object: &[u8], out: &mut Vec<u8>) {
    let extension = field_length(object.len());
    let length = field_length(event_type.len()) + field_length(extension);
    out.reserve(4 + length);
    // An object has a few MiB at most.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    push_tag(TYPE_TAG, event_type.len(), out);
    out.extend_from_slice(event_type.as_bytes());
    push_tag(OBJECT_TAG, extension, out);
    push_tag(RAW_TAG, object.len(), out);
    out.extend_from_slice(object);
}
