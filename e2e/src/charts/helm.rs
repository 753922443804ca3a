//! helm, as far as it needs no cluster.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::{Chart, Error, Layout, RELEASE_NAMESPACE};

/// The helm program, and the charts it works on.
pub(super) struct Helm<'a> {
    program: PathBuf,
    layout: &'a Layout,
}

/// What helm made of a chart and its values.
pub(super) enum Rendering {
    /// The manifests, hooks among them.
    Text(String),
    /// helm refused, with this message.
    Refused(String),
}

impl<'a> Helm<'a> {
    pub(super) fn new(program: &Path, layout: &'a Layout) -> Self {
        Self {
            program: program.to_owned(),
            layout,
        }
    }

    /// Lints the chart; warnings count as errors.
    pub(super) fn lint(&self, chart: Chart, kube_version: &str) -> Result<(), Error> {
        let mut command = Command::new(&self.program);
        command
            .args(["lint", "--strict", "--kube-version", kube_version])
            .arg(self.layout.chart(chart));
        let output = self.run(&mut command, None)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Error::Helm {
                action: format!("lint {}", chart.name()),
                output: text(&output),
            }),
        }
    }

    /// Renders the chart with these values.
    pub(super) fn template(
        &self,
        chart: Chart,
        values: &Value,
        kube_version: &str,
    ) -> Result<Rendering, Error> {
        let mut command = Command::new(&self.program);
        command
            .args(["template", chart.name()])
            .arg(self.layout.chart(chart))
            .args([
                "--namespace",
                RELEASE_NAMESPACE,
                "--kube-version",
                kube_version,
                "--values",
                "-",
            ]);
        let output = self.run(&mut command, Some(&values.to_string()))?;
        match output.status.success() {
            true => Ok(Rendering::Text(
                String::from_utf8_lossy(&output.stdout).into_owned(),
            )),
            false => Ok(Rendering::Refused(text(&output))),
        }
    }

    fn run(&self, command: &mut Command, input: Option<&str>) -> Result<Output, Error> {
        let failed = |source| Error::RunHelm {
            program: self.program.clone(),
            source,
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        // Dropped at the end of the block: helm reads to the end of its input.
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin.write_all(input.as_bytes()).map_err(failed)?;
        }
        child.wait_with_output().map_err(failed)
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}").trim().to_owned()
}
