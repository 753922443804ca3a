//! Command-line flags and their environment variables.

use std::{net::SocketAddr, path::Path, time::Duration};

use annex_crds::duration::GoDuration;
use annex_leader_election::{LeaseSettings, Timings, TimingsError};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::{
    namespaces::{self, Namespaces},
    rate_limit::Rate,
    run::ControllerSettings,
};

/// Where a pod finds the namespace of its ServiceAccount.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Runs Kubernetes aggregated apiservers: one AggregatedServer becomes a running, trusted, registered and
/// watched-over API.
///
/// The cluster is the one of the pod's ServiceAccount, or of the kubeconfig that KUBECONFIG names.
#[derive(Clone, Debug, Parser)]
#[command(name = "annex-operator", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Logs; the same for every command.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The commands of the program.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the operator until SIGTERM or SIGINT
    ///
    /// Exits with 0 after a clean stop, with 1 when it lost its lease or could not start.
    Run(Box<RunArgs>),
    /// Refuse to go on while an AggregatedServer exists
    ///
    /// Exits with 0 when there is none, or no such resource in the cluster; with 1 and the names otherwise, and
    /// when the cluster cannot say. A hook runs it before the CRDs are removed.
    CheckUninstall,
}

/// How the program logs.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// Form of the log lines on standard error
    #[arg(long, global = true, env = "ANNEX_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,annex_operator=debug`
    ///
    /// Events of HTTP and TLS libraries that could hold what was sent are never logged, whatever stands here.
    #[arg(
        long,
        global = true,
        env = "ANNEX_LOG_FILTER",
        default_value = "info",
        value_name = "DIRECTIVES"
    )]
    pub log_filter: String,
}

/// Forms of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text for people.
    Text,
    /// A JSON object on a line.
    Json,
}

/// Flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The operator's own namespace: its lease, its CA Secrets and the probe's ServiceAccount are there
    /// [default: POD_NAMESPACE, else the namespace of the pod's ServiceAccount]
    #[arg(long, env = "ANNEX_NAMESPACE", value_parser = dns_label)]
    pub namespace: Option<String>,
    /// Namespaces in which servers may run, separated by commas, at most 64: nothing is read or written in any other
    /// [default: every namespace]
    #[arg(long, env = "ANNEX_NAMESPACES", value_parser = dns_label, value_delimiter = ',', num_args = 1, value_name = "NAMES")]
    pub namespaces: Vec<String>,
    /// The pod's name; the identity in the lease and the instance in Events begin with it
    #[arg(long, env = "POD_NAME", default_value = "annex-operator", value_parser = dns_subdomain)]
    pub pod_name: String,
    /// ServiceAccount without any rights, whose short-lived tokens probes send to servers
    #[arg(long, env = "ANNEX_PROBE_SERVICE_ACCOUNT", default_value = "annex-probe", value_parser = dns_subdomain, value_name = "NAME")]
    pub probe_service_account: String,
    /// Image of annex-apiserver, for AggregatedServers whose workload names none
    #[arg(
        long, env = "ANNEX_DEFAULT_SERVER_IMAGE", default_value = concat!("annex-apiserver:", env!("CARGO_PKG_VERSION")),
        value_parser = clap::builder::NonEmptyStringValueParser::new(), value_name = "IMAGE"
    )]
    pub default_server_image: String,
    /// Address of /livez and /readyz (plain HTTP)
    #[arg(
        long,
        env = "ANNEX_HEALTH_ADDRESS",
        default_value = "[::]:8081",
        value_name = "ADDRESS:PORT"
    )]
    pub health_address: SocketAddr,
    /// Address of /metrics (plain HTTP)
    #[arg(
        long,
        env = "ANNEX_METRICS_ADDRESS",
        default_value = "[::]:8080",
        value_name = "ADDRESS:PORT"
    )]
    pub metrics_address: SocketAddr,
    /// Address of the validating webhook for AggregatedResourceDefinitions (HTTPS, with the certificate in the Secret annex-webhook)
    #[arg(
        long,
        env = "ANNEX_WEBHOOK_ADDRESS",
        default_value = "[::]:8443",
        value_name = "ADDRESS:PORT"
    )]
    pub webhook_address: SocketAddr,
    /// Work only while holding the lease; needed with more than one replica
    #[arg(
        long, env = "ANNEX_LEADER_ELECT", action = ArgAction::Set, default_value_t = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL"
    )]
    pub leader_elect: bool,
    /// Name of the Lease in the operator's namespace
    #[arg(long, env = "ANNEX_LEASE_NAME", default_value = "annex-operator", value_parser = dns_subdomain, value_name = "NAME")]
    pub lease_name: String,
    /// How long a lease holds that is not renewed: the longest time without a leader (whole seconds)
    #[arg(
        long,
        env = "ANNEX_LEASE_DURATION",
        default_value = "15s",
        value_name = "DURATION"
    )]
    pub lease_duration: GoDuration,
    /// How long a leader goes on without having renewed its lease; shorter than --lease-duration
    #[arg(
        long,
        env = "ANNEX_RENEW_DEADLINE",
        default_value = "10s",
        value_name = "DURATION"
    )]
    pub renew_deadline: GoDuration,
    /// Time between attempts to acquire or renew the lease; 1.2 times it is shorter than --renew-deadline
    #[arg(
        long,
        env = "ANNEX_RETRY_PERIOD",
        default_value = "2s",
        value_name = "DURATION"
    )]
    pub retry_period: GoDuration,
    /// How many AggregatedServers are reconciled at the same time
    #[arg(long, env = "ANNEX_WORKERS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "NUMBER")]
    pub workers: u16,
    /// Each AggregatedServer is reconciled at least this often, 1s to 1h; where there are more than 100, a third as often
    #[arg(long, env = "ANNEX_RESYNC", default_value = "20s", value_parser = resync, value_name = "DURATION")]
    pub resync: GoDuration,
    /// Requests a second to the API server, 1 to 10000; watches and the lease are not counted
    #[arg(long, env = "ANNEX_KUBE_API_QPS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000), value_name = "NUMBER")]
    pub kube_api_qps: u16,
    /// Requests to the API server at once after a pause, 1 to 10000
    #[arg(long, env = "ANNEX_KUBE_API_BURST", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=10_000), value_name = "NUMBER")]
    pub kube_api_burst: u16,
}

/// More namespaces are named than can be watched.
#[derive(Debug, thiserror::Error)]
#[error("--namespaces names {0} namespaces; {max} can be watched", max = namespaces::MAX)]
pub struct TooManyNamespaces(usize);

/// The operator's own namespace is not known.
#[derive(Debug, thiserror::Error)]
#[error("the operator's namespace is not known: give --namespace, or POD_NAMESPACE ({file} says nothing)")]
pub struct NamespaceUnknown {
    file: String,
}

impl RunArgs {
    /// The operator's own namespace: the flag, `POD_NAMESPACE`, the ServiceAccount's file, in this order.
    ///
    /// # Errors
    /// None of them names one.
    pub fn resolve_namespace(&self) -> Result<String, NamespaceUnknown> {
        let from_pod = std::env::var("POD_NAMESPACE").ok();
        resolve_namespace(
            self.namespace.as_deref(),
            from_pod.as_deref(),
            Path::new(NAMESPACE_FILE),
        )
    }

    /// The namespaces in which servers may run.
    ///
    /// # Errors
    /// They are too many.
    pub fn server_namespaces(&self) -> Result<Namespaces, TooManyNamespaces> {
        match self.namespaces.len() {
            named if named > namespaces::MAX => Err(TooManyNamespaces(named)),
            _ => Ok(Namespaces::new(&self.namespaces)),
        }
    }

    /// The settings of leader election in `namespace`.
    ///
    /// # Errors
    /// The three times do not fit each other.
    pub fn lease_settings(&self, namespace: &str) -> Result<LeaseSettings, TimingsError> {
        let timings = Timings::new(
            self.lease_duration.as_duration(),
            self.renew_deadline.as_duration(),
            self.retry_period.as_duration(),
        )?;
        Ok(LeaseSettings::new(
            namespace,
            &self.lease_name,
            &self.pod_name,
            annex_crds::MANAGER,
            timings,
        ))
    }

    /// How often the API server may be asked.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        Rate {
            qps: self.kube_api_qps,
            burst: self.kube_api_burst,
        }
    }

    /// What the controller needs to know of the flags.
    ///
    /// # Errors
    /// More namespaces are named than can be watched.
    pub fn controller_settings(&self) -> Result<ControllerSettings, TooManyNamespaces> {
        Ok(ControllerSettings {
            namespaces: self.server_namespaces()?,
            instance: self.pod_name.clone(),
            probe_service_account: self.probe_service_account.clone(),
            server_image: self.default_server_image.clone(),
            workers: self.workers,
            resync: self.resync.as_duration(),
        })
    }
}

fn resolve_namespace(
    flag: Option<&str>,
    from_pod: Option<&str>,
    file: &Path,
) -> Result<String, NamespaceUnknown> {
    let from_file = || std::fs::read_to_string(file).ok();
    [flag, from_pod]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .find(|name| !name.is_empty())
        .or_else(|| {
            from_file()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
        })
        .ok_or_else(|| NamespaceUnknown {
            file: file.display().to_string(),
        })
}

/// RFC 1123 label, the form of a namespace's name.
fn dns_label(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: char| c != '-';
    let valid = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && text.starts_with(edge)
        && text.ends_with(edge);
    match valid {
        true => Ok(text.to_owned()),
        false => Err("not a DNS label: lower-case letters, digits and '-', at most 63".to_owned()),
    }
}

/// RFC 1123 subdomain, the form of most objects' names.
fn dns_subdomain(text: &str) -> Result<String, String> {
    match text.len() <= 253 && text.split('.').all(|label| dns_label(label).is_ok()) {
        true => Ok(text.to_owned()),
        false => Err("not a DNS subdomain: lower-case letters, digits, '-' and '.', at most 253".to_owned()),
    }
}

fn resync(text: &str) -> Result<GoDuration, String> {
    let duration: GoDuration = text
        .parse()
        .map_err(|e: annex_crds::duration::ParseError| e.to_string())?;
    match (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&duration.as_duration()) {
        true => Ok(duration),
        false => Err("must be 1s to 1h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> Result<RunArgs, String> {
        let all = ["annex-operator", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).map_err(|e| e.to_string())?.command {
            Command::Run(args) => Ok(*args),
            Command::CheckUninstall => panic!("parsed as check-uninstall"),
        }
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_documented() {
        let args = run(&[]).unwrap();
        assert!(args.leader_elect);
        assert_eq!(args.lease_name, "annex-operator");
        assert_eq!(args.health_address.to_string(), "[::]:8081");
        assert_eq!(args.metrics_address.to_string(), "[::]:8080");
        let lease = args.lease_settings("annex").unwrap();
        assert_eq!(lease.timings, Timings::default());
        assert!(
            lease.identity.starts_with(&format!("{}_", args.pod_name)),
            "{}",
            lease.identity
        );
        let settings = args.controller_settings().unwrap();
        assert_eq!(settings.namespaces, Namespaces::default());
        assert_eq!((settings.workers, settings.resync), (4, Duration::from_secs(20)));
        assert_eq!(settings.probe_service_account, "annex-probe");
        assert_eq!(args.rate(), Rate { qps: 200, burst: 400 });
    }

    #[test]
    fn leader_election_is_switched_as_in_go() {
        assert!(run(&["--leader-elect"]).unwrap().leader_elect);
        assert!(!run(&["--leader-elect=false"]).unwrap().leader_elect);
    }

    #[test]
    fn values_out_of_range_are_refused_with_a_reason() {
        for (flag, expected) in [
            ("--workers=0", "0 is not in 1..=64"),
            ("--kube-api-qps=0", "0 is not in 1..=10000"),
            ("--kube-api-burst=0", "0 is not in 1..=10000"),
            ("--resync=2h", "must be 1s to 1h"),
            ("--resync=20", "needs a unit after 20"),
            ("--lease-duration=-15s", "must not have a sign"),
            ("--namespace=Annex", "not a DNS label"),
            ("--namespaces=a,B", "not a DNS label"),
            ("--namespaces=", "not a DNS label"),
            ("--lease-name=a..b", "not a DNS subdomain"),
            ("--health-address=8081", "invalid socket address"),
            ("--metrics-address=8080", "invalid socket address"),
        ] {
            let error = run(&[flag]).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{flag}: {error}");
        }
        assert!(
            run(&["--renew-deadline=15s"])
                .unwrap()
                .lease_settings("annex")
                .is_err()
        );
    }

    #[test]
    fn namespaces_are_a_bounded_list() {
        let named = run(&["--namespaces=b,a"]).unwrap().server_namespaces().unwrap();
        assert_eq!(named, Namespaces::new(&["a".into(), "b".into()]));
        let many: Vec<String> = (0..=namespaces::MAX).map(|number| format!("n{number}")).collect();
        let many = run(&[&format!("--namespaces={}", many.join(","))]).unwrap();
        let error = many.controller_settings().unwrap_err().to_string();
        assert_eq!(error, "--namespaces names 65 namespaces; 64 can be watched");
    }

    #[test]
    fn log_flags_stand_before_or_behind_the_command() {
        for arguments in [
            ["--log-format=json", "check-uninstall"],
            ["check-uninstall", "--log-format=json"],
        ] {
            let cli = Cli::try_parse_from(["annex-operator"].into_iter().chain(arguments)).unwrap();
            assert_eq!(cli.log.log_format, LogFormat::Json);
        }
    }

    #[test]
    fn help_names_environment_and_default_of_every_flag() {
        let mut command = Cli::command();
        let run = command.find_subcommand_mut("run").unwrap();
        let help = run.render_long_help().to_string();
        for argument in run.get_arguments().filter(|a| a.get_id() != "help") {
            let long = argument.get_long().unwrap();
            assert!(
                argument.get_env().is_some(),
                "--{long} has no environment variable"
            );
            assert!(help.contains(&format!("--{long}")), "--{long} is not in the help");
            let default = !argument.get_default_values().is_empty() || long.starts_with("namespace");
            assert!(default, "--{long} has no default");
        }
        assert!(help.contains("[default: 15s]"), "{help}");
        assert!(help.contains("[env: ANNEX_LEASE_DURATION="), "{help}");
    }

    #[test]
    fn namespace_comes_from_flag_then_pod_then_file() {
        let file = std::env::temp_dir().join(format!("annex-namespace-{}", std::process::id()));
        std::fs::write(&file, "from-file\n").unwrap();
        let missing = Path::new("/nonexistent/namespace");
        let resolve = |flag, pod, file: &Path| resolve_namespace(flag, pod, file).map_err(|e| e.to_string());
        assert_eq!(resolve(Some("flag"), Some("pod"), &file).unwrap(), "flag");
        assert_eq!(resolve(None, Some("pod"), &file).unwrap(), "pod");
        assert_eq!(resolve(None, Some(""), &file).unwrap(), "from-file");
        assert!(resolve(None, None, missing).unwrap_err().contains("--namespace"));
        std::fs::remove_file(&file).unwrap();
    }
}
