//! Flags about where objects are kept.

use clap::ArgAction;

use crate::request::GoDuration;

/// Where objects are kept: in an etcd (`--etcd-servers`) or in a directory (`--data-dir`).
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Storage")]
pub struct StorageArgs {
    /// Keep objects in this directory (Annex's own). Exactly one process may use it.
    #[arg(long, default_value = "", value_name = "DIR")]
    pub data_dir: String,

    /// Bytes of history that the directory keeps, whatever its age: where more is written within the
    /// compaction interval, older changes are forgotten sooner [default: an eighth of the file system, at most 4 GiB].
    #[arg(long, value_name = "BYTES")]
    pub data_dir_history_bytes: Option<u64>,

    /// Bytes that an object in the directory may have, encoded; at most 32 MiB.
    #[arg(long, default_value_t = crate::storage::embedded::OBJECT_BYTES, value_name = "BYTES")]
    pub data_dir_object_bytes: usize,

    /// Keep objects in this etcd.
    #[arg(long, value_delimiter = ',', value_name = "URLS")]
    pub etcd_servers: Vec<String>,

    /// What the keys of all objects in etcd begin with [default: /registry/GROUP].
    #[arg(long, value_name = "PREFIX")]
    pub etcd_prefix: Option<String>,

    /// The authorities of etcd's certificate.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub etcd_cafile: String,

    /// The certificate to show to etcd.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub etcd_certfile: String,

    /// The key of --etcd-certfile.
    #[arg(long, default_value = "", value_name = "FILE")]
    pub etcd_keyfile: String,

    /// Who to be to an etcd that asks for a name and password (Annex's own).
    #[arg(long, default_value = "", value_name = "NAME")]
    pub etcd_user: String,

    /// A file with the password of --etcd-user, read again for each token (Annex's own).
    #[arg(long, default_value = "", value_name = "FILE")]
    pub etcd_password_file: String,

    /// How often history is forgotten; what is younger than one interval stays, in a directory as far as there is room
    /// for it. 0: never, here at least.
    #[arg(long, default_value = "5m", value_name = "DURATION")]
    pub etcd_compaction_interval: GoDuration,

    /// How long the store may take to say that it is healthy.
    #[arg(long, default_value = "2s", value_name = "DURATION")]
    pub etcd_healthcheck_timeout: GoDuration,

    /// How long the store may take to say that it is ready.
    #[arg(long, default_value = "2s", value_name = "DURATION")]
    pub etcd_readycheck_timeout: GoDuration,

    /// Only etcd3, which is the default.
    #[arg(long, default_value = "", value_name = "NAME")]
    pub storage_backend: String,

    /// Only application/json.
    #[arg(long, default_value = "application/json", value_name = "MEDIA TYPE")]
    pub storage_media_type: String,

    /// Serve reads and watches from memory.
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub watch_cache: bool,
}
