//! A user of the Widgets in one namespace: kubectl, and what they say of themselves.

use serde_json::Value;

use super::super::describe::words;
use super::super::{Failure, World, ensure};
use crate::tools::Output;

/// kubectl in a namespace.
pub(super) struct User<'a> {
    pub(super) world: &'a World,
    pub(super) namespace: &'a str,
}

impl<'a> User<'a> {
    pub(super) fn new(world: &'a World, namespace: &'a str) -> Self {
        Self { world, namespace }
    }

    /// What kubectl writes; words are separated by single blanks.
    pub(super) async fn kubectl(&self, line: &str) -> Result<String, Failure> {
        self.world.kubectl(&format!("-n {} {line}", self.namespace)).await
    }

    /// The same with a manifest on its standard input; it may fail.
    pub(super) async fn with(&self, line: &str, manifest: &str) -> Result<Output, Failure> {
        let words: Vec<&str> = ["-n", self.namespace]
            .into_iter()
            .chain(line.split(' '))
            .collect();
        Ok(self.world.tools.try_kubectl(&words, manifest).await?)
    }

    /// kubectl writes exactly this.
    pub(super) async fn says(&self, line: &str, wanted: &str) -> Result<(), Failure> {
        said(line, &self.kubectl(line).await?, wanted)
    }

    /// kubectl, with a manifest on its standard input, writes exactly this.
    pub(super) async fn says_with(&self, line: &str, manifest: &str, wanted: &str) -> Result<(), Failure> {
        let output = self.with(line, manifest).await?;
        ensure(output.success, || {
            format!("`kubectl {line}` failed: {}{}", output.stdout, output.stderr)
        })?;
        said(line, &output.stdout, wanted)
    }

    /// What kubectl writes, runs of blanks counting as one, contains this.
    pub(super) async fn shows(&self, line: &str, wanted: &str) -> Result<(), Failure> {
        let output = self.kubectl(line).await?;
        let words = words(&output);
        ensure(words.contains(wanted), || {
            format!("`kubectl {line}` does not show {wanted:?}:\n{output}")
        })
    }

    /// A field of a Widget, as kubectl's JSONPath has it.
    pub(super) async fn field(&self, name: &str, path: &str, wanted: &str) -> Result<(), Failure> {
        self.says(&format!("get widget {name} -o jsonpath={path}"), wanted)
            .await
    }

    /// A Widget with its managedFields.
    pub(super) async fn widget(&self, name: &str) -> Result<Value, Failure> {
        let line = format!("get widget {name} -o json --show-managed-fields");
        Ok(serde_json::from_str(&self.kubectl(&line).await?)?)
    }

    /// Who manages something of a Widget, as `MANAGER OPERATION SUBRESOURCE`, sorted.
    pub(super) async fn managers(&self, name: &str, wanted: &[&str]) -> Result<(), Failure> {
        let widget = self.widget(name).await?;
        let entries = widget["metadata"]["managedFields"].as_array();
        let mut found: Vec<String> = entries.into_iter().flatten().map(manager).collect();
        found.sort();
        ensure(found == wanted, || {
            format!("{found:?} manage fields of {name}, instead of {wanted:?}")
        })
    }

    /// The fields of a Widget that somebody manages.
    pub(super) async fn managed_by(&self, name: &str, who: &str) -> Result<Value, Failure> {
        let widget = self.widget(name).await?;
        let entries = widget["metadata"]["managedFields"].as_array();
        let entry = entries.into_iter().flatten().find(|entry| manager(entry) == who);
        Ok(entry.map_or(Value::Null, |entry| entry["fieldsV1"].clone()))
    }
}

fn manager(entry: &Value) -> String {
    let of = |field: &str| entry[field].as_str().unwrap_or_default();
    let name = format!("{} {} {}", of("manager"), of("operation"), of("subresource"));
    name.trim_end().to_owned()
}

fn said(line: &str, found: &str, wanted: &str) -> Result<(), Failure> {
    ensure(found == wanted, || {
        format!("`kubectl {line}` wrote {found:?} instead of {wanted:?}")
    })
}

/// A Widget with a color, two replicas and, where one is given, a port.
pub(super) fn widget(name: &str, color: &str, port: &str) -> String {
    let ports = if port.is_empty() {
        String::new()
    } else {
        format!(", ports: [{{ name: {port}, port: 80 }}]")
    };
    format!(
        "
apiVersion: peer.example.com/v1
kind: Widget
metadata: {{ name: {name} }}
spec: {{ color: {color}, replicas: 2, selector: {{ app: {name} }}, features: [a]{ports} }}
"
    )
}
