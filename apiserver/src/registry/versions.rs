//! What a request's `resourceVersion` asks of a read.

use crate::request::options::{ListOptions, ResourceVersionMatch};
use crate::status::{ApiError, FieldError};
use crate::storage::{ReadAt, Revision};

/// The number that a resourceVersion is; empty and `0` are zero.
///
/// # Errors
/// It is none: the text that Kubernetes has for that.
pub(super) fn parse(text: &str) -> Result<Revision, String> {
    if text.is_empty() {
        return Ok(Revision::ZERO);
    }
    parse_number(text)
        .map(Revision::new)
        .map_err(|why| FieldError::invalid("resourceVersion", text, why).to_string())
}

/// Go's `strconv.ParseUint`, with its errors.
///
/// # Errors
/// It is no number of 64 bits.
pub(super) fn parse_number(text: &str) -> Result<u64, String> {
    let why = |why: &str| format!("strconv.ParseUint: parsing {text:?}: {why}");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(why("invalid syntax"));
    }
    text.parse().map_err(|_| why("value out of range"))
}

/// How fresh a read of one object by `resourceVersion` must be.
///
/// # Errors
/// 500 for what is no number: Go lets this one error through as it is.
pub(super) fn of_get(text: &str) -> Result<ReadAt, ApiError> {
    Ok(match (text, parse(text).map_err(ApiError::Plain)?) {
        ("", _) => ReadAt::Latest,
        (_, Revision::ZERO) => ReadAt::Any,
        (_, revision) => ReadAt::NotOlderThan(revision),
    })
}

/// How fresh a list without a continue token must be. `recursive`: it is of a range, not of one key; only there a limit
/// makes a resourceVersion exact, as it once was.
///
/// # Errors
/// 400 for what is no number.
pub(super) fn of_list(options: &ListOptions, recursive: bool) -> Result<ReadAt, ApiError> {
    let text = options.resource_version.as_str();
    let revision =
        parse(text).map_err(|why| ApiError::BadRequest(format!("invalid resource version: {why}")))?;
    let legacy_exact = recursive && options.limit.is_some();
    Ok(match (text, options.resource_version_match) {
        ("", _) => ReadAt::Latest,
        (_, Some(ResourceVersionMatch::Exact)) => ReadAt::Exact(revision),
        _ if revision == Revision::ZERO => ReadAt::Any,
        (_, Some(ResourceVersionMatch::NotOlderThan)) => ReadAt::NotOlderThan(revision),
        (_, None) if legacy_exact => ReadAt::Exact(revision),
        (_, None) => ReadAt::NotOlderThan(revision),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_get_is_as_fresh_as_its_resource_version_says() {
        assert_eq!(of_get("").unwrap(), ReadAt::Latest);
        assert_eq!(of_get("0").unwrap(), ReadAt::Any);
        assert_eq!(of_get("7").unwrap(), ReadAt::NotOlderThan(Revision::new(7)));
        let status = of_get("x").unwrap_err().status();
        assert_eq!(status.code, 500);
        assert_eq!(
            status.message,
            r#"resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax"#
        );
    }

    #[test]
    fn a_list_is_as_fresh_as_the_table_of_resource_versions_says() {
        let read = |query: &str| of_list(&ListOptions::parse(query).expect(query), true).expect(query);
        let seven = Revision::new(7);
        assert_eq!(read(""), ReadAt::Latest);
        assert_eq!(read("limit=5"), ReadAt::Latest);
        assert_eq!(read("resourceVersion=0"), ReadAt::Any);
        assert_eq!(read("resourceVersion=0&limit=5"), ReadAt::Any);
        assert_eq!(
            read("resourceVersion=0&resourceVersionMatch=NotOlderThan"),
            ReadAt::Any
        );
        assert_eq!(read("resourceVersion=7"), ReadAt::NotOlderThan(seven));
        assert_eq!(read("resourceVersion=7&limit=5"), ReadAt::Exact(seven));
        assert_eq!(
            read("resourceVersion=7&resourceVersionMatch=Exact"),
            ReadAt::Exact(seven)
        );
        assert_eq!(
            read("resourceVersion=7&limit=5&resourceVersionMatch=NotOlderThan"),
            ReadAt::NotOlderThan(seven)
        );
        let options = ListOptions::parse("resourceVersion=-1").unwrap();
        let status = of_list(&options, true).unwrap_err().status();
        assert_eq!(status.code, 400);
        assert!(
            status
                .message
                .starts_with("invalid resource version: resourceVersion: Invalid value")
        );
    }
}
