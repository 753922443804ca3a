//! What of a pod is Annex's own: what registration, selection and certificates hang on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ROOT, SERVER_CONTAINER, TemplateError};

/// The prefix of Annex's labels and annotations.
const OWN_PREFIX: &str = "annex.dev/";

/// The concrete values of one server's pods that a template may not touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The keys of the labels by which Service and workload select the pods.
    pub selector_labels: BTreeSet<String>,
    /// The volumes that Annex adds.
    pub volumes: Vec<ReservedVolume>,
    /// The TCP port that the container `server` serves on.
    pub port: i32,
    /// The name of that port, by which the Service finds it.
    pub port_name: String,
}

/// A volume that Annex adds and mounts into the container `server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedVolume {
    /// The volume's name.
    pub name: String,
    /// Where `server` has it.
    pub mount_path: String,
}

impl Reserved {
    pub(super) fn check(&self, template: &Value) -> Result<(), TemplateError> {
        self.check_metadata(&template["metadata"])?;
        let spec = &template["spec"];
        if spec.get("serviceAccount").is_some() {
            return reserved(
                "spec.serviceAccount",
                "it is the old name of serviceAccountName, which wins over it",
            );
        }
        for (index, volume) in items(&spec["volumes"]) {
            if self.volumes.iter().any(|own| volume["name"] == *own.name) {
                return reserved(
                    &format!("spec.volumes[{index}]"),
                    "Annex adds the volume of this name",
                );
            }
        }
        for list in ["containers", "initContainers"] {
            for (index, container) in items(&spec[list]) {
                let path = format!("spec.{list}[{index}]");
                self.check_port_names(container, &path)?;
                match (container["name"] == SERVER_CONTAINER, list) {
                    (true, "containers") => self.check_server(container, &path)?,
                    (true, _) => {
                        return reserved(&format!("{path}.name"), "the served container has this name");
                    }
                    (false, _) => {}
                }
            }
        }
        Ok(())
    }

    fn check_metadata(&self, metadata: &Value) -> Result<(), TemplateError> {
        for (field, value) in fields(metadata) {
            if !matches!(field, "labels" | "annotations") {
                return reserved(
                    &format!("metadata.{field}"),
                    "of metadata a template has labels and annotations",
                );
            }
            for (key, _) in fields(value) {
                let path = format!("metadata.{field}.{key}");
                if key.starts_with(OWN_PREFIX) {
                    return reserved(&path, "the prefix annex.dev is Annex's");
                }
                if field == "labels" && self.selector_labels.contains(key) {
                    return reserved(&path, "the Service and the workload select their pods by it");
                }
            }
        }
        Ok(())
    }

    /// A Service takes the first port of its name in the pod, whichever container has it.
    fn check_port_names(&self, container: &Value, path: &str) -> Result<(), TemplateError> {
        for (index, port) in items(&container["ports"]) {
            if port["name"] == *self.port_name {
                return reserved(
                    &format!("{path}.ports[{index}].name"),
                    "the Service finds the serving port by it",
                );
            }
        }
        Ok(())
    }

    fn check_server(&self, server: &Value, path: &str) -> Result<(), TemplateError> {
        for field in ["image", "command", "args"] {
            if server.get(field).is_some() {
                return reserved(&format!("{path}.{field}"), &format!("use spec.workload.{field}"));
            }
        }
        for (index, port) in items(&server["ports"]) {
            let is_tcp = port.get("protocol").is_none_or(|protocol| protocol == "TCP");
            if is_tcp && port["containerPort"] == self.port {
                return reserved(
                    &format!("{path}.ports[{index}]"),
                    "it is the serving port, use spec.workload.port",
                );
            }
        }
        for (index, mount) in items(&server["volumeMounts"]) {
            let mount_path = mount["mountPath"].as_str().unwrap_or_default();
            if let Some(own) = self
                .volumes
                .iter()
                .find(|own| is_at_or_below(mount_path, &own.mount_path))
            {
                let why = format!("Annex mounts its volume at {}", own.mount_path);
                return reserved(&format!("{path}.volumeMounts[{index}].mountPath"), &why);
            }
        }
        Ok(())
    }
}

fn reserved(path: &str, why: &str) -> Result<(), TemplateError> {
    Err(TemplateError::Reserved {
        path: format!("{ROOT}.{path}"),
        why: why.to_owned(),
    })
}

fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn fields(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.as_str(), field))
}

/// By path segments: `/a//b/./c/` is below `/a/b`, `/a/bc` is not.
fn is_at_or_below(path: &str, above: &str) -> bool {
    fn segments(path: &str) -> Vec<&str> {
        path.split('/')
            .filter(|segment| !matches!(*segment, "" | "."))
            .collect()
    }
    segments(path).starts_with(&segments(above))
}
