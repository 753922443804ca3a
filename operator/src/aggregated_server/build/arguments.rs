//! The arguments of the container `server`: what the user wrote, then the generated flags that are not there yet.

use annex_crds::v1alpha1::{Mount, ServingFlags, Workload};

/// The serving port, as a flag of every program built on k8s.io/apiserver.
pub const SECURE_PORT: &str = "--secure-port";

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

/// `args ++ generated` of the container; `command` stays its own field, and counts where a flag is looked for.
#[must_use]
pub fn arguments(workload: &Workload, mount: &Mount) -> Vec<String> {
    let mut args = workload.args.clone();
    if workload.serving_flags == ServingFlags::None {
        return args;
    }
    let generated = [
        (
            "--tls-cert-file",
            format!("{}/{}", mount.path, mount.certificate_key),
        ),
        (
            "--tls-private-key-file",
            format!("{}/{}", mount.path, mount.private_key_key),
        ),
        (SECURE_PORT, workload.port.to_string()),
    ];
    for (flag, value) in generated {
        if given(&workload.args, flag).is_none() && given(&workload.command, flag).is_none() {
            args.push(format!("{flag}={value}"));
        }
    }
    args
}

/// The serving port that the user's own words name, where it is not `workload.port`.
#[must_use]
pub fn conflicting_port(workload: &Workload) -> Option<&str> {
    let named = given(&workload.args, SECURE_PORT).or_else(|| given(&workload.command, SECURE_PORT))?;
    (named.parse() != Ok(workload.port)).then_some(named)
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::Mount;

    use super::*;
    use crate::aggregated_server::testing::server;

    fn workload(args: &[&str]) -> Workload {
        let mut workload = server().spec.workload.unwrap();
        workload.args = args.iter().map(ToString::to_string).collect();
        workload
    }

    #[test]
    fn generated_flags_follow_the_users_words() {
        assert_eq!(
            arguments(&workload(&["serve", "--v=4"]), &Mount::default()),
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
            let all = arguments(&workload(args), &Mount::default());
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
        assert_eq!(arguments(&workload, &Mount::default()), ["run"]);
    }
}
