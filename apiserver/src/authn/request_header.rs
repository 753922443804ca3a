//! The request-header authenticator: what a front proxy says of the user, in headers. Go:
//! `authentication/request/headerrequest/requestheader.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use crate::request::User;

/// The headers that a front proxy speaks with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    usernames: Vec<HeaderName>,
    uids: Vec<HeaderName>,
    groups: Vec<HeaderName>,
    /// In lower case.
    extra_prefixes: Vec<String>,
}

/// A header says what is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header of the front proxy is not UTF-8")]
pub(super) struct NotText;

impl Headers {
    /// The headers of these names.
    pub(super) fn new(
        usernames: &[String],
        uids: &[String],
        groups: &[String],
        extra_prefixes: &[String],
    ) -> Self {
        let prefixes = extra_prefixes
            .iter()
            .map(|prefix| prefix.trim().to_ascii_lowercase());
        Self {
            usernames: names(usernames),
            uids: names(uids),
            groups: names(groups),
            // An empty prefix would swallow every header.
            extra_prefixes: prefixes.filter(|prefix| !prefix.is_empty()).collect(),
        }
    }

    /// Kubernetes' own, whatever the configuration says.
    pub(super) fn standard() -> Self {
        let of = |name: &str| vec![name.to_owned()];
        Self::new(
            &of("x-remote-user"),
            &of("x-remote-uid"),
            &of("x-remote-group"),
            &of("x-remote-extra-"),
        )
    }

    /// The user that the headers name; `None`: they name none. To be believed only from a front proxy.
    pub(super) fn user(&self, headers: &HeaderMap) -> Result<Option<User>, NotText> {
        let name = first(headers, &self.usernames)?;
        if name.is_empty() {
            return Ok(None);
        }
        Ok(Some(User {
            name,
            uid: first(headers, &self.uids)?,
            groups: all(headers, &self.groups)?,
            extra: self.extra(headers)?,
        }))
    }

    /// Removes them all.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        for name in self.usernames.iter().chain(&self.uids).chain(&self.groups) {
            headers.remove(name);
        }
        let begun: Vec<HeaderName> = headers
            .keys()
            .filter(|name| self.prefix_of(name).is_some())
            .cloned()
            .collect();
        for name in begun {
            headers.remove(name);
        }
    }

    fn prefix_of(&self, name: &HeaderName) -> Option<&str> {
        let prefixes = self.extra_prefixes.iter().map(String::as_str);
        prefixes
            .into_iter()
            .find(|prefix| name.as_str().starts_with(prefix))
    }

    fn extra(&self, headers: &HeaderMap) -> Result<BTreeMap<String, Vec<String>>, NotText> {
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for prefix in &self.extra_prefixes {
            for (name, value) in headers {
                if let Some(key) = name.as_str().strip_prefix(prefix.as_str()) {
                    extra
                        .entry(unescaped(key).into_owned())
                        .or_default()
                        .push(text(value)?);
                }
            }
        }
        Ok(extra)
    }
}

/// A name that is none of a header can never be sent, and so is left out.
fn names(names: &[String]) -> Vec<HeaderName> {
    let read = |name: &String| HeaderName::from_bytes(name.trim().as_bytes()).ok();
    names.iter().filter_map(read).collect()
}

fn text(value: &http::HeaderValue) -> Result<String, NotText> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| NotText)?;
    Ok(text.to_owned())
}

/// The first value that is not empty, of each header its first.
fn first(headers: &HeaderMap, names: &[HeaderName]) -> Result<String, NotText> {
    let mut values = names.iter().filter_map(|name| headers.get(name));
    values
        .find(|value| !value.is_empty())
        .map_or_else(|| Ok(String::new()), text)
}

fn all(headers: &HeaderMap, names: &[HeaderName]) -> Result<Vec<String>, NotText> {
    let values = names.iter().flat_map(|name| headers.get_all(name));
    values.filter(|value| !value.is_empty()).map(text).collect()
}

/// Go's `url.PathUnescape`; what it refuses stays as it is.
pub(super) fn unescaped(key: &str) -> Cow<'_, str> {
    let bytes = key.as_bytes();
    let well_formed = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(index, _)| {
            let digits = bytes.get(index + 1..index + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
    if !well_formed {
        return Cow::Borrowed(key);
    }
    percent_decode_str(key)
        .decode_utf8()
        .unwrap_or(Cow::Borrowed(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        headers
    }

    fn of(usernames: &[&str], uids: &[&str], groups: &[&str], prefixes: &[&str]) -> Headers {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Headers::new(&owned(usernames), &owned(uids), &owned(groups), &owned(prefixes))
    }

    #[test]
    fn all_that_the_proxy_says_is_read() {
        let said = headers(&[
            ("X-Remote-User", "alice"),
            ("X-Remote-Uid", "1"),
            ("X-Remote-Group", "a"),
            ("X-Remote-Group", ""),
            ("X-Remote-Group", "b"),
            ("X-Remote-Extra-Scopes", "one"),
            ("X-Remote-Extra-Scopes", "two"),
            ("X-Remote-Extra-Acme.com%2fProject", "p"),
            ("X-Remote-Extra-Broken%2", "b"),
        ]);
        let user = Headers::standard().user(&said).unwrap().unwrap();
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("alice", "1"));
        assert_eq!(user.groups, ["a", "b"]);
        let extra: Vec<_> = user
            .extra
            .iter()
            .map(|(key, values)| (key.as_str(), values.len()))
            .collect();
        assert_eq!(extra, [("acme.com/project", 1), ("broken%2", 1), ("scopes", 2)]);
    }

    #[test]
    fn the_first_header_with_a_name_counts() {
        let headers = headers(&[("x-empty", ""), ("x-second", "bob"), ("x-third", "carol")]);
        let user = of(&["X-Absent", "X-Empty", "X-Second", "X-Third"], &[], &[], &[]).user(&headers);
        assert_eq!(user.unwrap().unwrap().name, "bob");
        assert_eq!(of(&["x-empty"], &[], &[], &[]).user(&headers), Ok(None));
    }

    #[test]
    fn a_uid_header_that_is_not_configured_says_nothing() {
        let headers = headers(&[("x-remote-user", "alice"), ("x-remote-uid", "1")]);
        let user = of(&["x-remote-user"], &[], &[], &[])
            .user(&headers)
            .unwrap()
            .unwrap();
        assert_eq!(user.uid, "");
    }

    #[test]
    fn stripping_leaves_only_what_is_not_the_proxys() {
        let mut said = headers(&[
            ("x-remote-user", "a"),
            ("x-remote-uid", "a"),
            ("x-remote-group", "a"),
            ("x-remote-group", "b"),
            ("x-remote-extra-a", "a"),
            ("x-remote-extra-b", "a"),
            ("x-remote", "stays"),
            ("accept", "stays"),
        ]);
        Headers::standard().strip(&mut said);
        assert_eq!(said, headers(&[("x-remote", "stays"), ("accept", "stays")]));
    }

    #[test]
    fn an_empty_prefix_swallows_nothing() {
        let mut said = headers(&[("x-remote-user", "a"), ("accept", "b")]);
        let proxy = of(&["x-remote-user"], &[], &[], &[""]);
        assert!(proxy.user(&said).unwrap().unwrap().extra.is_empty());
        proxy.strip(&mut said);
        assert_eq!(said, headers(&[("accept", "b")]));
    }

    #[test]
    fn a_name_that_is_no_text_is_an_error_not_another_name() {
        let mut said = HeaderMap::new();
        said.insert("x-remote-user", http::HeaderValue::from_bytes(b"a\xff").unwrap());
        assert_eq!(Headers::standard().user(&said), Err(NotText));
        said.insert(
            "x-remote-user",
            http::HeaderValue::from_bytes("jürgen".as_bytes()).unwrap(),
        );
        assert_eq!(Headers::standard().user(&said).unwrap().unwrap().name, "jürgen");
    }
}
