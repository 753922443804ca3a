//! `annex-e2e-server` as an AggregatedServer: it starts in milliseconds and serves `echoes` of one group-version.

use super::load::Target;

/// Its image.
pub(super) const IMAGE: &str = "localhost/annex-e2e-server:dev";

/// An AggregatedServer of the test server; `v1` of the group `NAME.example.com` unless told otherwise.
#[derive(Clone, Debug)]
pub(super) struct TestServer {
    /// Its name.
    pub(super) name: &'static str,
    /// Where it runs.
    pub(super) namespace: &'static str,
    /// The group whose `v1` it claims.
    pub(super) group: String,
    /// The container's image.
    pub(super) image: &'static str,
    /// Arguments beside those that say what to serve.
    pub(super) args: Vec<&'static str>,
    /// Further fields of the claim, as a YAML flow mapping's inside.
    pub(super) claim: &'static str,
    /// Further fields of `spec.workload`, likewise.
    pub(super) workload: &'static str,
    /// Further fields of the pods' `spec`, likewise.
    pub(super) pod: &'static str,
    /// Further fields of `spec`, likewise.
    pub(super) spec: &'static str,
}

impl TestServer {
    /// A healthy one.
    pub(super) fn new(name: &'static str, namespace: &'static str) -> Self {
        Self {
            name,
            namespace,
            group: format!("{name}.example.com"),
            image: IMAGE,
            args: Vec::new(),
            claim: "",
            workload: "",
            pod: "",
            spec: "",
        }
    }

    /// With these arguments too.
    pub(super) fn args(self, args: &[&'static str]) -> Self {
        Self {
            args: args.to_vec(),
            ..self
        }
    }

    /// The name of its APIService.
    pub(super) fn api_service(&self) -> String {
        format!("v1.{}", self.group)
    }

    /// The path of its only object.
    pub(super) fn object_path(&self) -> String {
        format!("/apis/{}/v1/echoes/self", self.group)
    }

    /// What clients ask it for, and where.
    pub(super) fn target(&self) -> Target {
        Target {
            path: self.object_path(),
            api_service: self.api_service(),
            namespace: self.namespace.to_owned(),
            service: self.name.to_owned(),
        }
    }

    /// As YAML. Pods end fast: a test waits for many of them.
    pub(super) fn yaml(&self) -> String {
        let Self {
            name,
            namespace,
            group,
            image,
            claim,
            workload,
            pod,
            spec,
            ..
        } = self;
        let more: String = self.args.iter().map(|arg| format!(", {arg}")).collect();
        format!(
            "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec: {{
  namespace: {namespace},
  apis: [{{ group: {group}, version: v1, {claim} }}],
  workload: {{
    image: '{image}',
    args: [--group={group}, --version=v1{more}],
    template: {{ spec: {{ terminationGracePeriodSeconds: 1, {pod} }} }},
    {workload}
  }},
  {spec}
}}
"
        )
    }
}
