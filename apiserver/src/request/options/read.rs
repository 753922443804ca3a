//! `metav1.GetOptions`.

use super::query::Query;
use crate::status::ApiError;

/// The options of a GET of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// How fresh the answer must be: empty: as it is now; `0`: anything; else not older than this.
    pub resource_version: String,
}

impl GetOptions {
    /// Reads the query of a URL.
    ///
    /// # Errors
    /// 400: `export`, which Kubernetes no longer knows.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let query = Query::parse(query);
        if query.flag("export") == Some(true) {
            return Err(ApiError::BadRequest(
                "the export parameter, deprecated since v1.14, is no longer supported".into(),
            ));
        }
        Ok(Self {
            resource_version: query.text("resourceVersion"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_is_refused_and_the_unknown_ignored() {
        let options = GetOptions::parse("resourceVersion=7&export=false&what=ever").unwrap();
        assert_eq!(options.resource_version, "7");
        let error = GetOptions::parse("export=true").unwrap_err();
        assert_eq!(error.status().code, 400);
        assert_eq!(
            error.status().message,
            "the export parameter, deprecated since v1.14, is no longer supported"
        );
    }
}
