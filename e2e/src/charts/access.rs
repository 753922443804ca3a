//! A question to the authorizer, with the right answer.

/// A ServiceAccount of the operator's chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The operator.
    Operator,
    /// The identity of its probes, which has no rights.
    Probe,
}

impl Subject {
    /// Name of the ServiceAccount, in the release's namespace.
    #[must_use]
    pub fn service_account(self) -> &'static str {
        match self {
            Self::Operator => "annex-operator",
            Self::Probe => "annex-probe",
        }
    }
}

/// A question to the authorizer, and the right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessCheck {
    /// Who asks.
    pub subject: Subject,
    /// The verb.
    pub verb: &'static str,
    /// The API group; empty: core.
    pub group: &'static str,
    /// The resource's plural.
    pub resource: &'static str,
    /// The subresource.
    pub subresource: Option<&'static str>,
    /// The namespace; `None`: a resource of the cluster, or every namespace.
    pub namespace: Option<String>,
    /// The object's name; `None`: any.
    pub name: Option<&'static str>,
    /// The right answer.
    pub allowed: bool,
}

impl AccessCheck {
    /// The arguments with which kubectl asks a cluster; it exits with 0 and prints `yes`, or with 1 and prints `no`.
    #[must_use]
    pub fn can_i_arguments(&self, release_namespace: &str) -> Vec<String> {
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!(".{}", self.group)
        };
        let name = self.name.map(|name| format!("/{name}")).unwrap_or_default();
        let account = self.subject.service_account();
        let mut arguments = vec![
            "auth".to_owned(),
            "can-i".to_owned(),
            self.verb.to_owned(),
            format!("{}{group}{name}", self.resource),
            format!("--as=system:serviceaccount:{release_namespace}:{account}"),
            "--as-group=system:serviceaccounts".to_owned(),
            format!("--as-group=system:serviceaccounts:{release_namespace}"),
            "--as-group=system:authenticated".to_owned(),
        ];
        arguments.extend(
            self.subresource
                .map(|subresource| format!("--subresource={subresource}")),
        );
        arguments.push(match &self.namespace {
            Some(namespace) => format!("--namespace={namespace}"),
            None => "--all-namespaces".to_owned(),
        });
        arguments
    }

    pub(super) fn named(self, name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    pub(super) fn within(self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self
        }
    }

    pub(super) fn denied(self) -> Self {
        Self {
            allowed: false,
            ..self
        }
    }
}
