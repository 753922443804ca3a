//! RBAC as the kube-apiserver evaluates it, on rendered manifests.

use serde::Deserialize;
use serde_json::Value;

use super::access::AccessCheck;

/// Verbs that give rights away, or somebody else's identity; `bind` is looked at by resource name.
const REFUSED_VERBS: [&str; 3] = ["*", "escalate", "impersonate"];

/// A rule of a role.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    resource_names: Vec<String>,
    verbs: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
}

impl Rule {
    fn allows(&self, check: &AccessCheck) -> bool {
        let resource = match check.subresource {
            Some(subresource) => format!("{}/{subresource}", check.resource),
            None => check.resource.to_owned(),
        };
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == wanted || item == "*");
        let named = || {
            check
                .name
                .is_some_and(|name| self.resource_names.iter().any(|item| item == name))
        };
        has(&self.verbs, check.verb)
            && has(&self.api_groups, check.group)
            && (has(&self.resources, &resource) || self.matches_any_parent(check))
            && (self.resource_names.is_empty() || named())
    }

    fn matches_any_parent(&self, check: &AccessCheck) -> bool {
        let any_parent = |subresource| {
            self.resources
                .iter()
                .any(|item| *item == format!("*/{subresource}"))
        };
        check.subresource.is_some_and(any_parent)
    }

    fn faults(&self) -> Vec<String> {
        let wildcards = [
            &self.api_groups,
            &self.resources,
            &self.resource_names,
            &self.non_resource_urls,
        ];
        let mut faults = Vec::new();
        if wildcards.into_iter().flatten().any(|item| item.contains('*')) {
            faults.push(format!("a wildcard in the rule for {:?}", self.resources));
        }
        for verb in self
            .verbs
            .iter()
            .filter(|verb| REFUSED_VERBS.contains(&verb.as_str()))
        {
            faults.push(format!("the verb {verb} on {:?}", self.resources));
        }
        if self.verbs.iter().any(|verb| verb == "bind") && self.resource_names.is_empty() {
            faults.push(format!("bind on {:?} without resourceNames", self.resources));
        }
        faults
    }
}

/// A role or a binding's reference to one: `None` is the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RoleKey {
    namespace: Option<String>,
    name: String,
}

/// A rule that a ServiceAccount holds, in one namespace or, with `None`, in all of them.
#[derive(Clone, Debug)]
struct Grant {
    account: (String, String),
    scope: Option<String>,
    rule: Rule,
}

/// The roles and bindings of a set of manifests.
#[derive(Clone, Debug, Default)]
pub(super) struct Rbac {
    roles: Vec<(RoleKey, Vec<Rule>)>,
    grants: Vec<Grant>,
    faults: Vec<String>,
}

impl Rbac {
    /// Reads the roles, then the bindings; what cannot be read becomes a fault.
    pub(super) fn from_documents(documents: &[Value]) -> Self {
        let mut rbac = Self::default();
        for document in documents {
            rbac.read_role(document);
        }
        for document in documents {
            rbac.read_binding(document);
        }
        rbac
    }

    /// Whether the ServiceAccount `account` (of `namespace`) is allowed what `check` asks for.
    pub(super) fn allows(&self, namespace: &str, account: &str, check: &AccessCheck) -> bool {
        let holds = |grant: &&Grant| grant.account.0 == namespace && grant.account.1 == account;
        let reaches = |grant: &&Grant| match (&grant.scope, &check.namespace) {
            (None, _) => true,
            (Some(scope), Some(namespace)) => scope == namespace,
            (Some(_), None) => false,
        };
        self.grants
            .iter()
            .filter(holds)
            .filter(reaches)
            .any(|grant| grant.rule.allows(check))
    }

    /// Wildcards, verbs that no role may have, and bindings that lead nowhere.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    fn read_role(&mut self, document: &Value) {
        if !matches!(document["kind"].as_str(), Some("Role" | "ClusterRole")) {
            return;
        }
        let key = RoleKey {
            namespace: text(&document["metadata"]["namespace"]),
            name: name_of(document),
        };
        match serde_json::from_value::<Vec<Rule>>(document["rules"].clone()) {
            Ok(rules) => {
                let faults = rules.iter().flat_map(Rule::faults);
                self.faults
                    .extend(faults.map(|fault| format!("role {}: {fault}", key.name)));
                self.roles.push((key, rules));
            }
            Err(error) => self.faults.push(format!("role {}: {error}", key.name)),
        }
    }

    fn read_binding(&mut self, document: &Value) {
        let scope = match document["kind"].as_str() {
            Some("ClusterRoleBinding") => None,
            Some("RoleBinding") => text(&document["metadata"]["namespace"]),
            _ => return,
        };
        let role = RoleKey {
            namespace: scope.clone().filter(|_| document["roleRef"]["kind"] == "Role"),
            name: text(&document["roleRef"]["name"]).unwrap_or_default(),
        };
        let Some((_, rules)) = self.roles.iter().find(|(key, _)| *key == role) else {
            self.faults.push(format!(
                "binding {}: there is no role {role:?}",
                name_of(document)
            ));
            return;
        };
        for subject in document["subjects"].as_array().into_iter().flatten() {
            if subject["kind"] != "ServiceAccount" {
                self.faults.push(format!(
                    "binding {}: a subject is no ServiceAccount",
                    name_of(document)
                ));
                continue;
            }
            let account = (
                text(&subject["namespace"]).unwrap_or_default(),
                text(&subject["name"]).unwrap_or_default(),
            );
            let grant = |rule: &Rule| Grant {
                account: account.clone(),
                scope: scope.clone(),
                rule: rule.clone(),
            };
            self.grants.extend(rules.iter().map(grant));
        }
    }
}

fn name_of(document: &Value) -> String {
    text(&document["metadata"]["name"]).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::access::Subject, *};

    fn documents(rules: &Value) -> Vec<Value> {
        let subject = json!({ "kind": "ServiceAccount", "name": "sa", "namespace": "ns" });
        let role = |kind: &str| json!({ "kind": kind, "name": "r" });
        vec![
            json!({ "kind": "RoleBinding", "metadata": { "name": "b", "namespace": "ns" },
                "roleRef": role("Role"), "subjects": [subject] }),
            json!({ "kind": "Role", "metadata": { "name": "r", "namespace": "ns" }, "rules": rules }),
        ]
    }

    fn check(verb: &'static str, resource: &'static str, name: Option<&'static str>) -> AccessCheck {
        AccessCheck {
            subject: Subject::Operator,
            verb,
            group: "",
            resource,
            subresource: None,
            namespace: Some("ns".to_owned()),
            name,
            allowed: true,
        }
    }

    #[test]
    fn names_namespaces_and_subresources_limit_a_rule() {
        let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["get"] }]);
        let rbac = Rbac::from_documents(&documents(&rules));
        assert_eq!(rbac.faults(), Vec::<String>::new());
        let asked = check("get", "secrets", Some("a"));
        assert!(rbac.allows("ns", "sa", &asked));
        assert!(!rbac.allows("ns", "other", &asked));
        assert!(!rbac.allows("ns", "sa", &check("get", "secrets", None)));
        assert!(!rbac.allows("ns", "sa", &check("list", "secrets", Some("a"))));
        assert!(!rbac.allows(
            "ns",
            "sa",
            &AccessCheck {
                group: "apps",
                ..asked.clone()
            }
        ));
        assert!(!rbac.allows(
            "ns",
            "sa",
            &AccessCheck {
                subresource: Some("status"),
                ..asked.clone()
            }
        ));
        assert!(!rbac.allows(
            "ns",
            "sa",
            &AccessCheck {
                namespace: Some("else".to_owned()),
                ..asked.clone()
            }
        ));
        assert!(!rbac.allows(
            "ns",
            "sa",
            &AccessCheck {
                namespace: None,
                ..asked
            }
        ));
    }

    #[test]
    fn wildcards_allow_and_are_faults() {
        let rules = json!([{ "apiGroups": ["*"], "resources": ["*/status"], "verbs": ["*"] }]);
        let rbac = Rbac::from_documents(&documents(&rules));
        let asked = check("delete", "pods", None);
        assert!(rbac.allows(
            "ns",
            "sa",
            &AccessCheck {
                subresource: Some("status"),
                ..asked.clone()
            }
        ));
        assert!(!rbac.allows("ns", "sa", &asked));
        assert_eq!(rbac.faults().len(), 2, "{:?}", rbac.faults());
    }

    #[test]
    fn unlimited_bind_and_bindings_to_nothing_are_faults() {
        let rules = json!([{ "apiGroups": [""], "resources": ["roles"], "verbs": ["bind"] }]);
        let mut documents = documents(&rules);
        documents[0]["roleRef"]["name"] = json!("missing");
        let rbac = Rbac::from_documents(&documents);
        assert_eq!(rbac.faults().len(), 2, "{:?}", rbac.faults());
    }
}
