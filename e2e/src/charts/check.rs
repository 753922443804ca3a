//! The chart checks: every chart with several sets of values.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    AccessCheck, Chart, Error, Layout, RELEASE_NAMESPACE, Subject, Summary,
    cases::{Case, cases, refusals},
    helm::{Helm, Rendering},
    inspect, narrow_rbac_matrix, rbac, rbac_matrix, sources,
    sync::{check_drift, crd_files, read},
};

/// The oldest supported minor version and the one that is tested: charts must render for both.
const KUBE_VERSIONS: [&str; 2] = ["1.33.0", "1.36.0"];

/// Runs the chart checks with the helm at `helm` on the checkout that this program was built from.
///
/// # Errors
/// [`Error::Findings`] where a chart is not right; the others where it could not be looked at.
pub fn check(helm: &Path) -> Result<Summary, Error> {
    check_layout(helm, &Layout::of_workspace())
}

fn check_layout(program: &Path, layout: &Layout) -> Result<Summary, Error> {
    let helm = Helm::new(program, layout);
    let mut findings = check_drift(layout)?;
    let mut summary = Summary::default();
    for chart in Chart::ALL {
        helm.lint(chart, KUBE_VERSIONS[1])?;
        findings.extend(source_findings(layout, chart)?);
    }
    for case in cases() {
        let documents = check_case(&helm, &case, &mut findings)?;
        summary.cases += 1;
        summary.documents += documents.len();
    }
    findings.extend(crd_findings(&helm, layout)?);
    for (chart, values, named) in refusals() {
        findings.extend(refusal_finding(&helm, chart, &values, named)?);
        summary.refusals += 1;
    }
    let (asked, wrong) = access_findings(&helm)?;
    summary.access_checks = asked;
    findings.extend(wrong);
    findings.extend(narrowed_findings(&helm)?);
    if findings.is_empty() {
        Ok(summary)
    } else {
        Err(Error::Findings(findings))
    }
}

fn check_case(helm: &Helm<'_>, case: &Case, findings: &mut Vec<String>) -> Result<Vec<Value>, Error> {
    let what = format!("{} with {}", case.chart.name(), case.name);
    let first = rendered(helm, case.chart, &case.values, KUBE_VERSIONS[1])?;
    for version in KUBE_VERSIONS {
        if rendered(helm, case.chart, &case.values, version)? != first {
            findings.push(format!(
                "{what}: another rendering for {version} gives other bytes"
            ));
        }
    }
    let documents = parse(&what, &first)?;
    let mut found = inspect::faults(&documents);
    found.extend(case_faults(case, &documents));
    findings.extend(found.into_iter().map(|fault| format!("{what}: {fault}")));
    Ok(documents)
}

fn case_faults(case: &Case, documents: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let budgets = documents
        .iter()
        .filter(|document| document["kind"] == "PodDisruptionBudget")
        .count();
    if budgets != case.budgets {
        faults.push(format!("{budgets} PodDisruptionBudgets, not {}", case.budgets));
    }
    for spec in documents.iter().filter_map(inspect::pod_spec) {
        let image = &spec["containers"][0]["image"];
        if image != case.image {
            faults.push(format!("the image is {image}, not {}", case.image));
        }
    }
    for deployment in documents
        .iter()
        .filter(|document| document["kind"] == "Deployment")
    {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let selector = deployment["spec"]["selector"]["matchLabels"].as_object();
        if !selector
            .is_some_and(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
        {
            faults.push("the Deployment does not select its own pods".to_owned());
        }
    }
    faults
}

fn source_findings(layout: &Layout, chart: Chart) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let directory = layout.chart(chart);
    let templates = directory.join("templates");
    for entry in std::fs::read_dir(&templates).map_err(Error::read(&templates))? {
        let path = entry.map_err(Error::read(&templates))?.path();
        let called = sources::refused_functions(&read(&path)?).into_iter();
        findings.extend(called.map(|name| format!("{}: calls {name}", layout.relative(&path).display())));
    }
    let schema = parse_one(
        "values.schema.json",
        &read(&directory.join("values.schema.json"))?,
    )?;
    let open = sources::open_objects(&schema).into_iter();
    findings.extend(open.map(|path| format!("{}: the schema admits anything at {path}", chart.name())));
    let about = parse_one("Chart.yaml", &read(&directory.join("Chart.yaml"))?)?;
    for field in ["version", "appVersion"] {
        if about[field] != env!("CARGO_PKG_VERSION") {
            findings.push(format!("{}: {field} is not the workspace's", chart.name()));
        }
    }
    Ok(findings)
}

/// Each CRD must come out of its template as it went in, labels aside.
fn crd_findings(helm: &Helm<'_>, layout: &Layout) -> Result<Vec<String>, Error> {
    let text = rendered(helm, Chart::Crds, &json!({}), KUBE_VERSIONS[1])?;
    let mut documents = parse("annex-crds", &text)?;
    for document in &mut documents {
        if let Some(metadata) = document["metadata"].as_object_mut() {
            metadata.remove("labels");
        }
    }
    let mut findings = Vec::new();
    for (source, _) in crd_files(layout)? {
        let name = layout.relative(&source).display().to_string();
        if !documents.contains(&parse_one(&name, &read(&source)?)?) {
            findings.push(format!("{name}: its template does not render to it"));
        }
    }
    Ok(findings)
}

fn refusal_finding(
    helm: &Helm<'_>,
    chart: Chart,
    values: &Value,
    named: &str,
) -> Result<Option<String>, Error> {
    Ok(match helm.template(chart, values, KUBE_VERSIONS[1])? {
        Rendering::Refused(message) if message.contains(named) => None,
        Rendering::Refused(message) => Some(format!(
            "{}: {values} is refused without its key: {message}",
            chart.name()
        )),
        Rendering::Text(_) => Some(format!("{}: the schema admits {values}", chart.name())),
    })
}

/// Asks the roles of both charts, as they are by default, and with the value `namespaces`.
fn access_findings(helm: &Helm<'_>) -> Result<(usize, Vec<String>), Error> {
    let crds = rendered(helm, Chart::Crds, &json!({}), KUBE_VERSIONS[1])?;
    let mut asked = 0;
    let mut findings = Vec::new();
    for (values, matrix) in [
        (json!({}), rbac_matrix(RELEASE_NAMESPACE)),
        (
            json!({ "namespaces": ["wardle", "metrics"] }),
            narrow_rbac_matrix(RELEASE_NAMESPACE, "wardle"),
        ),
    ] {
        let operator = rendered(helm, Chart::Operator, &values, KUBE_VERSIONS[1])?;
        let mut documents = parse(Chart::Crds.name(), &crds)?;
        documents.extend(parse(Chart::Operator.name(), &operator)?);
        let rbac = rbac::Rbac::from_documents(&documents);
        let wrong = matrix.iter().filter(|check| {
            rbac.allows(RELEASE_NAMESPACE, check.subject.service_account(), check) != check.allowed
        });
        findings.extend(wrong.map(|check| {
            format!(
                "annex with {values}: the roles answer wrongly to {}",
                check.can_i_arguments(RELEASE_NAMESPACE).join(" ")
            )
        }));
        asked += matrix.len();
    }
    Ok((asked, findings))
}

/// With `secrets.namespaces` the operator has its rights on Secrets there, and nowhere else.
fn narrowed_findings(helm: &Helm<'_>) -> Result<Vec<String>, Error> {
    let values = json!({ "secrets": { "namespaces": ["wardle"] } });
    let text = rendered(helm, Chart::Operator, &values, KUBE_VERSIONS[1])?;
    let rbac = rbac::Rbac::from_documents(&parse(Chart::Operator.name(), &text)?);
    let places = |own_alone: bool| {
        [
            (Some(RELEASE_NAMESPACE), true),
            (Some("wardle"), !own_alone),
            (Some("default"), false),
            (None, false),
        ]
    };
    let mut findings = Vec::new();
    let verbs = [
        ("get", false),
        ("create", false),
        ("update", false),
        ("list", true),
        ("watch", true),
    ];
    for (verb, own_alone) in verbs {
        for (namespace, allowed) in places(own_alone) {
            let check = AccessCheck {
                subject: Subject::Operator,
                verb,
                group: "",
                resource: "secrets",
                subresource: None,
                namespace: namespace.map(str::to_owned),
                name: None,
                allowed,
            };
            if rbac.allows(RELEASE_NAMESPACE, Subject::Operator.service_account(), &check) != allowed {
                findings.push(format!(
                    "annex with {values}: the roles answer wrongly to {check:?}"
                ));
            }
        }
    }
    Ok(findings)
}

fn rendered(helm: &Helm<'_>, chart: Chart, values: &Value, kube_version: &str) -> Result<String, Error> {
    match helm.template(chart, values, kube_version)? {
        Rendering::Text(text) => Ok(text),
        Rendering::Refused(output) => Err(Error::Helm {
            action: format!("template {} with {values}", chart.name()),
            output,
        }),
    }
}

fn parse(what: &str, text: &str) -> Result<Vec<Value>, Error> {
    serde_saphyr::from_multiple(text).map_err(|e| Error::Yaml {
        what: what.to_owned(),
        message: e.to_string(),
    })
}

fn parse_one(what: &str, text: &str) -> Result<Value, Error> {
    serde_saphyr::from_str(text).map_err(|e| Error::Yaml {
        what: what.to_owned(),
        message: e.to_string(),
    })
}
