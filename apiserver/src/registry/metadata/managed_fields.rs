//! What is wrong with `metadata.managedFields`: `ValidateManagedFields` of k8s.io/apimachinery's `apis/meta/v1/validation`.

use serde_json::Value;

use super::validate::is_enough;
use crate::object::Object;
use crate::request::options::check_field_manager;
use crate::status::{FieldError, FieldErrorKind};

/// Bytes of a subresource's name.
const SUBRESOURCE_LIMIT: usize = 256;

/// What is wrong with who manages the fields of `object`. What their sets say is looked at elsewhere.
pub(super) fn managed_fields(object: &Object, errors: &mut Vec<FieldError>) {
    let entries = object
        .metadata()
        .and_then(|metadata| metadata.get("managedFields"))
        .and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        if is_enough(errors) {
            return;
        }
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let field = |name: &str| format!("metadata.managedFields[{index}].{name}");
        let operation = text("operation");
        if !matches!(operation, "Apply" | "Update") {
            let detail = "must be `Apply` or `Update`";
            errors.push(FieldError::invalid(field("operation"), operation, detail));
        }
        let fields_type = text("fieldsType");
        if !matches!(fields_type, "" | "FieldsV1") {
            let detail = "must be `FieldsV1`";
            errors.push(FieldError::invalid(field("fieldsType"), fields_type, detail));
        }
        check_field_manager(text("manager"), &field("manager"), errors);
        let subresource = text("subresource");
        if subresource.len() > SUBRESOURCE_LIMIT {
            let detail = format!("may not be more than {SUBRESOURCE_LIMIT} bytes");
            let field = field("subresource");
            errors.push(FieldError::new(FieldErrorKind::TooLong, field, "", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(entries: Value) -> Vec<String> {
        let Value::Object(object) = json!({"metadata": {"managedFields": entries}}) else {
            unreachable!("it is an object")
        };
        let mut errors = Vec::new();
        managed_fields(&Object(object), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn entries_that_the_server_writes_are_valid() {
        let entry = json!({
            "manager": "kubectl edit é", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {},
        });
        assert_eq!(
            errors(json!([entry, {"operation": "Apply"}])),
            Vec::<String>::new()
        );
        assert_eq!(errors(Value::Null), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_kubernetes() {
        let entry = json!({"operation": "Delete", "fieldsType": "V2", "manager": "a\u{7}b", "subresource": "s".repeat(257)});
        assert_eq!(
            errors(json!([{"operation": "Apply"}, entry, {"manager": "m".repeat(129)}])),
            [
                "metadata.managedFields[1].operation: Invalid value: \"Delete\": must be `Apply` or `Update`",
                "metadata.managedFields[1].fieldsType: Invalid value: \"V2\": must be `FieldsV1`",
                "metadata.managedFields[1].manager: Invalid value: \"a\\ab\": invalid character U+0007 (at position 1)",
                "metadata.managedFields[1].subresource: Too long: may not be more than 256 bytes",
                "metadata.managedFields[2].operation: Invalid value: \"\": must be `Apply` or `Update`",
                "metadata.managedFields[2].manager: Too long: may not be more than 128 bytes",
            ]
        );
    }

    #[test]
    fn no_more_is_looked_for_than_is_listed() {
        assert_eq!(errors(vec![json!({}); 1000].into()).len(), 101);
        assert_eq!(
            errors(json!([{"operation": "Apply", "manager": "\u{1}".repeat(1000)}])).len(),
            101
        );
    }
}
