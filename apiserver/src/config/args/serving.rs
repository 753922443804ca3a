//! Flags about where and how it serves.

use std::net::{IpAddr, Ipv4Addr};

use clap::ArgAction;

/// Where and how it serves.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArgs {
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "IP")]
    pub bind_address: IpAddr,

    /// The port to serve HTTPS on [default: 443; with --standalone 8443, and 0 is any that is free].
    #[arg(long, value_name = "PORT")]
    pub secure_port: Option<u16>,

    /// Where a self-signed pair is kept if no certificate is given.
    #[arg(
        long,
        default_value = "apiserver.local.config/certificates",
        value_name = "DIR"
    )]
    pub cert_dir: String,

    /// The certificate, its chain behind it, in PEM. Read again when it changes.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub tls_cert_file: String,

    /// The key of --tls-cert-file.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub tls_private_key_file: String,

    /// A further pair for some names: CERTIFICATE,KEY[:NAME,…]. May be repeated.
    #[arg(long, value_name = "PAIR")]
    pub tls_sni_cert_key: Vec<String>,

    /// The least TLS version: VersionTLS12 or VersionTLS13.
    #[arg(long, default_value = "", value_name = "VERSION")]
    pub tls_min_version: String,

    /// The cipher suites of TLS 1.2 to allow.
    #[arg(long, value_delimiter = ',', value_name = "SUITES")]
    pub tls_cipher_suites: Vec<String>,

    /// How many requests the front proxy may have open on one HTTP/2 connection, and others up to 250; 0: 250, as Go.
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    pub http2_max_streams_per_connection: u32,

    /// Serve HTTP/1.1 only.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub disable_http2_serving: bool,

    /// Let others listen on the same port (SO_REUSEPORT).
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub permit_port_sharing: bool,

    /// Do not wait for old connections of the same port (SO_REUSEADDR). On Linux it never does, as in Go.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub permit_address_sharing: bool,

    /// Directives of the header Strict-Transport-Security; none: no header. Annex's own in an extension apiserver.
    #[arg(long, value_delimiter = ',', value_name = "DIRECTIVES")]
    pub strict_transport_security_directives: Vec<String>,
}
