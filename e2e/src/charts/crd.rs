//! A generated CRD becomes a helm template: same YAML, plus the chart's labels.

/// The line of a CRD below which the labels go.
const METADATA: &str = "metadata:";

/// A CRD's YAML cannot become a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrdError {
    /// There is not exactly one line `metadata:` at the left margin, so labels have no place.
    #[error("expected one line `metadata:` at the left margin, found {0}")]
    Metadata(usize),
    /// The CRD has labels already; a second key would make the YAML invalid.
    #[error("it has labels of its own")]
    HasLabels,
    /// The file holds more than one document.
    #[error("it holds more than one document")]
    SeveralDocuments,
}

/// The template whose rendering is `yaml` with the labels of the chart.
///
/// # Errors
/// The YAML has another form than the CRD generator writes.
pub(super) fn template(yaml: &str) -> Result<String, CrdError> {
    let body = yaml.strip_prefix("---\n").unwrap_or(yaml);
    if body.lines().any(|line| line == "---") {
        return Err(CrdError::SeveralDocuments);
    }
    match body.lines().filter(|line| *line == METADATA).count() {
        1 => {}
        count => return Err(CrdError::Metadata(count)),
    }
    if metadata_lines(body).any(|line| line.starts_with("  labels:")) {
        return Err(CrdError::HasLabels);
    }
    let mut template = String::from("{{- /* Generated from crds/yaml; do not edit. */}}\n");
    for line in body.lines() {
        template.push_str(&escape(line));
        template.push('\n');
        if line == METADATA {
            template.push_str("  labels:\n    {{- include \"annex-crds.labels\" . | nindent 4 }}\n");
        }
    }
    Ok(template)
}

fn metadata_lines(body: &str) -> impl Iterator<Item = &str> {
    body.lines()
        .skip_while(|line| *line != METADATA)
        .skip(1)
        .take_while(|line| line.starts_with(' '))
}

/// Descriptions may speak of templates; only the opening braces mean something to helm.
fn escape(line: &str) -> String {
    line.replace("{{", r#"{{ "{{" }}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata:\n  name: samples.annex.dev\nspec:\n  description: as {{ .Values.x }} and {{{\n";

    #[test]
    fn labels_follow_metadata_and_braces_are_escaped() {
        let template = template(SAMPLE).unwrap();
        assert!(
            template.contains("metadata:\n  labels:\n    {{- include \"annex-crds.labels\""),
            "{template}"
        );
        assert!(
            template.contains(r#"as {{ "{{" }} .Values.x }} and {{ "{{" }}{"#),
            "{template}"
        );
    }

    #[test]
    fn other_forms_are_refused() {
        let labelled = SAMPLE.replace("  name:", "  labels: {}\n  name:");
        assert_eq!(template(&labelled), Err(CrdError::HasLabels));
        assert_eq!(template("kind: X\n"), Err(CrdError::Metadata(0)));
        assert_eq!(
            template(&format!("{SAMPLE}---\n{SAMPLE}")),
            Err(CrdError::SeveralDocuments)
        );
    }
}
