//! Answers in YAML.

use serde_json::Value;

use crate::status::ApiError;

/// `json` as YAML, its fields in alphabetical order, as sigs.k8s.io/yaml writes them.
pub(super) fn from_json(json: &[u8]) -> Result<Vec<u8>, ApiError> {
    let value: Value = serde_json::from_slice(json).map_err(|error| ApiError::Internal(error.to_string()))?;
    let text = serde_saphyr::to_string(&value).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_as_what_it_was() {
        let value = serde_json::json!({
            "kind": "Flunder", "yes": "yes", "no": "no", "number": "1", "octal": "0o14", "float": "1e3", "null": "null",
            "tilde": "~", "empty": "", "truth": true, "nothing": null, "count": 12, "big": 9_007_199_254_740_993_i64,
            "part": 1.5, "lines": "a\nb\n", "tail": "a\n\n\n", "space": " a ", "hash": "a # b", "colon": "a: b",
            "time": "2024-01-01T00:00:00Z", "list": [], "map": {}, "nested": [{"a": [1, [2, []]]}, "- x", "%", "@"],
            "unicode": "ü\u{7f}\t", "quote": "'\"\\", "bool-like": "y", "plus": "+1", "dot": ".5", "inf": ".inf",
        });
        let yaml = from_json(&serde_json::to_vec(&value).unwrap()).unwrap();
        let back: Value = serde_saphyr::from_slice(&yaml).unwrap();
        assert_eq!(back, value, "{}", String::from_utf8_lossy(&yaml));
    }
}
