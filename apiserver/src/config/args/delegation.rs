//! Flags about whom it asks who somebody is, and what they may.

use clap::ArgAction;

use crate::request::GoDuration;

/// How it learns who asks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthenticationArgs {
    /// The kubeconfig of the cluster that knows tokens; without it the one that the process runs in.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub authentication_kubeconfig: String,

    /// Do not look up in the cluster what the flags leave out.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub authentication_skip_lookup: bool,

    /// How long the cluster's word about a token is kept.
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub authentication_token_webhook_cache_ttl: GoDuration,

    /// Start even if the cluster cannot be looked up: then everybody may be anonymous.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub authentication_tolerate_lookup_failure: bool,

    /// The authorities of client certificates.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub client_ca_file: String,

    /// The authorities of front proxies.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub requestheader_client_ca_file: String,

    /// Common names of front proxies; empty: any that the authorities vouch for.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub requestheader_allowed_names: Vec<String>,

    /// Headers with the user's name.
    #[arg(long, value_delimiter = ',', default_values = ["x-remote-user"], value_name = "HEADERS")]
    pub requestheader_username_headers: Vec<String>,

    /// Headers with the user's uid.
    #[arg(long, value_delimiter = ',', value_name = "HEADERS")]
    pub requestheader_uid_headers: Vec<String>,

    /// Headers with the user's groups.
    #[arg(long, value_delimiter = ',', default_values = ["x-remote-group"], value_name = "HEADERS")]
    pub requestheader_group_headers: Vec<String>,

    /// What headers with further facts about the user begin with.
    #[arg(long, value_delimiter = ',', default_values = ["x-remote-extra-"], value_name = "PREFIXES")]
    pub requestheader_extra_headers_prefix: Vec<String>,
}

/// How it learns whether they may.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Authorization")]
pub struct AuthorizationArgs {
    /// The kubeconfig of the cluster that decides; without it the one that the process runs in.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub authorization_kubeconfig: String,

    /// Paths that everybody may get.
    #[arg(long, value_delimiter = ',', default_values = ["/healthz", "/readyz", "/livez"], value_name = "PATHS")]
    pub authorization_always_allow_paths: Vec<String>,

    /// How long a yes is kept.
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub authorization_webhook_cache_authorized_ttl: GoDuration,

    /// How long a no is kept.
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub authorization_webhook_cache_unauthorized_ttl: GoDuration,
}
