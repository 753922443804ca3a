//! Networks: Kubernetes' `cidr`, as Go's `netip.ParsePrefix` reads them.

use std::fmt;
use std::net::IpAddr;

use super::Guard::Types;
use super::ip::{Ip, is_mapped, parse_address};
use super::{Decl, native};
use crate::value::{Fail, Value, fail, no_overload, quote};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "cidr",
        guard: Types,
        overloads: &[("string_to_cidr", "(string) -> net.CIDR", cidr)],
    },
    Decl {
        function: "containsIP",
        guard: Types,
        overloads: &[
            (
                "cidr_contains_ip_string",
                "net.CIDR.(string) -> bool",
                contains_ip,
            ),
            ("cidr_contains_ip_ip", "net.CIDR.(net.IP) -> bool", contains_ip),
        ],
    },
    Decl {
        function: "containsCIDR",
        guard: Types,
        overloads: &[
            (
                "cidr_contains_cidr_string",
                "net.CIDR.(string) -> bool",
                contains_cidr,
            ),
            ("cidr_contains_cidr", "net.CIDR.(net.CIDR) -> bool", contains_cidr),
        ],
    },
    Decl {
        function: "ip",
        guard: Types,
        overloads: &[("cidr_ip", "net.CIDR.() -> net.IP", to_ip)],
    },
    Decl {
        function: "prefixLength",
        guard: Types,
        overloads: &[("cidr_prefix_length", "net.CIDR.() -> int", prefix_length)],
    },
    Decl {
        function: "masked",
        guard: Types,
        overloads: &[("cidr_masked", "net.CIDR.() -> net.CIDR", masked)],
    },
    Decl {
        function: "isCIDR",
        guard: Types,
        overloads: &[("is_cidr", "(string) -> bool", is_cidr)],
    },
    Decl {
        function: "string",
        guard: Types,
        overloads: &[("cidr_to_string", "(net.CIDR) -> string", to_text)],
    },
];

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// How long the part of the network is, in bytes.
    pub(crate) const fn size(self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    fn parse(text: &str) -> Result<Self, String> {
        let network = parse_prefix(text)
            .map_err(|error| format!("network address parse error during conversion from string: {error}"))?;
        if is_mapped(network.address) {
            return Err(format!("IPv4-mapped IPv6 address {} is not allowed", quote(text)));
        }
        Ok(network)
    }

    /// The bits of an address that are the network's, and which version it is of.
    fn network(self, address: IpAddr) -> (bool, u128) {
        let (four, bits, length) = match address {
            IpAddr::V4(address) => (true, u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (false, address.to_bits(), 128),
        };
        let host = length - u32::from(self.bits);
        (four, bits.checked_shr(host).unwrap_or_default())
    }

    fn contains(self, address: IpAddr) -> bool {
        self.network(self.address) == self.network(address)
    }

    fn masked(self) -> Self {
        let (four, network) = self.network(self.address);
        let length = if four { 32 } else { 128 };
        let bits = network
            .checked_shl(length - u32::from(self.bits))
            .unwrap_or_default();
        let address = match u32::try_from(bits) {
            Ok(bits) if four => IpAddr::V4(bits.into()),
            _ => IpAddr::V6(bits.into()),
        };
        Self { address, ..self }
    }
}

fn parse_prefix(text: &str) -> Result<Cidr, String> {
    let wrong = |message: &str| format!("netip.ParsePrefix({}): {message}", quote(text));
    let Some((address, bits)) = text.rsplit_once('/') else {
        return Err(wrong("no '/'"));
    };
    let (address, zone) = parse_address(address).map_err(|error| wrong(&error))?;
    if zone {
        return Err(wrong("IPv6 zones cannot be present in a prefix"));
    }
    let bad = || wrong(&format!("bad bits after slash: {}", quote(bits)));
    if bits.len() > 1 && !bits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return Err(bad());
    }
    let number: i64 = bits.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if !(0..=most).contains(&number) {
        return Err(wrong("prefix length out of range"));
    }
    Ok(Cidr {
        address,
        bits: u8::try_from(number).unwrap_or_default(),
    })
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ip(self.address), self.bits)
    }
}

fn read(text: &str) -> Result<Cidr, Fail> {
    Cidr::parse(text).or_else(|error| {
        fail(format!(
            "network address parse error during conversion from string: {error}"
        ))
    })
}

native!(fn cidr(Value::String(text)) read(text).map(Value::Cidr));
native!(fn is_cidr(Value::String(text)) Ok(Value::Bool(Cidr::parse(text).is_ok())));
native!(fn to_text(Value::Cidr(network)) Ok(Value::text(network.to_string())));
native!(fn to_ip(Value::Cidr(network)) Ok(Value::Ip(Ip(network.address))));
native!(fn prefix_length(Value::Cidr(network)) Ok(Value::Int(network.bits.into())));
native!(fn masked(Value::Cidr(network)) Ok(Value::Cidr(network.masked())));
// What is no address is told as nothing that contains one, as in Kubernetes.
native!(fn contains_ip(Value::Cidr(network), other) {
    let ip = match other {
        Value::Ip(ip) => *ip,
        Value::String(text) => match Ip::parse(text) {
            Ok(ip) => ip,
            Err(_) => return no_overload(),
        },
        _ => return no_overload(),
    };
    Ok(Value::Bool(network.contains(ip.0)))
});
native!(fn contains_cidr(Value::Cidr(network), other) {
    let other = match other {
        Value::Cidr(other) => *other,
        Value::String(text) => read(text)?,
        _ => return no_overload(),
    };
    Ok(Value::Bool(network.bits <= other.bits && network.contains(other.address)))
});
