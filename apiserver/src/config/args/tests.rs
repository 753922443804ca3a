use super::*;

/// What `sample-apiserver --help` says.
const GO_HELP: &str = include_str!("../testdata/sample-apiserver-flags.txt");

struct GoHelp {
    name: &'static str,
    kind: &'static str,
    default: &'static str,
}

fn go_help() -> Vec<GoHelp> {
    GO_HELP
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            GoHelp {
                name: words.next().unwrap(),
                kind: words.next().unwrap(),
                default: words.next().unwrap_or_default(),
            }
        })
        .collect()
}

fn parse(arguments: &[&str]) -> Args {
    try_parse(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn try_parse(arguments: &[&str]) -> Result<Args, clap::Error> {
    let all = std::iter::once("wardle").chain(arguments.iter().copied());
    Args::parse_from(all.map(OsString::from))
}

/// A value that the type takes.
fn value_of(help: &GoHelp) -> &'static str {
    match (help.name, help.kind) {
        (_, "bool") => "true",
        ("secure-port", _) => "8443",
        (_, "int" | "float32" | "Level" | "int32Slice") => "7",
        (_, "duration") => "1m30s",
        (_, "ip") => "127.0.0.1",
        _ => "a",
    }
}

#[test]
fn every_flag_of_the_go_server_has_its_place_in_the_table() {
    let names: Vec<&str> = go_help().iter().map(|help| help.name).collect();
    assert_eq!(names.len(), 96);
    let table: Vec<&str> = GO_FLAGS.iter().map(|flag| flag.name).collect();
    assert_eq!(table, names);
    for (flag, help) in GO_FLAGS.iter().zip(go_help()) {
        assert_eq!(flag.value == Value::Bool, help.kind == "bool", "{}", flag.name);
    }
}

#[test]
fn every_flag_of_the_go_server_is_taken_in_its_own_syntax() {
    for help in go_help().iter().filter(|help| help.name != "help") {
        let (name, value) = (help.name, value_of(help));
        parse(&[&format!("--{name}={value}")]);
        parse(&[&format!("--{}={value}", name.replace('-', "_"))]);
        if help.kind == "bool" {
            parse(&[&format!("--{name}")]);
            parse(&[&format!("--{name}=false")]);
            parse(&[&format!("--{name}=0")]);
        } else {
            parse(&[&format!("--{name}"), value]);
            // The last one counts, as with Go.
            parse(&[&format!("--{name}={value}"), &format!("--{name}={value}")]);
        }
    }
}

#[test]
fn what_works_has_the_go_servers_defaults() {
    let command = command();
    let works = |name| {
        GO_FLAGS
            .iter()
            .any(|flag| flag.name == name && flag.meaning == Meaning::Works)
    };
    for help in go_help().iter().filter(|help| works(help.name)) {
        if matches!(help.name, "help" | "secure-port" | "etcd-prefix") {
            // Depends on the program, or on --standalone; tested with the configuration.
            continue;
        }
        let argument = command
            .get_arguments()
            .find(|argument| argument.get_long() == Some(help.name))
            .unwrap_or_else(|| panic!("{} is no flag", help.name));
        let defaults: Vec<&str> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        let go = match (help.kind, help.default) {
            ("bool", "") => "false",
            ("duration", "5m0s") => "5m",
            (_, default) => default,
        };
        assert_eq!(defaults.join(","), go, "{}", help.name);
    }
}

#[test]
fn flags_are_told_apart_by_what_they_mean_here() {
    let args = parse(&[
        "--audit-log-path=-",
        "--audit-log-maxage=0",
        "--profiling",
        "--tracing-config-file=",
        "--encryption-provider-config=/x",
        "--audit-policy-file=",
        "--etcd-servers=http://a:2379,http://b:2379",
        "--etcd-servers",
        "http://c:2379",
    ]);
    let names = |flags: &[(&'static str, &str)]| flags.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(
        names(&args.ignored),
        ["audit-log-maxage", "audit-log-path", "profiling"]
    );
    assert_eq!(names(&args.refused), ["encryption-provider-config"]);
    assert_eq!(
        args.storage.etcd_servers,
        ["http://a:2379", "http://b:2379", "http://c:2379"]
    );
}

#[test]
fn verbosity_is_written_as_klog_takes_it() {
    for arguments in [&["-v", "4"][..], &["-v=4"], &["-v4"], &["--v=4"], &["--v", "4"]] {
        assert_eq!(parse(arguments).process.v, 4, "{arguments:?}");
    }
    assert_eq!(parse(&["-v=-1"]).process.v, -1);
}

#[test]
fn what_is_no_flag_is_refused() {
    for arguments in [
        &["--nope"][..],
        &["--secure-port=x"],
        &["--etcd-compaction-interval=5"],
        &["word"],
    ] {
        assert!(try_parse(arguments).is_err(), "{arguments:?}");
    }
    let help = try_parse(&["--help"]).unwrap_err().to_string();
    assert!(
        help.starts_with("Serves an extension API of Kubernetes"),
        "{help}"
    );
    assert!(
        help.contains("--standalone") && !help.contains("--audit-policy-file"),
        "{help}"
    );
}
