//! The rules of a schema on objects (`x-kubernetes-validations`): what of them does not hold, as field errors. Go:
//! `pkg/apiserver/schema/cel/validation.go`.

use std::time::Instant;

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
    /// Kubernetes, and each 1,000,000: with that a processor may be busy for hundreds of milliseconds. Costs do not bound time: a rule that
    /// goes on behind `until` costs too much.
    #[must_use]
    pub fn validate(&self, object: &Value, old: Option<&Value>, until: Instant) -> Outcome {
        outcome(
            &self
                .0
                .validate_until(object, old, true, OBJECT_BUDGET, Some(until)),
        )
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
    let mut outcome = Outcome {
        errors: errors(&findings.errors),
        warnings: errors(&findings.warnings),
    };
    // An object is wrong too where warnings left no room for its errors.
    if findings.more_errors > 0 {
        outcome.errors.push(Error {
            kind: ErrorKind::Invalid,
            field: "<nil>".to_owned(),
            value: Value::Null.into(),
            detail: format!("too many errors: {} more are not listed", findings.more_errors),
        });
    }
    outcome
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn rules(schema: &Value) -> Rules {
        Rules::new(&JsonSchemaProps::decode(schema).unwrap()).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[test]
    fn warnings_do_not_hide_an_error() {
        let list = json!({
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
                "type": "string",
                "x-kubernetes-validations": [{"rule": "self == ''", "message": "m".repeat(100_000)}],
            },
        });
        let number = json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self > 1"}]});
        let rules = rules(&json!({"type": "object", "properties": {"list": list, "number": number}}));
        let object = |length, number| json!({"list": vec!["a"; length], "number": number});

        let few = rules.validate(&object(1, 1), Some(&object(1, 2)), soon());
        assert_eq!((few.errors.len(), few.warnings.len()), (1, 1));
        assert_eq!(few.errors[0].field, "number");

        let many = rules.validate(&object(100, 1), Some(&object(100, 2)), soon());
        assert_eq!(many.warnings.len(), 11);
        assert_eq!(many.errors.len(), 1);
        assert_eq!(many.errors[0].detail, "too many errors: 1 more are not listed");
    }

    #[test]
    fn a_rule_ends_with_its_request() {
        let list = json!({"type": "array", "items": {"type": "integer"}});
        let rules = rules(&json!({
            "type": "object",
            "properties": {"list": list},
            "x-kubernetes-validations": [{"rule": "self.list.all(x, x == 1)"}],
        }));
        let object = json!({"list": vec![1; 10_000]});
        assert_eq!(rules.validate(&object, None, soon()).errors, []);
        let late = rules.validate(&object, None, Instant::now());
        let details: Vec<_> = late.errors.iter().map(|error| error.detail.as_str()).collect();
        assert_eq!(details.len(), 1, "{details:?}");
        assert!(details[0].contains("call cost exceeds limit"), "{details:?}");
    }
}
