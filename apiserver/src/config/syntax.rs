//! How Go's flag library reads a command line, where clap reads it otherwise.

use std::ffi::OsString;

/// Arguments with `-` for `_` in the names of flags, as k8s.io/component-base normalises them. Values stay as they are.
pub(super) fn normalise(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut is_open = true;
    arguments
        .into_iter()
        .map(|argument| {
            let Some(text) = argument.to_str() else {
                return argument;
            };
            is_open &= text != "--";
            if !is_open || !text.starts_with("--") {
                return argument;
            }
            match text.split_once('=') {
                Some((name, value)) => format!("{}={value}", name.replace('_', "-")).into(),
                None => text.replace('_', "-").into(),
            }
        })
        .collect()
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(super) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_normalised() {
        let given = [
            "--etcd_servers=http://a_b",
            "--secure_port",
            "a_b",
            "-v",
            "--",
            "--x_y",
        ];
        let normal = normalise(given.map(OsString::from));
        assert_eq!(
            normal,
            [
                "--etcd-servers=http://a_b",
                "--secure-port",
                "a_b",
                "-v",
                "--",
                "--x_y"
            ]
        );
    }
}
