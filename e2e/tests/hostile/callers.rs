//! Who comes to a server: attackers, and everybody else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use annex_e2e::attack::{Arena, Scale, Target, User};
use annex_e2e::certs::Identity;

use crate::cluster;

/// Where the objects are.
pub const NAMESPACE: &str = "hostile";

/// Where attackers come from. All of 127.0.0.0/8 is this machine.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));

const SCALE: Scale = Scale {
    connections: 2_000,
    hold: Duration::from_secs(3),
};

/// Those who come to one server.
pub struct Callers {
    address: SocketAddr,
    authority: String,
    proxy: Identity,
}

impl Callers {
    pub fn new(address: SocketAddr, authority: String, proxy: Identity) -> Self {
        Self {
            address,
            authority,
            proxy,
        }
    }

    fn target(&self) -> Target {
        Target::new(self.address, "localhost", &self.authority).unwrap()
    }

    fn attacker(&self, user: &str) -> Target {
        let target = self.target().from(ATTACKER);
        target.with_token(&format!("{}{user}", cluster::TOKEN)).unwrap()
    }

    /// Who probes.
    pub fn kubelet(&self) -> Target {
        self.target()
    }

    /// Somebody with all rights in the namespace.
    pub fn owner(&self) -> Target {
        self.target()
            .with_token(&format!("{}owner", cluster::TOKEN))
            .unwrap()
    }

    /// Two with the rights of users: one comes by way of the aggregator, the other directly.
    pub fn users(&self) -> Vec<User> {
        let proxied = self
            .target()
            .with_certificate(&self.proxy.certificate, &self.proxy.key)
            .with_header("x-remote-user".parse().unwrap(), "user")
            .unwrap();
        let direct = self
            .target()
            .with_token(&format!("{}direct-user", cluster::TOKEN));
        vec![
            User {
                name: "user through the front proxy",
                target: proxied,
            },
            User {
                name: "user with a token",
                target: direct.unwrap(),
            },
        ]
    }

    pub fn arena(&self) -> Arena {
        Arena {
            stranger: self.target().from(ATTACKER),
            namespace: NAMESPACE.to_owned(),
            creator: self.attacker("creator"),
            patcher: self.attacker("patcher"),
            reader: self.attacker("reader"),
            reader_of_one: self.attacker("reader-of-one"),
            scale: SCALE,
        }
    }
}
