//! Flags about the process: its limits, its end, its logs.

use clap::ArgAction;

use crate::request::GoDuration;

/// What else may change or refuse a write.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Admission")]
pub struct AdmissionArgs {
    /// Plugins to switch on beside the default ones.
    #[arg(long, value_delimiter = ',', value_name = "PLUGINS")]
    pub enable_admission_plugins: Vec<String>,

    /// Plugins to switch off: NamespaceLifecycle, or one of the program's own.
    #[arg(long, value_delimiter = ',', value_name = "PLUGINS")]
    pub disable_admission_plugins: Vec<String>,
}

/// How much it does at once. The flags are kube-apiserver's; the Go sample-apiserver has none of them.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Seats for requests, together with --max-mutating-requests-inflight: a request takes one, or more where it reads or
    /// wakes many, and waits 5 s at most for them. One user has half at most. 0 for both: no limit.
    #[arg(long, default_value_t = 400, value_name = "NUMBER")]
    pub max_requests_inflight: usize,

    /// Further seats for requests: the sum counts, as in kube-apiserver with priority and fairness.
    #[arg(long, default_value_t = 200, value_name = "NUMBER")]
    pub max_mutating_requests_inflight: usize,

    /// How many watches may be open at once, half of them of one user; 0: any number (Annex's own).
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    pub max_watches: usize,

    /// How long a request may take that is no watch.
    #[arg(long, default_value = "1m", value_name = "DURATION")]
    pub request_timeout: GoDuration,

    /// How many connections may be open at once, beside those of the front proxy; the oldest whose clients have not
    /// authenticated make room (Annex's own).
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    pub max_connections: usize,
}

/// The process.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// The kubeconfig of the cluster, for what is neither authentication nor authorization.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub kubeconfig: String,

    /// Features to switch: ManagedFieldsOptOut=true lets clients leave metadata.managedFields out of answers (KEP-5958), which is off
    /// without it. Other gates mean nothing here.
    #[arg(long, value_delimiter = ',', value_name = "GATE=BOOL")]
    pub feature_gates: Vec<String>,

    /// Serve without a cluster (Annex's own): on loopback only, to one user in system:masters whose kubeconfig is
    /// written to the data directory.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub standalone: bool,

    /// Have what only one replica is to do done by the one that holds a Lease; else by each.
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub leader_elect: bool,

    /// The name of that Lease; without it the program's.
    #[arg(long, default_value = "", value_name = "NAME")]
    pub leader_elect_resource_name: String,

    /// Its namespace; without it the one of the pod, or of the kubeconfig.
    #[arg(long, default_value = "", value_name = "NAMESPACE")]
    pub leader_elect_resource_namespace: String,

    /// How long to go on accepting and answering after a SIGTERM while /readyz says no, until clients go elsewhere
    /// [default: 5s with --etcd-servers, where there may be other replicas; else 0s].
    #[arg(long, value_name = "DURATION")]
    pub shutdown_delay_duration: Option<GoDuration>,

    /// How much to log: from 4 on what is looked for in a fault, from 6 on everything but what is sent.
    #[arg(
        short,
        long,
        default_value_t = 0,
        value_name = "LEVEL",
        allow_negative_numbers = true
    )]
    pub v: i32,

    /// text or json (Annex's own).
    #[arg(long, default_value = "text", value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: String,
}
