//! Selectors prepared for matching: an object is compared in a time that its own labels or fields decide, however many
//! conditions the selector has. Conditions on one key are made one; keys and values are found by search.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{FieldOperator, FieldRequirement, LabelOperator, LabelRequirement};
use crate::object::Labels;

/// A label selector's conditions by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LabelMatcher {
    /// By key, each once.
    rules: Vec<(String, LabelRule)>,
    /// How many of them an object without the label fails.
    demanded: usize,
}

/// What all conditions on one label say together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct LabelRule {
    /// Whether the label must be there.
    demanded: bool,
    /// Whether it must not be there.
    banned: bool,
    /// The values that it may have, sorted; `None`: any.
    allowed: Option<Vec<String>>,
    /// The values that it may not have, sorted.
    denied: Vec<String>,
    /// It is a number, and greater than this.
    above: Option<i64>,
    /// It is a number, and less than this.
    below: Option<i64>,
}

impl LabelMatcher {
    /// Of these conditions, which are sorted by key.
    pub(super) fn new(requirements: &[LabelRequirement]) -> Self {
        let mut rules: Vec<(String, LabelRule)> = Vec::new();
        for of_key in requirements.chunk_by(|left, right| left.key == right.key) {
            rules.extend(
                of_key
                    .first()
                    .map(|first| (first.key.clone(), LabelRule::new(of_key))),
            );
        }
        let demanded = rules.iter().filter(|(_, rule)| rule.demanded).count();
        Self { rules, demanded }
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        if self.demanded > labels.len() {
            return false;
        }
        let mut met = 0;
        for (key, value) in labels {
            let Ok(at) = self.rules.binary_search_by(|(found, _)| found.cmp(key)) else {
                continue;
            };
            let rule = &self.rules[at].1;
            if !rule.admits(value) {
                return false;
            }
            met += usize::from(rule.demanded);
        }
        met == self.demanded
    }
}

impl LabelRule {
    fn new(requirements: &[LabelRequirement]) -> Self {
        let mut rule = Self::default();
        for requirement in requirements {
            match requirement.operator {
                LabelOperator::In | LabelOperator::Equals | LabelOperator::DoubleEquals => {
                    rule.demanded = true;
                    rule.allow(&requirement.values);
                }
                LabelOperator::NotIn | LabelOperator::NotEquals => {
                    rule.denied.extend(requirement.values.iter().cloned());
                }
                LabelOperator::Exists => rule.demanded = true,
                LabelOperator::DoesNotExist => rule.banned = true,
                LabelOperator::GreaterThan => {
                    rule.demanded = true;
                    rule.above = rule.above.max(bound(requirement).or(Some(i64::MAX)));
                }
                LabelOperator::LessThan => {
                    rule.demanded = true;
                    let bound = bound(requirement).unwrap_or(i64::MIN);
                    rule.below = Some(rule.below.map_or(bound, |below| below.min(bound)));
                }
            }
        }
        rule.denied.sort_unstable();
        rule.denied.dedup();
        rule
    }

    /// `values` are sorted.
    fn allow(&mut self, values: &[String]) {
        match &mut self.allowed {
            None => self.allowed = Some(values.to_vec()),
            Some(allowed) => allowed.retain(|value| values.binary_search(value).is_ok()),
        }
    }

    /// Whether a label that is there may have this value.
    fn admits(&self, value: &String) -> bool {
        let is_number_between = || match value.parse::<i64>() {
            Ok(number) => {
                self.above.is_none_or(|above| number > above) && self.below.is_none_or(|below| number < below)
            }
            Err(_) => false,
        };
        !self.banned
            && self
                .allowed
                .as_ref()
                .is_none_or(|allowed| allowed.binary_search(value).is_ok())
            && self.denied.binary_search(value).is_err()
            && ((self.above.is_none() && self.below.is_none()) || is_number_between())
    }
}

/// The number of a `Gt` or `Lt`, which the parser has seen to be one.
fn bound(requirement: &LabelRequirement) -> Option<i64> {
    requirement.values.first()?.parse().ok()
}

/// A field selector's conditions by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FieldMatcher(Vec<(String, FieldRule)>);

/// What all conditions on one field say together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct FieldRule {
    /// The one value that it may have.
    equal: Option<String>,
    /// Two different values were demanded, and nothing has both.
    is_impossible: bool,
    /// The values that it may not have, sorted.
    unequal: Vec<String>,
}

impl FieldMatcher {
    pub(super) fn new(requirements: &[FieldRequirement]) -> Self {
        let mut rules: BTreeMap<&str, FieldRule> = BTreeMap::new();
        for requirement in requirements {
            let rule = rules.entry(&requirement.field).or_default();
            match requirement.operator {
                FieldOperator::Equals => {
                    let equal = rule.equal.get_or_insert_with(|| requirement.value.clone());
                    rule.is_impossible |= *equal != requirement.value;
                }
                FieldOperator::NotEquals => rule.unequal.push(requirement.value.clone()),
            }
        }
        let rules = rules.into_iter().map(|(field, mut rule)| {
            rule.unequal.sort_unstable();
            rule.unequal.dedup();
            (field.to_owned(), rule)
        });
        Self(rules.collect())
    }

    pub(super) fn matches<'a, 'v>(&'a self, mut value_of: impl FnMut(&'a str) -> Cow<'v, str>) -> bool {
        self.0.iter().all(|(field, rule)| {
            if rule.is_impossible {
                return false;
            }
            let value = value_of(field);
            rule.equal.as_ref().is_none_or(|equal| *equal == *value)
                && rule
                    .unequal
                    .binary_search_by(|unequal| unequal.as_str().cmp(&*value))
                    .is_err()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FieldSelector, LabelSelector};
    use super::*;

    /// The conditions one by one, as k8s.io/apimachinery matches them.
    fn one_by_one(selector: &LabelSelector, labels: &Labels) -> bool {
        selector.requirements().iter().all(|requirement| {
            let found = labels.get(&requirement.key);
            let number = |text: &String| text.parse::<i64>().ok();
            let bound = requirement.values.first().and_then(number);
            let compared = |holds: fn(i64, i64) -> bool| {
                found
                    .and_then(number)
                    .zip(bound)
                    .is_some_and(|(label, bound)| holds(label, bound))
            };
            match requirement.operator {
                LabelOperator::In | LabelOperator::Equals | LabelOperator::DoubleEquals => {
                    found.is_some_and(|value| requirement.values.contains(value))
                }
                LabelOperator::NotIn | LabelOperator::NotEquals => {
                    found.is_none_or(|value| !requirement.values.contains(value))
                }
                LabelOperator::Exists => found.is_some(),
                LabelOperator::DoesNotExist => found.is_none(),
                LabelOperator::GreaterThan => compared(|label, bound| label > bound),
                LabelOperator::LessThan => compared(|label, bound| label < bound),
            }
        })
    }

    #[test]
    fn conditions_together_say_what_each_says() {
        let conditions = [
            "a",
            "!a",
            "a=1",
            "a=2",
            "a!=1",
            "a in (1,2)",
            "a notin (2,3)",
            "a>1",
            "a<3",
            "a>2",
            "b",
            "!b",
            "b=x",
            "b!=x",
        ];
        let values = [None, Some("1"), Some("2"), Some("3"), Some("x")];
        let mut matched = 0;
        for first in conditions {
            for second in conditions {
                for third in conditions {
                    let text = format!("{first},{second},{third}");
                    let selector = LabelSelector::parse(&text).unwrap();
                    for a in values {
                        for b in values {
                            let labels: Labels = [("a", a), ("b", b), ("c", Some("c"))]
                                .into_iter()
                                .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
                                .collect();
                            let expected = one_by_one(&selector, &labels);
                            assert_eq!(selector.matches(&labels), expected, "{text} {labels:?}");
                            matched += usize::from(expected);
                        }
                    }
                }
            }
        }
        assert!(matched > 1000, "{matched}");
    }

    #[test]
    fn a_field_has_one_value() {
        let matches = |text: &str| {
            let selector = FieldSelector::parse(text).unwrap();
            selector.matches(|field| Cow::Borrowed(if field == "x" { "y" } else { "" }))
        };
        for text in ["x=y,x==y", "x!=a,x!=b,x!=c", "z=,z!=a,x=y"] {
            assert!(matches(text), "{text}");
        }
        for text in ["x=y,x=z", "x=z,x=y", "x!=a,x!=y,x!=z", "x=y,x!=y"] {
            assert!(!matches(text), "{text}");
        }
    }
}
