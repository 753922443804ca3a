use std::ffi::OsString;

use super::*;

/// What the table of flags in docs/ must say; `UPDATE_DOCS=1 cargo test` writes it.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/apiserver-flags.md");

fn config(arguments: &[&str]) -> Result<Config, Vec<String>> {
    let all = std::iter::once("wardle").chain(arguments.iter().copied());
    let args =
        Args::parse_from(all.map(OsString::from)).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    let defaults = Defaults {
        name: "wardle".into(),
        etcd_prefix: "/registry/wardle.example.com".into(),
        stores: true,
        admission_plugins: vec!["BanFlunder".into()],
    };
    Config::from_args(&args, &defaults)
        .map_err(|ConfigErrors(errors)| errors.iter().map(ToString::to_string).collect())
}

fn good(arguments: &[&str]) -> Config {
    config(arguments).unwrap_or_else(|errors| panic!("{arguments:?}: {errors:?}"))
}

fn bad(arguments: &[&str]) -> String {
    config(arguments).map(|_| ()).expect_err("it is wrong").join("\n")
}

#[test]
fn the_conformance_tests_deployment_is_understood() {
    let config = good(&[
        "--etcd-servers=http://127.0.0.1:2379",
        "--tls-cert-file=/apiserver.local.config/certificates/tls.crt",
        "--tls-private-key-file=/apiserver.local.config/certificates/tls.key",
        "--audit-log-path=-",
        "--audit-log-maxage=0",
        "--audit-log-maxbackup=0",
    ]);
    assert_eq!(config.address.port, 443);
    assert!(config.address.ip.is_unspecified());
    assert!(config.namespace_lifecycle && config.storage.watch_cache);
    assert_eq!(config.warnings.len(), 1, "one warning for all of them");
    assert!(
        config.warnings[0].contains("--audit-log-maxbackup ("),
        "{:?}",
        config.warnings
    );
    let certificate = config.tls.certificate.expect("it has a certificate");
    assert!(certificate.key.ends_with("tls.key"));
}

#[cfg(feature = "etcd")]
#[test]
fn objects_lie_in_etcd_where_the_go_server_looks_for_them() {
    let prefix = |arguments: &[&str]| match good(arguments).storage.backend {
        Backend::Etcd(options) => (options.prefix, options.compaction_interval.as_secs()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        prefix(&["--etcd-servers=http://a"]),
        ("/registry/wardle.example.com".into(), 300)
    );
    assert_eq!(
        prefix(&[
            "--etcd-servers=http://a",
            "--etcd-prefix=/x",
            "--etcd-compaction-interval=0"
        ]),
        ("/x".into(), 0)
    );
}

#[test]
fn a_directory_keeps_objects_without_etcd() {
    let Backend::Embedded(options) = good(&["--data-dir=/data"]).storage.backend else {
        panic!("it is embedded");
    };
    assert_eq!(options.directory, PathBuf::from("/data"));
    assert_eq!((options.history_bytes, options.object_bytes), (None, 4 << 20));
    let flags = [
        "--data-dir=/data",
        "--data-dir-history-bytes=1000000",
        "--data-dir-object-bytes=8388608",
    ];
    let Backend::Embedded(options) = good(&flags).storage.backend else {
        panic!("it is embedded");
    };
    assert_eq!(
        (options.history_bytes, options.object_bytes),
        (Some(1_000_000), 8 << 20)
    );
    for flag in [
        "--data-dir-object-bytes=0",
        "--data-dir-object-bytes=33554433",
        "--data-dir-history-bytes=0",
    ] {
        assert!(bad(&["--data-dir=/data", flag]).contains("data-dir-"));
    }
    assert_eq!(bad(&[]), "--etcd-servers or --data-dir must be specified");
    assert_eq!(
        bad(&["--data-dir=/d", "--etcd-servers=http://a"]),
        "--data-dir and --etcd-servers exclude each other"
    );
}

#[test]
fn alone_it_serves_on_loopback_only() {
    let config = good(&["--standalone"]);
    assert_eq!(
        (config.address.ip.to_string().as_str(), config.address.port),
        ("127.0.0.1", 8443)
    );
    assert!(!config.namespace_lifecycle, "there are no namespaces");
    assert!(
        config.tls.directory.is_none(),
        "its authority is in its kubeconfig"
    );
    let Cluster::None { kubeconfig_directory } = config.cluster else {
        panic!("it has no cluster");
    };
    assert_eq!(kubeconfig_directory, PathBuf::from("wardle.local.data"));
    assert!(bad(&["--standalone", "--bind-address=10.0.0.1"]).contains("loopback only"));
    assert!(
        bad(&["--standalone", "--tls-cert-file=a", "--tls-private-key-file=b"]).contains("own certificate")
    );
}

#[test]
fn what_would_not_be_safe_to_ignore_is_refused_all_at_once() {
    let errors = bad(&[
        "--data-dir=/d",
        "--encryption-provider-config=/x",
        "--audit-webhook-config-file=/x",
        "--audit-policy-file=/x",
        "--egress-selector-config-file=/x",
        "--etcd-servers-overrides=/pods#http://b",
        "--tls-curve-preferences=29",
        "--storage-media-type=application/yaml",
        "--tls-cert-file=a",
        "--etcd-compaction-interval=-1s",
        "--secure-port=0",
        "--enable-admission-plugins=Nope",
    ]);
    assert_eq!(errors.lines().count(), 11, "{errors}");
    assert!(
        errors.contains(
            "--encryption-provider-config is not supported by this server, and it would not be safe to ignore it: \
             objects would be stored in plain text"
        ),
        "{errors}"
    );
}

#[test]
fn admission_plugins_are_switched_as_in_go() {
    let data = "--data-dir=/d";
    assert!(!good(&[data, "--disable-admission-plugins=NamespaceLifecycle"]).namespace_lifecycle);
    assert!(good(&[data, "--disable-admission-plugins=MutatingAdmissionWebhook"]).namespace_lifecycle);
    let own = good(&[
        data,
        "--disable-admission-plugins=BanFlunder,ValidatingAdmissionWebhook",
    ]);
    assert!(own.disabled_admission_plugins.contains(&"BanFlunder".to_owned()));
    assert!(good(&[data]).disabled_admission_plugins.is_empty());
    assert!(bad(&[data, "--disable-admission-plugins=BanFischer"]).contains("\"BanFischer\" is unknown"));
    assert_eq!(
        bad(&[
            data,
            "--disable-admission-plugins=NamespaceLifecycle",
            "--enable-admission-plugins=NamespaceLifecycle"
        ]),
        "NamespaceLifecycle in enable-admission-plugins and disable-admission-plugins overlapped"
    );
}

#[test]
fn http_2_can_be_switched_off_and_bounded() {
    let streams = |arguments: &[&str]| good(arguments).http2_streams.map(NonZeroU32::get);
    assert_eq!(streams(&["--data-dir=/d"]), Some(1000));
    assert_eq!(
        streams(&["--data-dir=/d", "--http2-max-streams-per-connection=0"]),
        Some(250)
    );
    let off = good(&["--data-dir=/d", "--disable-http2-serving"]);
    assert!(off.http2_streams.is_none() && !off.tls.http2);
}

#[test]
fn transport_security_is_a_header_of_known_directives() {
    let flag = "--strict-transport-security-directives=max-age=31536000,includeSubDomains,preload";
    assert_eq!(
        good(&["--data-dir=/d", flag]).strict_transport_security.unwrap(),
        "max-age=31536000; includeSubDomains; preload"
    );
    assert!(bad(&["--data-dir=/d", "--strict-transport-security-directives=x"]).contains("allowed values"));
}

#[test]
fn logs_are_as_much_as_klog_would_say_unless_the_environment_says_more() {
    let filter = |arguments: &[&str], environment: Option<&str>| {
        let all = std::iter::once("wardle").chain(arguments.iter().copied());
        let args = Args::parse_from(all.map(OsString::from)).unwrap();
        Logs::from_args(&args, environment.map(str::to_owned)).filter
    };
    assert_eq!(filter(&[], None), "info");
    assert_eq!(filter(&["-v4"], Some("")), "debug");
    assert_eq!(filter(&["-v=9"], None), "trace");
    assert_eq!(filter(&["-v=9"], Some("warn")), "warn");
}

fn document() -> String {
    let head = "# Flags of an extension apiserver\n\n\
        Every flag of the Go sample-apiserver (v0.36.3, `--help`) is known to a server of this library: it works, or it has\n\
        no meaning here and one warning at start names it, or the server does not start with it, because something would be\n\
        less safe than its owner believes. Flags beyond these are Annex's own: `--help` lists them.\n\n\
        Generated from the table in `apiserver/src/config/flags.rs` by `UPDATE_DOCS=1 cargo test -p annex-apiserver config`.\n\n\
        | flag | here |\n|---|---|\n";
    let rows = GO_FLAGS.iter().map(|flag| {
        let meaning = match flag.meaning {
            Meaning::Works => "works".to_owned(),
            Meaning::Ignored(why) => format!("ignored with a warning: {why}"),
            Meaning::Refused(why) => format!("**refused**: {why}"),
        };
        format!("| `--{}` | {meaning} |\n", flag.name)
    });
    std::iter::once(head.to_owned()).chain(rows).collect()
}

#[test]
fn the_documents_table_is_the_programs() {
    let document = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &document).unwrap();
    }
    let written = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        written == document,
        "docs/apiserver-flags.md is not current: run this test with UPDATE_DOCS=1"
    );
}

#[test]
#[cfg(feature = "etcd")]
fn only_a_server_beside_others_goes_on_serving_when_it_is_told_to_end() {
    let delay = |arguments: &[&str]| good(arguments).shutdown_delay.as_secs();
    assert_eq!(delay(&["--etcd-servers=http://127.0.0.1:2379"]), 5);
    assert_eq!(delay(&["--data-dir=/d"]), 0);
    assert_eq!(delay(&["--standalone"]), 0);
    let given = "--shutdown-delay-duration=7s";
    assert_eq!(delay(&["--data-dir=/d", given]), 7);
    assert_eq!(
        delay(&[
            "--etcd-servers=http://127.0.0.1:2379",
            "--shutdown-delay-duration=0s"
        ]),
        0
    );
}

#[test]
fn a_feature_gate_is_switched_and_others_are_told() {
    const STORE: &str = "--data-dir=/data";
    let gates = |text: &str| good(&[STORE, &format!("--feature-gates={text}")]);
    assert!(!good(&[STORE]).features.managed_fields_opt_out);
    assert!(gates("ManagedFieldsOptOut=true").features.managed_fields_opt_out);
    assert!(
        gates("kube:ManagedFieldsOptOut=true")
            .features
            .managed_fields_opt_out
    );
    assert!(
        !gates("ManagedFieldsOptOut=true,ManagedFieldsOptOut=false")
            .features
            .managed_fields_opt_out
    );
    let other = gates("WatchList=true,ManagedFieldsOptOut=1");
    assert!(other.features.managed_fields_opt_out);
    assert_eq!(
        other.warnings,
        ["--feature-gates: gates that mean nothing to this server are ignored: WatchList"]
    );
    assert!(
        bad(&["--feature-gates=ManagedFieldsOptOut"]).contains("missing bool value for ManagedFieldsOptOut")
    );
    assert!(bad(&["--feature-gates=ManagedFieldsOptOut=maybe"]).contains("strconv.ParseBool"));
}

#[test]
fn the_leaders_lease_is_named_after_the_program_unless_flags_say_more() {
    let election = |arguments: &[&str]| {
        let all = [&["--data-dir=/d"], arguments].concat();
        let election = good(&all).leader_election;
        (election.enabled, election.namespace, election.name)
    };
    assert_eq!(election(&[]), (true, None, "wardle".to_owned()));
    assert_eq!(
        election(&["--leader-elect=false"]),
        (false, None, "wardle".to_owned())
    );
    let named = [
        "--leader-elect",
        "--leader-elect-resource-name=a",
        "--leader-elect-resource-namespace=b",
    ];
    assert_eq!(election(&named), (true, Some("b".to_owned()), "a".to_owned()));
}
