//! What Go's `url.ParseRequestURI` takes.

use super::address;

/// In which part of a URL something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Path,
    User,
    Host,
    Zone,
}

/// Whether a text is a URL, or the absolute path of one.
pub(super) fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < b' ' || b == 0x7F) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = scheme(text) else {
        return false;
    };
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with('/') {
        // With a scheme it is opaque.
        return !scheme.is_empty();
    }
    let mut path = rest;
    if let Some(rest) = rest.strip_prefix("//")
        && !scheme.is_empty()
    {
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        if !is_authority(&scheme.to_ascii_lowercase(), authority) {
            return false;
        }
        path = after;
    }
    is_escaped(path, Within::Path)
}

/// The scheme, which may be empty, and what follows it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return None,
            ':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn is_authority(scheme: &str, authority: &str) -> bool {
    let (user, host) = authority
        .rsplit_once('@')
        .map_or((None, authority), |(user, host)| (Some(user), host));
    let is_user = |user: &str| {
        user.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b))
            && is_escaped(user, Within::User)
    };
    is_host(scheme, host) && user.is_none_or(is_user)
}

fn is_host(scheme: &str, host: &str) -> bool {
    match host.rfind('[') {
        Some(0) => {
            let Some((inner, port)) = host[1..].rsplit_once(']') else {
                return false;
            };
            is_port(port) && is_ip_literal(inner)
        }
        Some(_) => false,
        None => {
            let colon = if ["http", "https"].contains(&scheme) {
                host.find(':')
            } else {
                host.rfind(':')
            };
            colon.is_none_or(|colon| is_port(&host[colon..])) && is_escaped(host, Within::Host)
        }
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

/// An IPv6 address, perhaps with a zone.
fn is_ip_literal(text: &str) -> bool {
    let (address, zone) = match text.find("%25") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    // A zone of nothing is none; the first three bytes are the escaped percent sign.
    let is_zone = zone.is_empty() || zone.len() > 3 && is_escaped(zone, Within::Zone);
    is_zone && is_escaped(address, Within::Host) && address.contains(':') && address::is_ip(address)
}

/// Whether everything that is escaped is so rightly, and nothing else would have to be.
fn is_escaped(text: &str, within: Within) -> bool {
    let bytes = text.as_bytes();
    let in_host = matches!(within, Within::Host | Within::Zone);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'%' {
            if in_host && byte < 0x80 && !may_stand_in_host(byte) {
                return false;
            }
            at += 1;
            continue;
        }
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) else {
            return false;
        };
        let is_percent = (high, low) == (2, 5);
        if within == Within::Host && high < 8 && !is_percent {
            return false;
        }
        let value = u8::try_from(high * 16 + low).unwrap_or_default();
        if within == Within::Zone && !is_percent && value != b' ' && !may_stand_in_host(value) {
            return false;
        }
        at += 3;
    }
    true
}

fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
}
