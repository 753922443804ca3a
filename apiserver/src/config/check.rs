//! From a command line as it was typed to a configuration that can be meant. Pure: nothing is opened.

mod cluster;
mod features;
mod storage;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;

use self::cluster::delegated;
use self::storage::storage;
use super::{
    Args, Cluster, Config, ConfigError, ConfigErrors, Defaults, LeaderElection, LimitArgs, Limits,
    ProcessArgs, ServingArgs, Timings,
};
use crate::request::GoDuration;
use crate::server::{Address, tls};

/// What goes wrong is collected here; a placeholder goes on, so that everything is said at once.
#[derive(Default)]
struct Errors(Vec<ConfigError>);

impl Errors {
    fn value(&mut self, flag: &'static str, message: impl Into<String>) {
        self.0.push(ConfigError::Value {
            flag,
            message: message.into(),
        });
    }

    fn combination(&mut self, message: impl Into<String>) {
        self.0.push(ConfigError::Combination(message.into()));
    }

    fn duration(&mut self, flag: &'static str, duration: GoDuration) -> Duration {
        duration.to_std().unwrap_or_else(|| {
            self.value(flag, "can not be negative value");
            Duration::ZERO
        })
    }
}

impl Config {
    /// Checks a command line.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_args(args: &Args, defaults: &Defaults) -> Result<Self, ConfigErrors> {
        let mut errors = Errors::default();
        for &(flag, why) in &args.refused {
            errors.0.push(ConfigError::Refused { flag, why });
        }
        let standalone = args.process.standalone;
        let data_directory = data_directory(args, defaults);
        let disabled = disabled_admission_plugins(args, defaults, &mut errors);
        let (features, unknown_gates) = features::features(args, &mut errors);
        let config = Self {
            address: address(&args.serving, standalone, &mut errors),
            http2_streams: http2_streams(&args.serving),
            strict_transport_security: strict_transport_security(&args.serving, &mut errors),
            tls: tls_options(&args.serving, standalone, &mut errors),
            storage: storage(
                &args.storage,
                data_directory.clone(),
                standalone,
                defaults,
                &mut errors,
            ),
            cluster: if standalone {
                Cluster::None {
                    kubeconfig_directory: data_directory.unwrap_or_default(),
                }
            } else {
                delegated(args, &mut errors)
            },
            namespace_lifecycle: !disabled.iter().any(|plugin| plugin == PLUGINS[0]) && !standalone,
            disabled_admission_plugins: disabled,
            features,
            leader_election: leader_election(&args.process, defaults),
            limits: limits(&args.limits, &mut errors),
            shutdown_delay: shutdown_delay(args, &mut errors),
            warnings: warnings(args).into_iter().chain(unknown_gates).collect(),
        };
        if errors.0.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors(errors.0))
        }
    }
}

/// Where files of the server's own lie; `None`: nowhere.
fn data_directory(args: &Args, defaults: &Defaults) -> Option<PathBuf> {
    match args.storage.data_dir.as_str() {
        "" if args.process.standalone => Some(format!("{}.local.data", defaults.name).into()),
        "" => None,
        given => Some(given.into()),
    }
}

fn address(serving: &ServingArgs, standalone: bool, errors: &mut Errors) -> Address {
    let mut ip = serving.bind_address;
    if standalone && ip.is_unspecified() {
        ip = IpAddr::from([127, 0, 0, 1]);
    }
    if standalone && !ip.is_loopback() {
        errors.combination("--standalone serves on loopback only: leave --bind-address out");
    }
    let port = serving.secure_port.unwrap_or(if standalone { 8443 } else { 443 });
    // A test wants any port that is free, and finds it in the kubeconfig. Behind a Service nobody would find it.
    if port == 0 && !standalone {
        errors.value("secure-port", "0 would serve nothing");
    }
    Address {
        ip,
        port,
        share_port: serving.permit_port_sharing,
    }
}

fn http2_streams(serving: &ServingArgs) -> Option<NonZeroU32> {
    // What Go's own server takes where nobody says anything.
    let go_default = NonZeroU32::new(250);
    if serving.disable_http2_serving {
        return None;
    }
    NonZeroU32::new(serving.http2_max_streams_per_connection).or(go_default)
}

fn strict_transport_security(serving: &ServingArgs, errors: &mut Errors) -> Option<HeaderValue> {
    let directives = given(&serving.strict_transport_security_directives);
    if directives.is_empty() {
        return None;
    }
    let known = |directive: &str| {
        matches!(directive, "includeSubDomains" | "preload")
            || directive.strip_prefix("max-age=").is_some_and(|seconds| {
                !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit())
            })
    };
    let flag = "strict-transport-security-directives";
    if directives.iter().any(|directive| !known(directive)) {
        errors.value(
            flag,
            "allowed values: max-age=expireTime, includeSubDomains, preload",
        );
    }
    HeaderValue::from_str(&directives.join("; ")).ok()
}

/// A pair in memory for loopback, whose authority goes into the kubeconfig.
pub(super) fn standalone_tls() -> tls::Options {
    tls::Options {
        directory: None,
        ..tls::Options::default()
    }
}

fn tls_options(serving: &ServingArgs, standalone: bool, errors: &mut Errors) -> tls::Options {
    let mut options = if standalone {
        standalone_tls()
    } else {
        tls::Options {
            directory: Some(serving.cert_dir.clone().into()),
            ..tls::Options::default()
        }
    };
    options.http2 = !serving.disable_http2_serving;
    options.certificate = match (
        serving.tls_cert_file.as_str(),
        serving.tls_private_key_file.as_str(),
    ) {
        ("", "") => None,
        ("", _) | (_, "") => {
            errors.combination("--tls-cert-file and --tls-private-key-file must be given together");
            None
        }
        _ if standalone => {
            errors.combination("--standalone makes its own certificate: leave --tls-cert-file out");
            None
        }
        (certificates, key) => Some(tls::PairFiles {
            certificates: certificates.into(),
            key: key.into(),
        }),
    };
    for pair in given(&serving.tls_sni_cert_key) {
        match tls::SniPair::parse(&pair) {
            Ok(pair) => options.sni.push(pair),
            Err(error) => errors.value("tls-sni-cert-key", error.to_string()),
        }
    }
    match tls::MinVersion::parse(&serving.tls_min_version) {
        Ok(version) => options.min_version = version,
        Err(error) => errors.value("tls-min-version", error.to_string()),
    }
    let suites = given(&serving.tls_cipher_suites);
    if !suites.is_empty() {
        match tls::cipher_suites(&suites) {
            Ok(suites) => options.cipher_suites = Some(suites),
            Err(error) => errors.value("tls-cipher-suites", error.to_string()),
        }
    }
    options
}

/// The plugins that the Go server has by default.
pub(crate) const PLUGINS: [&str; 5] = [
    "NamespaceLifecycle",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
];

/// The plugins that are off. As in Go, switching off wins nothing over switching on: both is an error.
fn disabled_admission_plugins(args: &Args, defaults: &Defaults, errors: &mut Errors) -> Vec<String> {
    let enabled = given(&args.admission.enable_admission_plugins);
    let disabled = given(&args.admission.disable_admission_plugins);
    let is_known =
        |plugin: &String| PLUGINS.contains(&plugin.as_str()) || defaults.admission_plugins.contains(plugin);
    for (flag, plugins) in [
        ("enable-admission-plugins", &enabled),
        ("disable-admission-plugins", &disabled),
    ] {
        for unknown in plugins.iter().filter(|plugin| !is_known(plugin)) {
            errors.value(flag, format!("plugin {unknown:?} is unknown"));
        }
    }
    for both in enabled.iter().filter(|plugin| disabled.contains(plugin)) {
        errors.combination(format!(
            "{both} in enable-admission-plugins and disable-admission-plugins overlapped"
        ));
    }
    disabled
}

fn leader_election(args: &ProcessArgs, defaults: &Defaults) -> LeaderElection {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    LeaderElection {
        enabled: args.leader_elect,
        namespace: given(&args.leader_elect_resource_namespace),
        name: given(&args.leader_elect_resource_name).unwrap_or_else(|| defaults.name.clone()),
        timings: Timings::default(),
    }
}

fn limits(args: &LimitArgs, errors: &mut Errors) -> Limits {
    let request_timeout = errors.duration("request-timeout", args.request_timeout);
    if request_timeout.is_zero() {
        errors.value("request-timeout", "must be more than nothing");
    }
    if args.max_connections == 0 {
        errors.value("max-connections", "must be more than nothing");
    }
    Limits {
        reading: args.max_requests_inflight,
        writing: args.max_mutating_requests_inflight,
        watches: args.max_watches,
        request_timeout,
        connections: args.max_connections,
        memory: None,
    }
}

/// Endpoints and the proxies that follow them learn within a second or two that a pod is going.
const SHUTDOWN_DELAY: Duration = Duration::from_secs(5);

/// Without others that serve meanwhile, waiting only makes an outage longer: an embedded store has one server.
fn shutdown_delay(args: &Args, errors: &mut Errors) -> Duration {
    match args.process.shutdown_delay_duration {
        Some(given) => errors.duration("shutdown-delay-duration", given),
        None if args.process.standalone || given(&args.storage.etcd_servers).is_empty() => Duration::ZERO,
        None => SHUTDOWN_DELAY,
    }
}

fn warnings(args: &Args) -> Vec<String> {
    if args.ignored.is_empty() {
        return Vec::new();
    }
    let flags: Vec<String> = args
        .ignored
        .iter()
        .map(|(flag, why)| format!("--{flag} ({why})"))
        .collect();
    vec![format!(
        "flags that mean nothing to this server are ignored: {}",
        flags.join("; ")
    )]
}

/// What was really given: an empty text is nothing.
fn given(values: &[String]) -> Vec<String> {
    values.iter().filter(|value| !value.is_empty()).cloned().collect()
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}
