//! The entries of `metadata.managedFields` and conflicts of their managers, to be compared.
//!
//! Kubernetes orders entries by operation, then by the second in which a manager wrote, which is another one at each server
//! (k8s.io/apimachinery's `util/managedfields/internal/managedfields.go`). Here the order of the names comes instead.

use serde_json::Value;

/// What is put before entries that stand in an order that Kubernetes does not give them.
const UNORDERED: &str = "in no order of Kubernetes";

/// Brings entries, whose times are still there, into an order that does not depend on times.
pub(super) fn normalize(entries: &mut Vec<Value>) {
    let ordered = entries.is_sorted_by_key(kubernetes_order);
    entries.sort_by_key(names);
    if !ordered {
        entries.insert(0, UNORDERED.into());
    }
}

/// Orders the causes of an apply's conflict: Go lists those of several managers in no order.
pub(super) fn normalize_causes(causes: &mut [Value]) {
    if causes
        .iter()
        .all(|cause| text(cause, "reason") == "FieldManagerConflict")
    {
        causes.sort_by_key(|cause| [text(cause, "message"), text(cause, "field")]);
    }
}

fn text(entry: &Value, field: &str) -> String {
    entry
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// An RFC 3339 time in UTC is ordered as its text.
fn kubernetes_order(entry: &Value) -> [String; 5] {
    ["operation", "time", "manager", "apiVersion", "subresource"].map(|field| text(entry, field))
}

/// What an entry is called by.
pub(super) fn names(entry: &Value) -> [String; 4] {
    ["operation", "manager", "apiVersion", "subresource"].map(|field| text(entry, field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(operation: &str, manager: &str, second: u8) -> Value {
        json!({"operation": operation, "manager": manager, "time": format!("2026-01-02T03:04:0{second}Z")})
    }

    #[test]
    fn times_do_not_order_what_is_compared() {
        let mut one = vec![entry("Update", "b", 1), entry("Update", "a", 2)];
        let mut other = vec![entry("Update", "a", 1), entry("Update", "b", 1)];
        normalize(&mut one);
        normalize(&mut other);
        let managers = |entries: &[Value]| -> Vec<String> {
            entries.iter().map(|entry| text(entry, "manager")).collect()
        };
        assert_eq!(managers(&one), ["a", "b"]);
        assert_eq!(managers(&one), managers(&other));
    }

    #[test]
    fn conflicts_are_in_no_order_and_other_causes_are() {
        let causes = |reason: &str, messages: [&str; 2]| {
            let mut causes = messages.map(|message| json!({"reason": reason, "message": message}));
            normalize_causes(&mut causes);
            causes
        };
        let conflict = "FieldManagerConflict";
        assert_eq!(causes(conflict, ["b", "a"]), causes(conflict, ["a", "b"]));
        assert_ne!(
            causes("FieldValueInvalid", ["b", "a"]),
            causes("FieldValueInvalid", ["a", "b"])
        );
    }

    #[test]
    fn an_order_that_kubernetes_does_not_give_is_told() {
        for mut entries in [
            vec![entry("Update", "a", 1), entry("Apply", "a", 1)],
            vec![entry("Update", "a", 2), entry("Update", "b", 1)],
            vec![entry("Update", "b", 1), entry("Update", "a", 1)],
        ] {
            normalize(&mut entries);
            assert_eq!(entries[0], UNORDERED);
        }
    }
}
