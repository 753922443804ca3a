//! Addresses: Kubernetes' `ip`, as Go's `netip.ParseAddr` reads them.

use std::fmt;
use std::net::IpAddr;

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{Fail, Value, fail, quote};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "ip",
        guard: Types,
        overloads: &[("string_to_ip", "(string) -> net.IP", ip)],
    },
    Decl {
        function: "family",
        guard: Types,
        overloads: &[("ip_family", "net.IP.() -> int", family)],
    },
    Decl {
        function: "ip.isCanonical",
        guard: Types,
        overloads: &[("ip_is_canonical", "(string) -> bool", is_canonical)],
    },
    Decl {
        function: "isUnspecified",
        guard: Types,
        overloads: &[("ip_is_unspecified", "net.IP.() -> bool", is_unspecified)],
    },
    Decl {
        function: "isLoopback",
        guard: Types,
        overloads: &[("ip_is_loopback", "net.IP.() -> bool", is_loopback)],
    },
    Decl {
        function: "isLinkLocalMulticast",
        guard: Types,
        overloads: &[(
            "ip_is_link_local_multicast",
            "net.IP.() -> bool",
            is_link_local_multicast,
        )],
    },
    Decl {
        function: "isLinkLocalUnicast",
        guard: Types,
        overloads: &[(
            "ip_is_link_local_unicast",
            "net.IP.() -> bool",
            is_link_local_unicast,
        )],
    },
    Decl {
        function: "isGlobalUnicast",
        guard: Types,
        overloads: &[("ip_is_global_unicast", "net.IP.() -> bool", is_global_unicast)],
    },
    Decl {
        function: "isIP",
        guard: Types,
        overloads: &[("is_ip", "(string) -> bool", is_ip)],
    },
    Decl {
        function: "string",
        guard: Types,
        overloads: &[("ip_to_string", "(net.IP) -> string", to_text)],
    },
];

/// An address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip(pub(super) IpAddr);

impl Ip {
    /// How long the address is, in bytes.
    pub(crate) const fn size(self) -> usize {
        if self.0.is_ipv4() { 4 } else { 16 }
    }

    /// Reads an address that is neither in a zone nor one of version 4 within one of version 6.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, zone) = parse_address(text).map_err(|error| {
            format!(
                "IP Address {} parse error during conversion from string: {error}",
                quote(text)
            )
        })?;
        if zone {
            return Err(format!(
                "IP address {} with zone value is not allowed",
                quote(text)
            ));
        }
        if is_mapped(address) {
            return Err(format!("IPv4-mapped IPv6 address {} is not allowed", quote(text)));
        }
        Ok(Self(address))
    }
}

pub(super) const fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => six(&address.segments(), f),
        }
    }
}

/// An address of version 6, its longest run of at least two zeros left out.
fn six(groups: &[u16; 8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut longest = 0..0;
    let mut at = 0;
    while at < 8 {
        let zeros = groups.iter().skip(at).take_while(|group| **group == 0).count();
        if zeros >= 2 && zeros > longest.len() {
            longest = at..at + zeros;
        }
        at += zeros.max(1);
    }
    let part = |groups: &[u16]| {
        let groups: Vec<String> = groups.iter().map(|group| format!("{group:x}")).collect();
        groups.join(":")
    };
    if longest.is_empty() {
        return f.write_str(&part(groups));
    }
    let before = groups.get(..longest.start).unwrap_or_default();
    let after = groups.get(longest.end..).unwrap_or_default();
    write!(f, "{}::{}", part(before), part(after))
}

/// Reads an address as Go does, and whether it is in a zone.
pub(super) fn parse_address(text: &str) -> Result<(IpAddr, bool), String> {
    let wrong = |message: &str, at: &str| {
        let at = if at.is_empty() {
            String::new()
        } else {
            format!(" (at {})", quote(at))
        };
        format!("ParseAddr({}): {message}{at}", quote(text))
    };
    match text.find(['.', ':', '%']).and_then(|at| text.as_bytes().get(at)) {
        Some(b'.') => {
            let four = four(text, wrong)?;
            Ok((IpAddr::from(four), false))
        }
        Some(b':') => version_six(text, wrong),
        Some(_) => Err(wrong("missing IPv6 address", "")),
        None => Err(wrong("unable to parse IP", "")),
    }
}

fn four(text: &str, wrong: impl Fn(&str, &str) -> String) -> Result<[u8; 4], String> {
    let mut fields = [0_u8; 4];
    let (mut value, mut position, mut digits) = (0_u32, 0, 0);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let rest = text.get(at..).unwrap_or_default();
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(wrong("IPv4 field has octet with leading zero", ""));
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(wrong("IPv4 field has value >255", ""));
                }
            }
            b'.' => {
                if at == 0 || at == bytes.len() - 1 || bytes.get(at - 1) == Some(&b'.') {
                    return Err(wrong("IPv4 field must have at least one digit", rest));
                }
                if position == 3 {
                    return Err(wrong("IPv4 address too long", ""));
                }
                if let Some(field) = fields.get_mut(position) {
                    *field = u8::try_from(value).unwrap_or_default();
                }
                position += 1;
                value = 0;
                digits = 0;
            }
            _ => return Err(wrong("unexpected character", rest)),
        }
    }
    if position < 3 {
        return Err(wrong("IPv4 address too short", ""));
    }
    fields[3] = u8::try_from(value).unwrap_or_default();
    Ok(fields)
}

fn version_six(text: &str, wrong: impl Fn(&str, &str) -> String) -> Result<(IpAddr, bool), String> {
    let (mut rest, zone) = match text.split_once('%') {
        Some((_, "")) => return Err(wrong("zone must be a non-empty string", "")),
        Some((address, _)) => (address, true),
        None => (text, false),
    };
    let mut bytes: Vec<u8> = Vec::with_capacity(16);
    let mut ellipsis = None;
    if let Some(after) = rest.strip_prefix("::") {
        ellipsis = Some(0);
        rest = after;
        if rest.is_empty() {
            return Ok((IpAddr::from([0_u8; 16]), zone));
        }
    }
    while bytes.len() < 16 {
        let mut group = 0_u32;
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        for (at, digit) in rest.chars().take(digits).enumerate() {
            group = (group << 4) + digit.to_digit(16).unwrap_or_default();
            if at > 3 {
                return Err(wrong("each group must have 4 or less digits", rest));
            }
            if group > 0xFFFF {
                return Err(wrong("IPv6 field has value >=2^16", rest));
            }
        }
        if digits == 0 {
            return Err(wrong(
                "each colon-separated field must have at least one digit",
                rest,
            ));
        }
        if rest.as_bytes().get(digits) == Some(&b'.') {
            if ellipsis.is_none() && bytes.len() != 12 {
                return Err(wrong(
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    rest,
                ));
            }
            if bytes.len() + 4 > 16 {
                return Err(wrong(
                    "too many hex fields to fit an embedded IPv4 at the end of the address",
                    rest,
                ));
            }
            bytes.extend(four(rest, &wrong)?);
            rest = "";
            break;
        }
        bytes.extend(u16::try_from(group).unwrap_or_default().to_be_bytes());
        rest = rest.get(digits..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else {
            return Err(wrong("unexpected character, want colon", rest));
        };
        if after.is_empty() {
            return Err(wrong("colon must be followed by more characters", rest));
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis.is_some() {
                return Err(wrong("multiple :: in address", rest));
            }
            ellipsis = Some(bytes.len());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return Err(wrong("trailing garbage after address", rest));
    }
    let missing = 16 - bytes.len();
    match ellipsis {
        None if missing > 0 => return Err(wrong("address string too short", "")),
        Some(_) if missing == 0 => {
            return Err(wrong("the :: must expand to at least one field of zeros", ""));
        }
        Some(at) => {
            bytes.splice(at..at, std::iter::repeat_n(0, missing));
        }
        None => {}
    }
    let address = <[u8; 16]>::try_from(bytes).unwrap_or_default();
    Ok((IpAddr::from(address), zone))
}

fn read(text: &str) -> Result<Ip, Fail> {
    Ip::parse(text).or_else(fail)
}

native!(pub(super) fn ip(Value::String(text)) read(text).map(Value::Ip));
native!(fn to_text(Value::Ip(ip)) Ok(Value::text(ip.to_string())));
native!(fn family(Value::Ip(ip)) Ok(Value::Int(if ip.0.is_ipv4() { 4 } else { 6 })));
native!(fn is_canonical(Value::String(text)) Ok(Value::Bool(read(text)?.to_string() == **text)));
native!(fn is_ip(Value::String(text)) Ok(Value::Bool(Ip::parse(text).is_ok())));
native!(fn is_unspecified(Value::Ip(ip)) Ok(Value::Bool(ip.0.is_unspecified())));
native!(fn is_loopback(Value::Ip(ip)) Ok(Value::Bool(ip.0.is_loopback())));
native!(fn is_link_local_multicast(Value::Ip(ip)) Ok(Value::Bool(match ip.0 {
    IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
    IpAddr::V6(address) => address.segments()[0] & 0xFF0F == 0xFF02,
})));
native!(fn is_link_local_unicast(Value::Ip(ip)) Ok(Value::Bool(link_local(ip.0))));
native!(fn is_global_unicast(Value::Ip(ip)) {
    let ip = ip.0;
    let broadcast = matches!(ip, IpAddr::V4(address) if address.is_broadcast());
    Ok(Value::Bool(!(broadcast || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local(ip))))
});

const fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xFFC0 == 0xFE80,
    }
}
