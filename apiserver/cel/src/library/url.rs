//! URLs: Kubernetes' `url`, as Go's `net/url` reads and writes them.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::Guard::Types;
use super::{Decl, ip, native};
use crate::value::{Fail, Map, Outcome, Value, Values, fail, quote};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "url",
        guard: Types,
        overloads: &[("string_to_url", "(string) -> kubernetes.URL", url)],
    },
    Decl {
        function: "getScheme",
        guard: Types,
        overloads: &[("url_get_scheme", "kubernetes.URL.() -> string", scheme)],
    },
    Decl {
        function: "getHost",
        guard: Types,
        overloads: &[("url_get_host", "kubernetes.URL.() -> string", host)],
    },
    Decl {
        function: "getHostname",
        guard: Types,
        overloads: &[("url_get_hostname", "kubernetes.URL.() -> string", hostname)],
    },
    Decl {
        function: "getPort",
        guard: Types,
        overloads: &[("url_get_port", "kubernetes.URL.() -> string", port)],
    },
    Decl {
        function: "getEscapedPath",
        guard: Types,
        overloads: &[(
            "url_get_escaped_path",
            "kubernetes.URL.() -> string",
            escaped_path,
        )],
    },
    Decl {
        function: "getQuery",
        guard: Types,
        overloads: &[(
            "url_get_query",
            "kubernetes.URL.() -> map(string, list(string))",
            query,
        )],
    },
    Decl {
        function: "isURL",
        guard: Types,
        overloads: &[("is_url_string", "(string) -> bool", is_url)],
    },
];

/// A URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Url {
    scheme: String,
    opaque: String,
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    path: Vec<u8>,
    /// The path as it was written, where that is not how it would be written.
    raw_path: String,
    omit_host: bool,
    force_query: bool,
    raw_query: String,
    fragment: Vec<u8>,
    raw_fragment: String,
}

/// Of which part a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Path,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

fn should_escape(c: u8, mode: Mode) -> bool {
    if c.is_ascii_alphanumeric()
        || (matches!(mode, Mode::Host | Mode::Zone) && b"!$&'()*+,;=:[]<>\"".contains(&c))
    {
        return false;
    }
    match c {
        b'-' | b'_' | b'.' | b'~' => return false,
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match mode {
            Mode::Path => return c == b'?',
            Mode::User => return matches!(c, b'@' | b'/' | b'?' | b':'),
            Mode::Query => return true,
            Mode::Fragment => return false,
            Mode::Host | Mode::Zone => {}
        },
        _ => {}
    }
    !(mode == Mode::Fragment && b"!()*".contains(&c))
}

fn escape(text: &[u8], mode: Mode) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if should_escape(*byte, mode) {
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

fn unescape(text: &str, mode: Mode) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let digit = |at: usize| bytes.get(at).and_then(|c| char::from(*c).to_digit(16));
                let invalid = || {
                    let end = (at + 3).min(bytes.len());
                    let part = String::from_utf8_lossy(bytes.get(at..end).unwrap_or_default()).into_owned();
                    format!("invalid URL escape {}", quote(&part))
                };
                let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
                    return Err(invalid());
                };
                let value = u8::try_from(high * 16 + low).unwrap_or_default();
                if mode == Mode::Host && high < 8 && value != b'%' {
                    return Err(invalid());
                }
                if mode == Mode::Zone && value != b'%' && value != b' ' && should_escape(value, Mode::Host) {
                    return Err(invalid());
                }
                out.push(value);
                at += 3;
            }
            b'+' if mode == Mode::Query => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                if matches!(mode, Mode::Host | Mode::Zone) && *byte < 0x80 && should_escape(*byte, mode) {
                    return Err(format!(
                        "invalid character {} in host name",
                        quote(&char::from(*byte).to_string())
                    ));
                }
                out.push(*byte);
                at += 1;
            }
        }
    }
    Ok(out)
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()))
}

impl Url {
    /// Reads a URL, as one of a request or as any.
    fn parse(text: &str, of_request: bool) -> Result<Self, String> {
        let wrong = |text: &str, error: &str| format!("parse {}: {error}", quote(text));
        if of_request {
            return Self::read(text, true).map_err(|error| wrong(text, &error));
        }
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::read(before, false).map_err(|error| wrong(before, &error))?;
        url.fragment = unescape(fragment, Mode::Fragment).map_err(|error| wrong(text, &error))?;
        if escape(&url.fragment, Mode::Fragment) != fragment {
            fragment.clone_into(&mut url.raw_fragment);
        }
        Ok(url)
    }

    fn read(text: &str, of_request: bool) -> Result<Self, String> {
        if text.bytes().any(|c| c < b' ' || c == 0x7F) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text.is_empty() && of_request {
            return Err("empty url".to_owned());
        }
        let mut url = Self::default();
        if text == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = scheme.to_lowercase();
        if rest.ends_with('?') && rest.matches('?').count() == 1 {
            url.force_query = true;
            rest = &rest[..rest.len() - 1];
        } else if let Some((before, query)) = rest.split_once('?') {
            rest = before;
            query.clone_into(&mut url.raw_query);
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if of_request {
                return Err("invalid URI for request".to_owned());
            }
            if rest
                .split('/')
                .next()
                .is_some_and(|segment| segment.contains(':'))
            {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let with_authority = !url.scheme.is_empty() || (!of_request && !rest.starts_with("///"));
        if let Some(authority) = rest.strip_prefix("//").filter(|_| with_authority) {
            let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
            rest = path;
            url.read_authority(authority)?;
        } else if !url.scheme.is_empty() && rest.starts_with('/') {
            url.omit_host = true;
        }
        url.path = unescape(rest, Mode::Path)?;
        if escape(&url.path, Mode::Path) != rest {
            rest.clone_into(&mut url.raw_path);
        }
        Ok(url)
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), String> {
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        self.host = read_host(&self.scheme, host)?;
        let Some(user) = user else { return Ok(()) };
        let valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !user.chars().all(valid) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = user
            .split_once(':')
            .map_or((user, None), |(name, password)| (name, Some(password)));
        let password = password.map(|password| unescape(password, Mode::User));
        self.user = Some((unescape(name, Mode::User)?, password.transpose()?));
        Ok(())
    }

    fn escaped_path(&self) -> String {
        let valid = |c: u8| b"!$&'()*+,;=:@[]%".contains(&c) || !should_escape(c, Mode::Path);
        if !self.raw_path.is_empty() && self.raw_path.bytes().all(valid) {
            return self.raw_path.clone();
        }
        if self.path == b"*" {
            return "*".to_owned();
        }
        escape(&self.path, Mode::Path)
    }

    fn host_text(&self) -> String {
        String::from_utf8_lossy(&self.host).into_owned()
    }

    /// The host without its port, and its port.
    fn host_and_port(&self) -> (String, String) {
        let whole = self.host_text();
        let (host, port) = match whole.rfind(':').filter(|at| is_port(&whole[*at..])) {
            Some(at) => (&whole[..at], &whole[at + 1..]),
            None => (&*whole, ""),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (bare.unwrap_or(host).to_owned(), port.to_owned())
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn read_host(scheme: &str, host: &str) -> Result<Vec<u8>, String> {
    let invalid_port = |port: &str| format!("invalid port {} after host", quote(port));
    match host.rfind('[') {
        Some(0) => {
            let Some(close) = host.rfind(']') else {
                return Err("missing ']' in host".to_owned());
            };
            let port = &host[close + 1..];
            if !is_port(port) {
                return Err(invalid_port(port));
            }
            let inner = &host[1..close];
            let mut name = Vec::new();
            let zone = inner.find("%25").unwrap_or(inner.len());
            name.extend(unescape(&inner[..zone], Mode::Host)?);
            name.extend(unescape(&inner[zone..], Mode::Zone)?);
            let text = String::from_utf8_lossy(&name).into_owned();
            let (address, _) = ip::parse_address(&text).map_err(|error| format!("invalid host: {error}"))?;
            if address.is_ipv4() {
                return Err("invalid IP-literal".to_owned());
            }
            Ok([b"[", &*name, b"]", port.as_bytes()].concat())
        }
        Some(_) => Err("invalid IP-literal".to_owned()),
        None => {
            if let Some(first) = host.find(':') {
                let strict = matches!(scheme, "http" | "https");
                let at = if strict {
                    first
                } else {
                    host.rfind(':').unwrap_or(first)
                };
                if !is_port(&host[at..]) {
                    return Err(invalid_port(&host[at..]));
                }
            }
            unescape(host, Mode::Host)
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            let has_authority = !self.host.is_empty() || self.user.is_some();
            let without_host = self.omit_host || self.scheme.is_empty() || self.path.is_empty();
            if has_authority || !without_host {
                out.push_str("//");
            }
            if let Some((name, password)) = &self.user {
                out.push_str(&escape(name, Mode::User));
                if let Some(password) = password {
                    out.push(':');
                    out.push_str(&escape(password, Mode::User));
                }
                out.push('@');
            }
            out.push_str(&escape(&self.host, Mode::Host));
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty()
                && path
                    .split('/')
                    .next()
                    .is_some_and(|segment| segment.contains(':'))
            {
                out.push_str("./");
            }
            out.push_str(&path);
        } else {
            out.push_str(&self.opaque);
        }
        if self.force_query || !self.raw_query.is_empty() {
            out.push('?');
            out.push_str(&self.raw_query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            if self.raw_fragment.is_empty() {
                out.push_str(&escape(&self.fragment, Mode::Fragment));
            } else {
                out.push_str(&self.raw_fragment);
            }
        }
        f.write_str(&out)
    }
}

/// What is wrong with a text as the URL of a request.
pub(super) fn request_uri_error(text: &str) -> Option<String> {
    Url::parse(text, true).err()
}

fn read(text: &str) -> Result<Url, Fail> {
    let both = Url::parse(text, true).and_then(|_| Url::parse(text, false));
    both.or_else(|error| fail(format!("URL parse error during conversion from string: {error}")))
}

native!(fn url(Value::String(text)) Ok(Value::Url(Arc::new(read(text)?))));
native!(fn is_url(Value::String(text)) Ok(Value::Bool(Url::parse(text, true).is_ok())));
native!(fn scheme(Value::Url(url)) Ok(Value::text(&*url.scheme)));
native!(fn host(Value::Url(url)) Ok(Value::text(url.host_text())));
native!(fn hostname(Value::Url(url)) Ok(Value::text(url.host_and_port().0)));
native!(fn port(Value::Url(url)) Ok(Value::text(url.host_and_port().1)));
native!(fn escaped_path(Value::Url(url)) Ok(Value::text(url.escaped_path())));
native!(fn query(Value::Url(url)) queries(&url.raw_query));

/// How many parameters Go reads.
const MAX_PARAMETERS: usize = 10_000;

fn queries<'a>(query: &str) -> Outcome<'a> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let parameters = if query.split('&').count() > MAX_PARAMETERS {
        ""
    } else {
        query
    };
    for pair in parameters
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.contains(';'))
    {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Ok(key), Ok(value)) = (unescape(key, Mode::Query), unescape(value, Mode::Query)) else {
            continue;
        };
        let (key, value) = (
            String::from_utf8_lossy(&key).into_owned(),
            String::from_utf8_lossy(&value).into_owned(),
        );
        match all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => all.push((key, vec![value])),
        }
    }
    let mut map = Values::default();
    for (key, values) in all {
        map.set(Value::text(key), Value::texts(values));
    }
    Ok(Value::Map(Map::Values(Arc::new(map))))
}
