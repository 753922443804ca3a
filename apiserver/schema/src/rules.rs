//! The rules of a schema on objects (`x-kubernetes-validations`): what of them does not hold, as field errors. Go:
//! `pkg/apiserver/schema/cel/validation.go`.

use annex_cel::{Finding, FindingValue, Findings, Kind, OBJECT_BUDGET, Validator};
use serde_json::Value;

use crate::field::{BadValue, Error, ErrorKind};
use crate::props::JsonSchemaProps;

/// The rules of a schema and of all within it, compiled.
#[derive(Debug)]
pub struct Rules(Validator);

/// What came of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What does not hold.
    pub errors: Vec<Error>,
    /// What does not hold and did not before, of what did not change: a client is warned of it (KEP-4008).
    pub warnings: Vec<Error>,
}

impl Rules {
    /// Compiles the rules of a resource's schema; none where it has none.
    #[must_use]
    pub fn new(schema: &JsonSchemaProps) -> Option<Self> {
        Validator::new(schema, true).map(Self)
    }

    /// Evaluates all rules on an object, and on what it was where it replaces another one. They may cost 10,000,000 together, as in
    /// Kubernetes, and each 1,000,000: with that a processor may be busy for hundreds of milliseconds.
    #[must_use]
    pub fn validate(&self, object: &Value, old: Option<&Value>) -> Outcome {
        outcome(&self.0.validate(object, old, true, OBJECT_BUDGET))
    }

    /// The same, where they cost at most `limit` together; none where they cost more.
    #[must_use]
    pub fn validate_within(&self, object: &Value, old: Option<&Value>, limit: u64) -> Option<Outcome> {
        let findings = self.0.validate_within(object, old, true, limit)?;
        Some(outcome(&findings))
    }
}

fn outcome(findings: &Findings<'_>) -> Outcome {
    let errors = |findings: &[Finding<'_>]| findings.iter().map(|finding| error(finding, "")).collect();
    Outcome {
        errors: errors(&findings.errors),
        warnings: errors(&findings.warnings),
    }
}

/// The field error of a finding in what stands at `path`.
fn error(finding: &Finding<'_>, path: &str) -> Error {
    let kind = match finding.kind {
        Kind::Invalid => ErrorKind::Invalid,
        Kind::Required => ErrorKind::Required,
        Kind::Forbidden => ErrorKind::Forbidden,
        Kind::Duplicate => ErrorKind::Duplicate,
        Kind::Internal => ErrorKind::Internal,
    };
    let value = match (kind, &finding.value) {
        (ErrorKind::Required | ErrorKind::Forbidden | ErrorKind::Internal, _)
        | (_, FindingValue::Omitted) => BadValue::Omitted,
        (_, FindingValue::Text(text)) => (*text).into(),
        (_, FindingValue::Value(value)) => (*value).clone().into(),
    };
    Error {
        kind,
        field: finding.path_text(path),
        value,
        detail: finding.detail.clone(),
    }
}

/// What all defaults of a schema may cost; none once they have cost more.
#[derive(Debug)]
pub(crate) struct DefaultsBudget(Option<u64>);

impl Default for DefaultsBudget {
    fn default() -> Self {
        Self(Some(OBJECT_BUDGET))
    }
}

impl DefaultsBudget {
    /// Whether no further default is looked at.
    pub(crate) const fn is_spent(&self) -> bool {
        self.0.is_none()
    }

    /// What rules say of a default at `path`: as of one that was there before, and as of a new one.
    pub(crate) fn validate(
        &mut self,
        path: &str,
        default: &Value,
        schema: &JsonSchemaProps,
        is_resource: bool,
        errors: &mut Vec<Error>,
    ) {
        let Some((validator, budget)) = Validator::new(schema, is_resource).zip(self.0) else {
            return;
        };
        let kept = validator.validate(default, Some(default), false, budget);
        errors.extend(kept.errors.iter().map(|finding| error(finding, path)));
        self.0 = kept.budget;
        if kept.errors.is_empty() {
            let new = validator.validate(default, None, false, budget);
            errors.extend(new.errors.iter().map(|finding| error(finding, path)));
            self.0 = kept.budget.min(new.budget);
        }
    }
}
