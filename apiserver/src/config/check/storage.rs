//! Where objects are kept.

use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "etcd")]
use super::path;
use super::{Errors, given};
use crate::config::{Backend, Defaults, Storage, StorageArgs};
use crate::storage::embedded::MOST_OBJECT_BYTES;

/// What the flags say about it.
pub(super) fn storage(
    args: &StorageArgs,
    data_directory: Option<PathBuf>,
    standalone: bool,
    defaults: &Defaults,
    errors: &mut Errors,
) -> Storage {
    if !matches!(args.storage_backend.as_str(), "" | "etcd3") {
        errors.value(
            "storage-backend",
            format!("{:?} invalid, allowed values: etcd3", args.storage_backend),
        );
    }
    if !matches!(args.storage_media_type.as_str(), "" | "application/json") {
        errors.value(
            "storage-media-type",
            "objects are stored as application/json only",
        );
    }
    if !(1..=MOST_OBJECT_BYTES).contains(&args.data_dir_object_bytes) {
        errors.value(
            "data-dir-object-bytes",
            format!("must be from 1 to {MOST_OBJECT_BYTES}"),
        );
    }
    if args.data_dir_history_bytes == Some(0) {
        errors.value("data-dir-history-bytes", "must be greater than 0");
    }
    let interval = errors.duration("etcd-compaction-interval", args.etcd_compaction_interval);
    let servers = given(&args.etcd_servers);
    let backend = match (data_directory, servers.is_empty()) {
        (Some(_), false) if !standalone => {
            errors.combination("--data-dir and --etcd-servers exclude each other");
            Backend::Memory
        }
        (_, false) => etcd(args, servers, interval, defaults, errors),
        (Some(directory), true) => {
            let mut options = crate::storage::embedded::Options::new(directory);
            options.retention = interval;
            options.history_bytes = args.data_dir_history_bytes;
            options.object_bytes = args.data_dir_object_bytes;
            Backend::Embedded(options)
        }
        (None, true) if !defaults.stores => Backend::Memory,
        (None, true) => {
            errors.combination("--etcd-servers or --data-dir must be specified");
            Backend::Memory
        }
    };
    Storage {
        backend,
        watch_cache: args.watch_cache,
        health_timeout: errors.duration("etcd-healthcheck-timeout", args.etcd_healthcheck_timeout),
        ready_timeout: errors.duration("etcd-readycheck-timeout", args.etcd_readycheck_timeout),
    }
}

#[cfg(feature = "etcd")]
fn etcd(
    args: &StorageArgs,
    endpoints: Vec<String>,
    compaction_interval: Duration,
    defaults: &Defaults,
    errors: &mut Errors,
) -> Backend {
    if args.etcd_certfile.is_empty() != args.etcd_keyfile.is_empty() {
        errors.combination("--etcd-certfile and --etcd-keyfile must be given together");
    }
    let prefix = args.etcd_prefix.as_deref().unwrap_or(&defaults.etcd_prefix);
    Backend::Etcd(crate::storage::etcd::Options {
        endpoints,
        prefix: prefix.to_owned(),
        ca_file: path(&args.etcd_cafile),
        certificate_file: path(&args.etcd_certfile),
        key_file: path(&args.etcd_keyfile),
        credentials: credentials(args, errors),
        compaction_interval,
    })
}

#[cfg(feature = "etcd")]
fn credentials(args: &StorageArgs, errors: &mut Errors) -> Option<crate::storage::etcd::Credentials> {
    if args.etcd_user.is_empty() != args.etcd_password_file.is_empty() {
        errors.combination("--etcd-user and --etcd-password-file must be given together");
    }
    Some(crate::storage::etcd::Credentials {
        user: (!args.etcd_user.is_empty()).then(|| args.etcd_user.clone())?,
        password_file: path(&args.etcd_password_file)?,
    })
}

#[cfg(not(feature = "etcd"))]
fn etcd(_: &StorageArgs, _: Vec<String>, _: Duration, _: &Defaults, errors: &mut Errors) -> Backend {
    errors.value("etcd-servers", "this program was built without etcd");
    Backend::Memory
}
