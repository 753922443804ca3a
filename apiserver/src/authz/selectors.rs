//! Selectors in an access review: they only narrow what is asked, so what cannot be said there is left out.

use k8s_openapi::api::authorization::v1::{FieldSelectorAttributes, LabelSelectorAttributes};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldSelectorRequirement, LabelSelectorRequirement};

use crate::request::selector::{FieldOperator, FieldSelector, LabelOperator, LabelSelector};

/// The most conditions that a review says. Each is many times as long there as in a selector, and no rule is about so many: a
/// request with more is asked about as one without any.
const MOST_REQUIREMENTS: usize = 1000;

/// What a raw field selector asks for; `None`: nothing, or nothing that can be read.
pub(super) fn fields(raw: &str) -> Option<FieldSelectorAttributes> {
    let selector = FieldSelector::parse(raw).ok()?;
    let requirements = selector.requirements().iter().map(|requirement| {
        let operator = match requirement.operator {
            FieldOperator::Equals => "In",
            FieldOperator::NotEquals => "NotIn",
        };
        FieldSelectorRequirement {
            key: requirement.field.clone(),
            operator: operator.to_owned(),
            values: Some(vec![requirement.value.clone()]),
        }
    });
    let requirements: Vec<_> = requirements.collect();
    is_said(requirements.len()).then_some(FieldSelectorAttributes {
        requirements: Some(requirements),
        ..FieldSelectorAttributes::default()
    })
}

/// What a raw label selector asks for; `None`: nothing, or nothing that can be said.
pub(super) fn labels(raw: &str) -> Option<LabelSelectorAttributes> {
    let selector = LabelSelector::parse(raw).ok()?;
    let requirements = selector.requirements().iter().filter_map(|requirement| {
        let operator = match requirement.operator {
            LabelOperator::In | LabelOperator::Equals | LabelOperator::DoubleEquals => "In",
            LabelOperator::NotIn | LabelOperator::NotEquals => "NotIn",
            LabelOperator::Exists => "Exists",
            LabelOperator::DoesNotExist => "DoesNotExist",
            LabelOperator::GreaterThan | LabelOperator::LessThan => return None,
        };
        Some(LabelSelectorRequirement {
            key: requirement.key.clone(),
            operator: operator.to_owned(),
            values: (!requirement.values.is_empty()).then(|| requirement.values.clone()),
        })
    });
    let requirements: Vec<_> = requirements.collect();
    is_said(requirements.len()).then_some(LabelSelectorAttributes {
        requirements: Some(requirements),
        ..LabelSelectorAttributes::default()
    })
}

fn is_said(requirements: usize) -> bool {
    (1..=MOST_REQUIREMENTS).contains(&requirements)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn field_selectors_become_requirements() {
        let read = serde_json::to_value(fields("metadata.name=a,spec.color!=red")).unwrap();
        let expected = json!({"requirements": [
            {"key": "metadata.name", "operator": "In", "values": ["a"]},
            {"key": "spec.color", "operator": "NotIn", "values": ["red"]},
        ]});
        assert_eq!(read, expected);
        let many = |count: usize| ["a!=b"].repeat(count).join(",");
        assert!(fields(&many(MOST_REQUIREMENTS)).is_some());
        assert!(fields(&many(MOST_REQUIREMENTS + 1)).is_none());
        assert!(labels(&many(MOST_REQUIREMENTS + 1)).is_none());
        assert!(fields("").is_none());
        assert!(fields("no selector").is_none());
    }

    #[test]
    fn label_selectors_become_requirements_but_for_comparisons() {
        let read = serde_json::to_value(labels("a in (x,y),b!=z,c,!d,e>5")).unwrap();
        let expected = json!({"requirements": [
            {"key": "a", "operator": "In", "values": ["x", "y"]},
            {"key": "b", "operator": "NotIn", "values": ["z"]},
            {"key": "c", "operator": "Exists"},
            {"key": "d", "operator": "DoesNotExist"},
        ]});
        assert_eq!(read, expected);
        assert!(labels("e>5").is_none());
        assert!(labels("a in (").is_none());
        assert!(labels("").is_none());
    }
}
