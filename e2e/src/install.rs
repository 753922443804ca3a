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

/// The releases in the order in which they are installed: each with its chart and the value that names its image.
pub const CHARTS: [(&str, &str, &str); 2] = [
    (CRDS_RELEASE, "annex-crds", "uninstallCheck.image"),
    (RELEASE, "annex", "image"),
];

/// The arguments of `helm upgrade --install` for a release of the chart in this directory, with the image `reference`.
#[must_use]
pub fn arguments(
    release: &str,
    chart: &str,
    image_value: &str,
    reference: &str,
    more: &[&str],
) -> Vec<String> {
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((reference, ""));
    let image = format!("{image_value}.repository={repository},{image_value}.tag={tag}");
    let words = [
        "upgrade",
        "--install",
        release,
        chart,
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--wait",
        "--timeout",
        "180s",
        "--set",
        &image,
    ];
    words.iter().chain(more).map(ToString::to_string).collect()
}

/// The same for a chart of this checkout, with the image that the harness makes of it.
fn helm_arguments(release: &str, chart_name: &str, image_value: &str, more: &[&str]) -> Vec<String> {
    let image = catalog::operator(std::path::Path::new("annex-operator"));
    arguments(release, &chart(chart_name), image_value, &image.reference, more)
}

/// The image of `annex-apiserver` that the harness makes of this checkout, as a value of the operator's chart.
const SERVER_IMAGE: &str = "serverImage.repository=localhost/annex-apiserver";

/// Arguments for the types' chart.
#[must_use]
pub fn crds_arguments() -> Vec<String> {
    let [(release, chart, image_value), _] = CHARTS;
    helm_arguments(release, chart, image_value, &[])
}

/// Arguments for the operator's chart.
#[must_use]
pub fn operator_arguments(more: &[&str]) -> Vec<String> {
    let [_, (release, chart, image_value)] = CHARTS;
    let own = [&["--set", SERVER_IMAGE], more].concat();
    helm_arguments(release, chart, image_value, &own)
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
