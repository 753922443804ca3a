//! Schemas that a derive cannot express: structural pieces that Kubernetes reads in its own way.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A partial PodTemplateSpec, kept as it was written. Its fields are checked by the operator, which knows the newest
/// Kubernetes API, and not pruned by an older one.
pub(super) fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// The greatest integer that every JSON parser keeps, 2^53 - 1: bounds in a schema are floating-point numbers.
pub(super) const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// A number or a percentage. Bounds of a number do not concern a string, nor a string's a number.
pub(super) fn int_or_percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 0,
        "maximum": i32::MAX,
        "maxLength": 5,
        "pattern": "^((100|[0-9]{1,2})%|[0-9]+)$",
    })
}

/// A quantity of bytes, as a string: Kubernetes' own schema takes numbers too, which CEL's `quantity` does not.
pub(super) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 20,
        "pattern": r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?$",
    })
}

/// `metav1.Condition`s by type, with the bounds of Kubernetes' own schema.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "type": "string", "maxLength": 316,
                    "description": "Type of the condition, in CamelCase.",
                },
                "status": {
                    "type": "string", "enum": ["True", "False", "Unknown"],
                    "description": "One of True, False, Unknown.",
                },
                "observedGeneration": {
                    "type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_EXACT,
                    "description": "The metadata.generation that the condition was set upon.",
                },
                "lastTransitionTime": {
                    "type": "string", "format": "date-time",
                    "description": "When the status last changed.",
                },
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why, in one CamelCase word; the operator's documentation lists them.",
                },
                "message": {
                    "type": "string", "maxLength": 32768,
                    "description": "Why, for a person.",
                },
            },
        },
    })
}

/// A point in time, RFC 3339.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
