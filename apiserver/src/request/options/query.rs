//! The parameters of a URL, read as Go's `url.ParseQuery` and apimachinery's conversions read them.

use crate::request::parameters::Parameters;
use crate::status::ApiError;

/// Parameters in the order in which they came.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// As Go's `URL.Query`: a pair that is malformed (a bad escape, a `;`) is left out.
    pub(super) fn parse(query: &str) -> Self {
        let pairs = Parameters::new(query).pairs();
        Self(
            pairs
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The first value, where the parameter is there.
    pub(super) fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// All values.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first value; empty where there is none.
    pub(super) fn text(&self, key: &str) -> String {
        self.first(key).unwrap_or_default().to_owned()
    }

    /// Whether it is there and says neither `0` nor `false`: an empty value is true.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.first(key)
            .map(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A number of 64 bits.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        text.parse::<i64>().map(Some).map_err(|error| {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let why = match error.kind() {
                PosOverflow | NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            ApiError::BadRequest(format!("strconv.ParseInt: parsing {text:?}: {why}"))
        })
    }

    /// Each value of a parameter that may be repeated.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.all(key).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_go_reads_them() {
        let query = Query::parse("a=1&b=x%20y+z&a=2&c&d=%zz&e=1;f=2&%61%3D=3&&=4");
        assert_eq!(query.first("a"), Some("1"));
        assert_eq!(query.list("a"), ["1", "2"]);
        assert_eq!(query.first("b"), Some("x y z"));
        assert_eq!(query.first("c"), Some(""));
        assert_eq!(query.first("d"), None);
        assert_eq!(query.first("e"), None);
        assert_eq!(query.first("a="), Some("3"));
    }

    #[test]
    fn a_flag_is_true_unless_it_says_false_or_0() {
        let query = Query::parse("a&b=true&c=0&d=FALSE&e=no");
        let flags = ["a", "b", "c", "d", "e", "f"].map(|key| query.flag(key));
        assert_eq!(
            flags,
            [Some(true), Some(true), Some(false), Some(false), Some(true), None]
        );
    }

    #[test]
    fn what_is_no_number_is_refused_in_the_words_of_go() {
        let query = Query::parse("a=12&b=x&c=9223372036854775808&d=");
        let message = |key| query.number(key).unwrap_err().to_string();
        assert_eq!(query.number("a").unwrap(), Some(12));
        assert_eq!(message("b"), r#"strconv.ParseInt: parsing "x": invalid syntax"#);
        assert_eq!(
            message("c"),
            r#"strconv.ParseInt: parsing "9223372036854775808": value out of range"#
        );
        assert_eq!(message("d"), r#"strconv.ParseInt: parsing "": invalid syntax"#);
    }
}
