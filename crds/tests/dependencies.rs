//! What the workspace is built from: licences, sources, and crates that must not come in. As `cargo deny` checks them, but
//! from `cargo metadata` and the lock file alone, so that no network is needed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may end at the first surprise"
)]

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// Licences that a user of this software may take without further thought: permissive, and known to the SPDX list.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "BSL-1.0",
];

/// The start for a server of one's own, which is called as its author likes.
const TEMPLATE: &str = "greeter";

/// Where every crate comes from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that must not come in, and why.
const BANNED: [(&str, &str); 6] = [
    ("openssl-sys", "TLS is rustls with aws-lc-rs"),
    ("openssl", "TLS is rustls with aws-lc-rs"),
    ("native-tls", "TLS is rustls with aws-lc-rs"),
    (
        "serde_yaml",
        "nobody maintains it; annex-yaml reads bodies, serde-saphyr writes",
    ),
    ("dotenv", "nobody maintains it"),
    ("atty", "nobody maintains it; std has IsTerminal"),
];

/// Crates whose types meet each other: with two versions of one, what is made by the one is not taken by the other.
const SINGLE: [&str; 18] = [
    "aws-lc-rs",
    "h2",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "jiff",
    "k8s-openapi",
    "kube",
    "kube-core",
    "prost",
    "redb",
    "rustls",
    "rustls-webpki",
    "serde",
    "serde_json",
    "tokio",
    "tonic",
];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that are built on this machine: those of other platforms need not be there without network.
fn packages() -> Vec<Value> {
    let version = cargo(&["--version", "--verbose"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let text = cargo(&[
        "metadata",
        "--locked",
        "--offline",
        "--format-version=1",
        "--filter-platform",
        host,
    ]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Every package of the lock file, of any platform: name, version, source.
fn locked() -> Vec<(String, String, Option<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let text = std::fs::read_to_string(path).unwrap();
    let field = |block: &str, name: &str| {
        let begin = format!("{name} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(&begin));
        line.and_then(|line| line.strip_suffix('"')).map(str::to_owned)
    };
    text.split("[[package]]")
        .skip(1)
        .map(|block| {
            let (name, version) = (field(block, "name"), field(block, "version"));
            (name.unwrap(), version.unwrap(), field(block, "source"))
        })
        .collect()
}

/// Whether an SPDX expression can be satisfied by what is allowed. Old manifests write `/` for OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(" WITH ", "_WITH_");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    any_of(&mut words) == Some(true) && words.is_empty()
}

/// `None`: no expression stands there.
fn any_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = all_of(words)?;
    while words.last() == Some(&"OR") {
        words.pop();
        allowed |= all_of(words)?;
    }
    Some(allowed)
}

fn all_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = one(words)?;
    while words.last() == Some(&"AND") {
        words.pop();
        allowed &= one(words)?;
    }
    Some(allowed)
}

fn one(words: &mut Vec<&str>) -> Option<bool> {
    match words.pop()? {
        "(" => {
            let allowed = any_of(words)?;
            (words.pop()? == ")").then_some(allowed)
        }
        licence => Some(LICENCES.contains(&licence.replace("_WITH_", " WITH ").as_str())),
    }
}

#[test]
fn licences_are_read_as_spdx_says() {
    for allowed in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR GPL-2.0-only) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT OR Apache-2.0 AND",
        "(MIT",
        "MIT MIT",
        "Apache-2.0 WITH Other-exception",
        "MIT AND (GPL-2.0-only OR AGPL-3.0-only)",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn every_licence_is_permissive() {
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["license"]
            )
        })
        .collect();
    assert!(refused.is_empty(), "not allowed: {refused:#?}");
}

#[test]
fn everything_comes_from_crates_io_or_is_ours() {
    for (name, version, source) in locked() {
        match source.as_deref() {
            Some(source) => assert_eq!(source, CRATES_IO, "{name} {version}"),
            None => assert!(
                name.starts_with("annex-") || name == TEMPLATE,
                "{name} {version} has no source"
            ),
        }
    }
}

#[test]
fn what_is_banned_is_not_there_and_what_must_be_one_is() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version, _) in locked() {
        versions.entry(name).or_default().push(version);
    }
    for (name, why) in BANNED {
        assert!(!versions.contains_key(name), "{name} is banned: {why}");
    }
    for name in SINGLE {
        let found = versions.get(name).map(Vec::as_slice).unwrap_or_default();
        assert!(found.len() <= 1, "{name} is there as {found:?}");
    }
}
