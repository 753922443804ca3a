//! Every flag of the Go sample-apiserver, and what it means here: the table behind `docs/apiserver-flags.md`.

/// What a flag of the Go server means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What it means there.
    Works,
    /// Nothing: it is accepted, and one warning at start names it. Why it can be left out.
    Ignored(&'static str),
    /// The server does not start with it, because something would be less safe than its owner believes. What.
    Refused(&'static str),
}

/// How a flag's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// `--flag`, `--flag=true` or `--flag=false`.
    Bool,
    /// `--flag=value` or `--flag value`.
    Text,
}

/// A flag of the Go server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoFlag {
    /// Its name, without `--`.
    pub name: &'static str,
    /// How its value is written.
    pub value: Value,
    /// What it means here.
    pub meaning: Meaning,
}

const fn works(name: &'static str, value: Value) -> GoFlag {
    GoFlag {
        name,
        value,
        meaning: Meaning::Works,
    }
}

const fn ignored(name: &'static str, value: Value, why: &'static str) -> GoFlag {
    GoFlag {
        name,
        value,
        meaning: Meaning::Ignored(why),
    }
}

const fn refused(name: &'static str, value: Value, why: &'static str) -> GoFlag {
    GoFlag {
        name,
        value,
        meaning: Meaning::Refused(why),
    }
}

const NO_AUDIT: &str = "without a policy, which is refused, the Go server logs nothing either";
const NO_PROFILING: &str = "there is no /debug/pprof";
const NO_LEASES: &str = "no object has a time to live";
const NO_POLL: &str = "the caches know it without asking etcd";

use Value::{Bool, Text};

/// All of them, by name.
pub const GO_FLAGS: &[GoFlag] = &[
    ignored(
        "admission-control-config-file",
        Text,
        "the plugins that it configures are not here; the first warning at start says so",
    ),
    ignored("audit-log-batch-buffer-size", Text, NO_AUDIT),
    ignored("audit-log-batch-max-size", Text, NO_AUDIT),
    ignored("audit-log-batch-max-wait", Text, NO_AUDIT),
    ignored("audit-log-batch-throttle-burst", Text, NO_AUDIT),
    ignored("audit-log-batch-throttle-enable", Bool, NO_AUDIT),
    ignored("audit-log-batch-throttle-qps", Text, NO_AUDIT),
    ignored("audit-log-compress", Bool, NO_AUDIT),
    ignored("audit-log-format", Text, NO_AUDIT),
    ignored("audit-log-maxage", Text, NO_AUDIT),
    ignored("audit-log-maxbackup", Text, NO_AUDIT),
    ignored("audit-log-maxsize", Text, NO_AUDIT),
    ignored("audit-log-mode", Text, NO_AUDIT),
    ignored("audit-log-path", Text, NO_AUDIT),
    ignored("audit-log-truncate-enabled", Bool, NO_AUDIT),
    ignored("audit-log-truncate-max-batch-size", Text, NO_AUDIT),
    ignored("audit-log-truncate-max-event-size", Text, NO_AUDIT),
    ignored("audit-log-version", Text, NO_AUDIT),
    refused("audit-policy-file", Text, "nothing would be audited"),
    ignored("audit-webhook-batch-buffer-size", Text, NO_AUDIT),
    ignored("audit-webhook-batch-max-size", Text, NO_AUDIT),
    ignored("audit-webhook-batch-max-wait", Text, NO_AUDIT),
    ignored("audit-webhook-batch-throttle-burst", Text, NO_AUDIT),
    ignored("audit-webhook-batch-throttle-enable", Bool, NO_AUDIT),
    ignored("audit-webhook-batch-throttle-qps", Text, NO_AUDIT),
    refused("audit-webhook-config-file", Text, "nothing would be audited"),
    ignored("audit-webhook-initial-backoff", Text, NO_AUDIT),
    ignored("audit-webhook-mode", Text, NO_AUDIT),
    ignored("audit-webhook-truncate-enabled", Bool, NO_AUDIT),
    ignored("audit-webhook-truncate-max-batch-size", Text, NO_AUDIT),
    ignored("audit-webhook-truncate-max-event-size", Text, NO_AUDIT),
    ignored("audit-webhook-version", Text, NO_AUDIT),
    works("authentication-kubeconfig", Text),
    works("authentication-skip-lookup", Bool),
    works("authentication-token-webhook-cache-ttl", Text),
    works("authentication-tolerate-lookup-failure", Bool),
    works("authorization-always-allow-paths", Text),
    works("authorization-kubeconfig", Text),
    works("authorization-webhook-cache-authorized-ttl", Text),
    works("authorization-webhook-cache-unauthorized-ttl", Text),
    works("bind-address", Text),
    works("cert-dir", Text),
    works("client-ca-file", Text),
    ignored("contention-profiling", Bool, NO_PROFILING),
    ignored("debug-socket-path", Text, NO_PROFILING),
    ignored(
        "delete-collection-workers",
        Text,
        "a collection is deleted as fast as the store takes it",
    ),
    works("disable-admission-plugins", Text),
    works("disable-http2-serving", Bool),
    refused(
        "egress-selector-config-file",
        Text,
        "connections would leave by another way than configured",
    ),
    ignored("emulated-version", Text, "there are no older versions to emulate"),
    works("enable-admission-plugins", Text),
    ignored(
        "enable-garbage-collector",
        Bool,
        "finalizers and propagation policies always work",
    ),
    ignored(
        "enable-priority-and-fairness",
        Bool,
        "it is always on, with seats by --max-requests-inflight and --max-mutating-requests-inflight and no FlowSchemas",
    ),
    refused(
        "encryption-provider-config",
        Text,
        "objects would be stored in plain text",
    ),
    ignored(
        "encryption-provider-config-automatic-reload",
        Bool,
        "there is no encryption configuration",
    ),
    works("etcd-cafile", Text),
    works("etcd-certfile", Text),
    works("etcd-compaction-interval", Text),
    ignored("etcd-count-metric-poll-period", Text, NO_POLL),
    ignored("etcd-db-metric-poll-interval", Text, NO_POLL),
    works("etcd-healthcheck-timeout", Text),
    works("etcd-keyfile", Text),
    works("etcd-prefix", Text),
    works("etcd-readycheck-timeout", Text),
    works("etcd-servers", Text),
    refused(
        "etcd-servers-overrides",
        Text,
        "objects would be kept in another etcd than configured",
    ),
    works("feature-gates", Text),
    works("help", Bool),
    works("http2-max-streams-per-connection", Text),
    works("kubeconfig", Text),
    ignored("lease-reuse-duration-seconds", Text, NO_LEASES),
    ignored("log-flush-frequency", Text, "logs are written at once"),
    ignored(
        "min-compatibility-version",
        Text,
        "there are no older versions to be compatible with",
    ),
    works("permit-address-sharing", Bool),
    works("permit-port-sharing", Bool),
    ignored("profiling", Bool, NO_PROFILING),
    works("requestheader-allowed-names", Text),
    works("requestheader-client-ca-file", Text),
    works("requestheader-extra-headers-prefix", Text),
    works("requestheader-group-headers", Text),
    works("requestheader-uid-headers", Text),
    works("requestheader-username-headers", Text),
    works("secure-port", Text),
    works("storage-backend", Text),
    works("storage-media-type", Text),
    works("tls-cert-file", Text),
    works("tls-cipher-suites", Text),
    refused(
        "tls-curve-preferences",
        Text,
        "key exchanges that it excludes would be allowed",
    ),
    works("tls-min-version", Text),
    works("tls-private-key-file", Text),
    works("tls-sni-cert-key", Text),
    ignored("tracing-config-file", Text, "no traces are sent"),
    works("v", Text),
    ignored(
        "vmodule",
        Text,
        "the environment variable RUST_LOG chooses by module",
    ),
    works("watch-cache", Bool),
    ignored(
        "watch-cache-sizes",
        Text,
        "a cache grows with the changes of its resource",
    ),
];
