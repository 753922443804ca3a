//! Whom the headers ask for.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::authn::request_header::unescaped;
use crate::request::User;
use crate::status::ApiError;

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const EXTRA: &str = "impersonate-extra-";

/// Groups, and values of extra, that one request may ask for. Each costs a question to the cluster, in each mode that is tried;
/// Kubernetes bounds them by the length of the headers alone.
const MOST_GROUPS: usize = 100;
const MOST_EXTRA: usize = 100;

/// Takes the wish out of the headers: the user as it was written, groups and all. `None`: there is none.
pub(super) fn take(headers: &mut HeaderMap) -> Result<Option<User>, ApiError> {
    if !headers
        .keys()
        .any(|name| name.as_str().starts_with("impersonate-"))
    {
        return Ok(None);
    }
    check_counts(headers)?;
    let mut wanted = User {
        name: headers.get(&USER).map_or_else(|| Ok(String::new()), text)?,
        uid: headers.get(&UID).map_or_else(|| Ok(String::new()), text)?,
        groups: headers
            .get_all(&GROUP)
            .iter()
            .map(text)
            .collect::<Result<_, _>>()?,
        ..User::default()
    };
    for (name, value) in &*headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = unescaped(key).into_owned();
            wanted.extra.entry(key).or_default().push(text(value)?);
        }
    }
    if wanted.name.is_empty() {
        return if wanted == User::default() {
            Ok(None)
        } else {
            let told = go_syntax(&wanted);
            Err(ApiError::BadRequest(format!(
                "requested {told} without impersonating a user name"
            )))
        };
    }
    strip(headers);
    Ok(Some(wanted))
}

/// Before anything is read of them, or asked.
fn check_counts(headers: &HeaderMap) -> Result<(), ApiError> {
    let groups = headers.get_all(&GROUP).iter().count();
    let extra = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(EXTRA))
        .count();
    for (what, count, most) in [
        ("groups", groups, MOST_GROUPS),
        ("extra values", extra, MOST_EXTRA),
    ] {
        if count > most {
            return Err(ApiError::BadRequest(format!(
                "impersonating {count} {what} is not possible: a request may ask for at most {most}"
            )));
        }
    }
    Ok(())
}

fn strip(headers: &mut HeaderMap) {
    let extra = headers.keys().filter(|name| name.as_str().starts_with(EXTRA));
    let names: Vec<HeaderName> = extra.cloned().chain([USER, UID, GROUP]).collect();
    for name in names {
        headers.remove(name);
    }
}

fn text(value: &HeaderValue) -> Result<String, ApiError> {
    std::str::from_utf8(value.as_bytes())
        .map(str::to_owned)
        .map_err(|_| ApiError::BadRequest("an impersonation header is not UTF-8".into()))
}

/// The user as Go's `%#v` writes it, for the message has it so.
fn go_syntax(user: &User) -> String {
    let texts = |texts: &[String]| {
        let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
        format!("[]string{{{}}}", quoted.join(", "))
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        texts(&user.groups)
    };
    let extra = if user.extra.is_empty() {
        "(nil)".to_owned()
    } else {
        let pairs = user
            .extra
            .iter()
            .map(|(key, values)| format!("{key:?}:{}", texts(values)));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{groups}, Extra:map[string][]string{extra}}}",
        user.name, user.uid
    )
}
