//! The generated files are what the types generate.

#![allow(clippy::expect_used, reason = "a test may end at the first surprise")]

use std::{path::Path, process::Command};

fn generated(what: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "annex-crds",
            "--example",
            "crdgen",
            "--",
            what,
        ])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "crdgen {what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn assert_current(what: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated(what),
        "{file} is not what the types generate; write it with: make generate"
    );
}

#[test]
fn crd_yaml_is_current() {
    assert_current("crd", "crds/yaml/aggregatedservers.annex.dev.yaml");
    assert_current("ard", "crds/yaml/aggregatedresourcedefinitions.annex.dev.yaml");
}

#[test]
fn table_of_reasons_is_current() {
    assert_current("reasons", "docs/reasons.md");
}
