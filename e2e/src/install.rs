//! Annex on a cluster, as a person installs it: two charts, with helm.

use crate::images::catalog;
use crate::product::workspace;
use crate::tools::{Error, Tools};

/// The namespace of the releases.
pub const NAMESPACE: &str = "annex-system";
/// The release of the types.
pub const CRDS_RELEASE: &str = "annex-crds";
/// The release of the operator.
pub const RELEASE: &str = "annex";

/// The user that the operator is: the ServiceAccount of its chart.
#[must_use]
pub fn operator_account() -> String {
    format!("system:serviceaccount:{NAMESPACE}:annex-operator")
}

/// The chart's directory.
#[must_use]
pub fn chart(name: &str) -> String {
    workspace().join("charts").join(name).display().to_string()
}

/// The arguments of `helm upgrade --install` for a release, with the image that the harness made.
#[must_use]
pub fn helm_arguments(release: &str, chart_name: &str, image_value: &str, more: &[&str]) -> Vec<String> {
    let reference = catalog::operator(std::path::Path::new("annex-operator")).reference;
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((&reference, ""));
    let mut arguments: Vec<String> = ["upgrade", "--install", release].map(str::to_owned).to_vec();
    arguments.push(chart(chart_name));
    arguments.extend(
        [
            "--namespace",
            NAMESPACE,
            "--create-namespace",
            "--wait",
            "--timeout",
            "180s",
        ]
        .map(str::to_owned),
    );
    arguments.extend([
        "--set".to_owned(),
        format!("{image_value}.repository={repository},{image_value}.tag={tag}"),
    ]);
    arguments.extend(more.iter().map(ToString::to_string));
    arguments
}

/// Arguments for the types' chart.
#[must_use]
pub fn crds_arguments() -> Vec<String> {
    helm_arguments(CRDS_RELEASE, "annex-crds", "uninstallCheck.image", &[])
}

/// Arguments for the operator's chart.
#[must_use]
pub fn operator_arguments(more: &[&str]) -> Vec<String> {
    helm_arguments(RELEASE, "annex", "image", more)
}

/// Installs both charts and waits until the operator is ready.
///
/// # Errors
/// helm failed.
pub async fn install(tools: &Tools, more: &[&str]) -> Result<(), Error> {
    for arguments in [crds_arguments(), operator_arguments(more)] {
        tools
            .helm(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .await?;
    }
    Ok(())
}

/// Uninstalls the operator, then the types.
///
/// # Errors
/// helm failed; it refuses while an AggregatedServer exists.
pub async fn uninstall(tools: &Tools) -> Result<(), Error> {
    for release in [RELEASE, CRDS_RELEASE] {
        tools
            .helm(&[
                "uninstall",
                release,
                "--namespace",
                NAMESPACE,
                "--wait",
                "--timeout",
                "180s",
            ])
            .await?;
    }
    Ok(())
}
