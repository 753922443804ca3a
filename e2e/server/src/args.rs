//! The command line of `annex-e2e-server`.
//!
//! Flags that Kubernetes' apiservers have too carry the same names, so that whatever starts those starts this.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// An extension apiserver that misbehaves on demand and records what it is sent; for tests only.
#[derive(Debug, Parser)]
#[command(name = "annex-e2e-server", disable_version_flag = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Serving.
    #[command(flatten)]
    pub serve: Option<ServeArgs>,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sends one request and prints `HTTP <code>` and the body; exit status 0 on any HTTP answer
    Request(Box<RequestArgs>),
    /// Waits until it is told to end
    Wait,
}

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Healthy: answers everybody
    Serve,
    /// Answers 401 to whoever shows a client certificate or sends X-Remote-User
    UntrustingFrontProxy,
    /// Answers 401 to whoever sends no X-Remote-User, and believes it from everybody
    ObeyedHeader,
    /// Serves another version of the group than it was told to
    OtherVersion,
    /// Answers discovery of the group-version long after the aggregator gave up
    SlowDiscovery,
    /// Answers discovery, but /readyz says that etcd has failed
    Unready,
    /// Runs, and listens nowhere
    Refuse,
    /// Serves with a self-signed certificate for a name that is nobody's
    WrongSan,
    /// Exits with status 1 soon after the start
    Crash,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value().map(|value| value.get_name().to_owned());
        f.write_str(&name.unwrap_or_default())
    }
}

/// Flags of the server.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// How to behave
    #[arg(long, value_enum, default_value_t = Mode::Serve)]
    pub mode: Mode,
    /// API group to serve
    #[arg(long)]
    pub group: String,
    /// Version of the group to serve
    #[arg(long)]
    pub version: String,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    pub bind_address: IpAddr,
    /// Port for HTTPS
    #[arg(long, default_value_t = 8443)]
    pub secure_port: u16,
    /// PEM file of the serving certificate; reread for each handshake
    #[arg(long)]
    pub tls_cert_file: Option<PathBuf>,
    /// PEM file of its private key; reread for each handshake
    #[arg(long)]
    pub tls_private_key_file: Option<PathBuf>,
    /// Go on with the certificate read at the start
    #[arg(long)]
    pub no_reload: bool,
    /// Port for plain HTTP, on which GET /recorded lists the last requests
    #[arg(long)]
    pub record_port: Option<u16>,
    /// Seconds until slow-discovery answers (default 20) or crash exits (default 2)
    #[arg(long)]
    pub delay_seconds: Option<u64>,
}

impl ServeArgs {
    /// The mode's delay: the flag's, else the mode's own.
    pub(super) fn delay(&self, default: Duration) -> Duration {
        self.delay_seconds.map_or(default, Duration::from_secs)
    }
}

/// Flags of `request`.
#[derive(Clone, Debug, clap::Args)]
pub struct RequestArgs {
    /// Where to, http:// or https://
    #[arg(long)]
    pub url: http::Uri,
    /// HTTP method
    #[arg(long, default_value = "GET")]
    pub method: http::Method,
    /// PEM file of the CAs to verify the server with
    #[arg(long, conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,
    /// Take any server certificate
    #[arg(long)]
    pub insecure: bool,
    /// PEM file of the client certificate
    #[arg(long, requires = "key")]
    pub cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, requires = "cert")]
    pub key: Option<PathBuf>,
    /// Header to send, NAME:VALUE; may be repeated
    #[arg(long, value_parser = parse_header)]
    pub header: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Name to ask for in the handshake and to verify, instead of the URL's host
    #[arg(long, value_name = "NAME")]
    pub resolve_sni: Option<String>,
    /// Bearer token to send
    #[arg(long)]
    pub token: Option<String>,
    /// Seconds until the attempt is given up
    #[arg(long, default_value_t = 30)]
    pub timeout_seconds: u64,
}

fn parse_header(text: &str) -> Result<(http::HeaderName, http::HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("not NAME:VALUE")?;
    let name = name
        .trim()
        .parse()
        .map_err(|error| format!("header name: {error}"))?;
    let value = value
        .trim()
        .parse()
        .map_err(|error| format!("header value: {error}"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once(&"annex-e2e-server").chain(args))
    }

    #[test]
    fn serves_with_the_flags_that_apiservers_are_given() {
        let args = parse(&[
            "--mode=slow-discovery",
            "--group=g.example.com",
            "--version=v1",
            "--tls-cert-file=/c/tls.crt",
            "--tls-private-key-file=/c/tls.key",
            "--secure-port=443",
        ])
        .expect("parsed");
        let serve = args.serve.expect("serving");
        assert!(args.command.is_none());
        assert_eq!((serve.mode, serve.secure_port), (Mode::SlowDiscovery, 443));
        assert_eq!(serve.mode.to_string(), "slow-discovery");
    }

    #[test]
    fn group_and_version_are_required_for_serving_alone() {
        assert!(parse(&["--mode=serve", "--version=v1"]).is_err());
        assert!(parse(&[]).is_err());
        assert!(matches!(
            parse(&["wait"]).expect("parsed").command,
            Some(Command::Wait)
        ));
    }

    #[test]
    fn requests_take_headers_and_refuse_half_an_identity() {
        let args = parse(&[
            "request",
            "--url=https://h/x",
            "--header",
            "X-Remote-User: eve:il",
            "--insecure",
        ]);
        let Ok(Args {
            command: Some(Command::Request(request)),
            ..
        }) = args
        else {
            panic!("not a request: {args:?}");
        };
        assert_eq!(request.header[0].0, "x-remote-user");
        assert_eq!(request.header[0].1, "eve:il");
        assert!(parse(&["request", "--url=https://h/", "--cert=c"]).is_err());
        assert!(parse(&["request", "--url=https://h/", "--header=nothing"]).is_err());
    }
}
