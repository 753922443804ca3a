//! Addresses of networks, as Go's `net` reads them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Go's `net.ParseIP`: no zone, no leading zeros.
pub(super) fn is_ip(text: &str) -> bool {
    match text.find(['.', ':']).and_then(|at| text.as_bytes().get(at)) {
        Some(b'.') => text.parse::<Ipv4Addr>().is_ok(),
        Some(_) => text.parse::<Ipv6Addr>().is_ok(),
        None => false,
    }
}

/// `ParseIPSloppy` of k8s.io/utils: leading zeros are decimal.
pub(super) fn is_ip_sloppy(text: &str) -> bool {
    match text.find(['.', ':']).and_then(|at| text.as_bytes().get(at)) {
        Some(b'.') => is_ipv4_sloppy(text),
        Some(_) => is_ipv6_sloppy(text),
        None => false,
    }
}

/// `ParseCIDRSloppy` of k8s.io/utils.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match () {
        () if is_ipv4_sloppy(address) => 32,
        () if is_ipv6_sloppy(address) => 128,
        () => return false,
    };
    decimal(length).is_some_and(|length| length <= most)
}

fn decimal(text: &str) -> Option<u32> {
    // With a sign it would be a number for Rust too.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let significant = text.trim_start_matches('0');
    digits.then(|| {
        if significant.is_empty() {
            0
        } else {
            significant.parse().unwrap_or(u32::MAX)
        }
    })
}

fn is_ipv4_sloppy(text: &str) -> bool {
    let mut count = 0;
    let all = text.split('.').all(|part| {
        count += 1;
        decimal(part).is_some_and(|value| value <= 255)
    });
    all && count == 4
}

/// Zeros before a group of hexadecimal digits, and in an IPv4 address at the end, do not count.
fn is_ipv6_sloppy(text: &str) -> bool {
    let (head, tail) = match text.rfind(':') {
        Some(at) if text[at..].contains('.') => text.split_at(at + 1),
        _ => (text, ""),
    };
    if !tail.is_empty() && !is_ipv4_sloppy(tail) {
        return false;
    }
    let mut plain: Vec<String> = Vec::new();
    for group in head.split(':') {
        let significant = group.trim_start_matches('0');
        plain.push(
            if significant.is_empty() && !group.is_empty() {
                "0"
            } else {
                significant
            }
            .to_owned(),
        );
    }
    let tail = if tail.is_empty() { "" } else { "0.0.0.0" };
    format!("{}{tail}", plain.join(":")).parse::<Ipv6Addr>().is_ok()
}

/// Go's `net.ParseMAC`: 6, 8 or 20 bytes.
pub(super) fn is_mac(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 12 {
        return false;
    }
    let (digits, separator) = match (bytes.get(2), bytes.get(4)) {
        (Some(separator @ (b':' | b'-')), _) => (2, Some(*separator)),
        (_, Some(b'.')) => (4, Some(b'.')),
        _ => (bytes.len(), None),
    };
    let groups: Vec<&[u8]> = match separator {
        Some(separator) => bytes.split(|b| *b == separator).collect(),
        None => vec![bytes],
    };
    let right = |group: &&[u8]| group.len() == digits && group.iter().all(u8::is_ascii_hexdigit);
    groups.iter().all(right) && [12, 16, 40].contains(&(groups.len() * digits))
}
