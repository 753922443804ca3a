//! Single parameters of a URL's query, looked up where a whole set of options would be too much.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The parameters of a query, read as Go's `url.ParseQuery` reads them: a pair that is malformed is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a>(&'a str);

impl<'a> Parameters<'a> {
    /// Those of `query`, which stands behind the `?`.
    pub(crate) fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// The first value of `name`, where it is there.
    pub(crate) fn first(self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// All values of `name`.
    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.pairs()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// All parameters in the order in which they came.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((unescape(key)?, unescape(value)?))
            })
    }
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    if !has_whole_escapes(text) {
        return None;
    }
    let spaced = text.replace('+', " ");
    Some(Cow::Owned(
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned(),
    ))
}

/// Whether two hexadecimal digits follow each `%`.
pub(super) fn has_whole_escapes(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| {
            bytes
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_go_reads_them() {
        let query = Parameters::new("a=1&b=x%20y+z&a=2&c&d=%zz&e=1;f=2&%61%3D=3&&=4");
        let first = |name| query.first(name).map(Cow::into_owned);
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(first("b").as_deref(), Some("x y z"));
        assert_eq!(first("c").as_deref(), Some(""));
        assert_eq!(first("d"), None);
        assert_eq!(first("e"), None);
        assert_eq!(first("a=").as_deref(), Some("3"));
        assert_eq!(Parameters::new("").first(""), None);
    }
}
