//! The arguments of the container `server`: what the user wrote, then the generated flags that are not there yet.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use annex_crds::v1alpha1::{Mount, ServingFlags, Workload};

use super::storage::{self, DATA_DIR, DATA_PATH, ETCD_PREFIX, ETCD_SERVERS};
use crate::aggregated_server::storage::StorageBackend;

/// The serving port, as a flag of every program built on k8s.io/apiserver.
pub const SECURE_PORT: &str = "--secure-port";

/// How long a server goes on when it is told to end: a flag of programs built on k8s.io/apiserver that take its
/// ServerRunOptions, which not all do.
const SHUTDOWN_DELAY: &str = "--shutdown-delay-duration";

/// The value of `flag` where `words` give it (`--flag=value` or `--flag value`); the last one counts.
#[must_use]
pub fn given<'a>(words: &'a [String], flag: &str) -> Option<&'a str> {
    let value_at = |index: usize| {
        let word = words[index].as_str();
        match word.strip_prefix(flag)? {
            "" => Some(words.get(index + 1).map_or("", String::as_str)),
            rest => rest.strip_prefix('='),
        }
    };
    (0..words.len()).rev().find_map(value_at)
}

/// What the user's own words say about `flag`; what follows `command` counts before it.
pub(super) fn given_to<'a>(workload: &'a Workload, flag: &str) -> Option<&'a str> {
    given(&workload.args, flag).or_else(|| given(&workload.command, flag))
}

/// `args ++ generated` of the container; `command` stays its own field, and counts where a flag is looked for.
/// `servingFlags: None` is about serving alone: what stores for Annex is told where.
#[must_use]
pub fn arguments(workload: &Workload, mount: &Mount, store: &StorageBackend<'_>) -> Vec<String> {
    let mut args = workload.args.clone();
    let generated = serving(workload, mount).into_iter().chain(storage::flags(store));
    for (flag, value) in generated {
        if given_to(workload, flag).is_none() {
            args.push(format!("{flag}={value}"));
        }
    }
    args
}

fn serving(workload: &Workload, mount: &Mount) -> Vec<(&'static str, String)> {
    if workload.serving_flags == ServingFlags::None {
        return Vec::new();
    }
    let file = |key: &str| format!("{}/{key}", mount.path);
    vec![
        ("--tls-cert-file", file(&mount.certificate_key)),
        ("--tls-private-key-file", file(&mount.private_key_key)),
        (SECURE_PORT, workload.port.to_string()),
    ]
}

/// The serving port that the user's own words name, where it is not `workload.port`.
#[must_use]
pub fn conflicting_port(workload: &Workload) -> Option<&str> {
    let named = given_to(workload, SECURE_PORT)?;
    (named.parse() != Ok(workload.port)).then_some(named)
}

/// Whether the user's own words say how long the server goes on when it is told to end; none else tells that it knows the flag.
#[must_use]
pub fn delays_shutdown(workload: &Workload) -> bool {
    given_to(workload, SHUTDOWN_DELAY).is_some()
}

/// Where the user's own words name another place for what is stored than `store`, in words.
#[must_use]
pub fn conflicting_storage(workload: &Workload, store: &StorageBackend<'_>) -> Vec<String> {
    let mut conflicts = Vec::new();
    match store {
        StorageBackend::Unmanaged => {}
        StorageBackend::Embedded(_) => {
            if let Some(directory) = given_to(workload, DATA_DIR).filter(|directory| !is_on_volume(directory))
            {
                conflicts.push(format!(
                    "the arguments say {DATA_DIR}={directory}, but the volume of storage.embedded is at {DATA_PATH}: what is \
                     stored elsewhere is lost with the pod"
                ));
            }
            if let Some(servers) = given_to(workload, ETCD_SERVERS) {
                conflicts.push(format!(
                    "the arguments say {ETCD_SERVERS}={servers}, but storage is embedded"
                ));
            }
        }
        StorageBackend::Etcd { etcd, .. } => {
            let named = |list: &str| list.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
            let wanted = etcd.endpoints.join(",");
            if let Some(servers) =
                given_to(workload, ETCD_SERVERS).filter(|servers| named(servers) != named(&wanted))
            {
                conflicts.push(format!(
                    "the arguments say {ETCD_SERVERS}={servers}, but storage.etcd.endpoints are {wanted}"
                ));
            }
            if let (Some(given), Some(prefix)) = (given_to(workload, ETCD_PREFIX), &etcd.prefix)
                && given != prefix
            {
                conflicts.push(format!(
                    "the arguments say {ETCD_PREFIX}={given}, but storage.etcd.prefix is {prefix}"
                ));
            }
        }
    }
    conflicts
}

fn is_on_volume(directory: &str) -> bool {
    let directory = Path::new(directory);
    directory.starts_with(DATA_PATH) && !directory.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::{AggregatedServer, Mount};

    use super::*;
    use crate::aggregated_server::{
        storage::EtcdFiles,
        testing::{embedded_server, etcd_server, server},
    };

    fn workload(args: &[&str]) -> Workload {
        let mut workload = server().spec.workload.unwrap();
        workload.args = args.iter().map(ToString::to_string).collect();
        workload
    }

    #[test]
    fn generated_flags_follow_the_users_words() {
        assert_eq!(
            arguments(
                &workload(&["serve", "--v=4"]),
                &Mount::default(),
                &StorageBackend::Unmanaged
            ),
            [
                "serve",
                "--v=4",
                "--tls-cert-file=/var/run/annex/serving-cert/tls.crt",
                "--tls-private-key-file=/var/run/annex/serving-cert/tls.key",
                "--secure-port=8443"
            ]
        );
    }

    #[test]
    fn a_flag_that_is_there_is_not_generated() {
        for args in [&["--secure-port=8443"][..], &["--secure-port", "8443"]] {
            let all = arguments(&workload(args), &Mount::default(), &StorageBackend::Unmanaged);
            assert_eq!(
                all.iter().filter(|arg| arg.starts_with(SECURE_PORT)).count(),
                1,
                "{all:?}"
            );
        }
    }

    #[test]
    fn another_flag_with_the_same_beginning_is_another_flag() {
        assert_eq!(given(&["--secure-port-range=1".to_owned()], SECURE_PORT), None);
    }

    #[test]
    fn a_port_flag_that_contradicts_the_port_is_told() {
        assert_eq!(conflicting_port(&workload(&["--secure-port=9443"])), Some("9443"));
        assert_eq!(conflicting_port(&workload(&["--secure-port=8443"])), None);
        assert_eq!(conflicting_port(&workload(&[])), None);
    }

    #[test]
    fn none_generates_no_flag() {
        let mut workload = workload(&["run"]);
        workload.serving_flags = ServingFlags::None;
        assert_eq!(
            arguments(&workload, &Mount::default(), &StorageBackend::Unmanaged),
            ["run"]
        );
    }

    fn etcd(server: &AggregatedServer, files: EtcdFiles) -> StorageBackend<'_> {
        let etcd = server.spec.storage.as_ref().unwrap().etcd.as_ref().unwrap();
        StorageBackend::Etcd { etcd, files }
    }

    #[test]
    fn storage_is_told_with_gos_flags_and_without_serving_flags_too() {
        let mut workload = workload(&[]);
        workload.serving_flags = ServingFlags::None;
        let all = |store: &StorageBackend<'_>| arguments(&workload, &Mount::default(), store);
        let server = embedded_server();
        let embedded = StorageBackend::of(&server, None).unwrap();
        assert_eq!(all(&embedded), ["--data-dir=/var/lib/annex"]);
        let mut server = etcd_server();
        let mut files = EtcdFiles {
            authority: true,
            certificate: true,
        };
        assert_eq!(
            all(&etcd(&server, files)),
            [
                "--etcd-servers=https://a:2379,https://b:2379",
                "--etcd-prefix=/wardle",
                "--etcd-cafile=/var/run/annex/etcd/ca.crt",
                "--etcd-certfile=/var/run/annex/etcd/tls.crt",
                "--etcd-keyfile=/var/run/annex/etcd/tls.key",
            ]
        );
        files.certificate = false;
        let storage = server.spec.storage.as_mut().unwrap();
        storage.etcd.as_mut().unwrap().prefix = None;
        assert_eq!(
            all(&etcd(&server, files)),
            [
                "--etcd-servers=https://a:2379,https://b:2379",
                "--etcd-cafile=/var/run/annex/etcd/ca.crt",
            ]
        );
    }

    #[test]
    fn arguments_that_store_elsewhere_are_told() {
        let (embedded, in_etcd) = (embedded_server(), etcd_server());
        let embedded = StorageBackend::of(&embedded, None).unwrap();
        let in_etcd = etcd(&in_etcd, EtcdFiles::default());
        for (args, store, conflicts) in [
            (&[][..], &embedded, 0),
            (&["--data-dir=/var/lib/annex/one"], &embedded, 0),
            (&["--data-dir", "/var/lib//annex/"], &embedded, 0),
            (&["--data-dir=/tmp"], &embedded, 1),
            (&["--data-dir=/var/lib/annexe"], &embedded, 1),
            (&["--data-dir=/var/lib/annex/../x"], &embedded, 1),
            (&["--etcd-servers=http://a", "--data-dir=x"], &embedded, 2),
            (&["--etcd-servers=https://b:2379,https://a:2379"], &in_etcd, 0),
            (&["--etcd-servers=https://b:2379"], &in_etcd, 1),
            (&["--etcd-prefix=/other"], &in_etcd, 1),
            (&["--etcd-prefix=/wardle"], &in_etcd, 0),
            (
                &["--data-dir=/tmp", "--etcd-servers=x"],
                &StorageBackend::Unmanaged,
                0,
            ),
        ] {
            let found = conflicting_storage(&workload(args), store);
            assert_eq!(found.len(), conflicts, "{args:?}: {found:?}");
        }
    }
}
