//! Evaluates rules on an object, and tells what does not hold.

use std::fmt;
use std::time::Instant;

use serde_json::Value as Json;

use super::correlate::{Correlated, Items, Ratchet, Unchanged};
use super::{Compiled, Validator};
use crate::program::{Evaluation, Expression};
use crate::schema::{Schema, SchemaKind};
use crate::value::work::Work;
use crate::value::{Fail, Value, from_schema};

/// How long a message that was computed may be, in bytes.
const MAX_MESSAGE: usize = 5 << 10;

/// How many bytes paths and details of what is wrong with an object may have together. What is found behind that is counted.
const MAX_KEPT: usize = 1 << 20;
/// What a finding takes beside its path and its detail, in bytes.
const FINDING: usize = 128;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field.
    Field(String),
    /// A key of a map.
    Key(String),
    /// An index of a list.
    Index(usize),
}

impl Step {
    /// How many bytes the step takes.
    const fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Field(name) | Self::Key(name) => name.len(),
                Self::Index(_) => 0,
            }
    }
}

/// What an error is: Kubernetes' `field.ErrorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `FieldValueInvalid`.
    Invalid,
    /// `FieldValueRequired`.
    Required,
    /// `FieldValueForbidden`.
    Forbidden,
    /// `FieldValueDuplicate`.
    Duplicate,
    /// `InternalError`.
    Internal,
}

/// The value that an error shows.
#[derive(Debug, Clone, PartialEq)]
pub enum FindingValue<'a> {
    /// None: it is an object or a list.
    Omitted,
    /// A text in the value's place: the name of the schema's type, or nothing.
    Text(&'a str),
    /// The value.
    Value(&'a Json),
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding<'a> {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub path: Vec<Step>,
    /// The value that is shown.
    pub value: FindingValue<'a>,
    /// What, in Kubernetes' words.
    pub detail: String,
}

impl Finding<'_> {
    /// The path as Kubernetes writes it, behind what is before it.
    #[must_use]
    pub fn path_text(&self, before: &str) -> String {
        let mut out = before.to_owned();
        for step in &self.path {
            match step {
                Step::Field(name) if out.is_empty() => out.push_str(name),
                Step::Field(name) => {
                    out.push('.');
                    out.push_str(name);
                }
                Step::Key(name) => out.push_str(&format!("[{name}]")),
                Step::Index(at) => out.push_str(&format!("[{at}]")),
            }
        }
        if out.is_empty() { "<nil>".to_owned() } else { out }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "FieldValueInvalid",
            Self::Required => "FieldValueRequired",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Internal => "InternalError",
        })
    }
}

/// What came of the rules of an object.
#[derive(Debug, Default)]
pub struct Findings<'a> {
    /// What does not hold.
    pub errors: Vec<Finding<'a>>,
    /// What does not hold, and did not before, of what did not change.
    pub warnings: Vec<Finding<'a>>,
    /// How many more errors there are than are kept: of those that are kept, paths and details have 1 MiB at most.
    pub more_errors: usize,
    /// How many more warnings there are than are kept.
    pub more_warnings: usize,
    /// What is left of the budget; none where no further rules were evaluated.
    pub budget: Option<u64>,
}

/// No further rules are evaluated.
struct Stop;

impl Validator {
    /// Evaluates all rules on an object, and on what it was: rules for changes are evaluated where it was something. `ratchet` makes
    /// errors of what did not change warnings, as Kubernetes does on updates.
    pub fn validate<'a>(
        &'a self,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: bool,
        budget: u64,
    ) -> Findings<'a> {
        self.validate_until(object, old, ratchet, budget, None)
    }

    /// As `validate`; a rule that goes on behind a point in time, which is that of a request, costs too much.
    pub fn validate_until<'a>(
        &'a self,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: bool,
        budget: u64,
        until: Option<Instant>,
    ) -> Findings<'a> {
        self.walk(object, old, ratchet, budget, until, false)
    }

    /// As `validate` where all rules together cost at most `limit`; none where they cost more. No evaluation takes longer than that.
    pub fn validate_within<'a>(
        &'a self,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: bool,
        limit: u64,
    ) -> Option<Findings<'a>> {
        let findings = self.walk(object, old, ratchet, limit, None, true);
        findings.budget.is_some().then_some(findings)
    }

    fn walk<'a>(
        &'a self,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: bool,
        budget: u64,
        until: Option<Instant>,
        is_limit: bool,
    ) -> Findings<'a> {
        let _work = Work::begin(budget, until);
        let current = old.filter(|_| ratchet).map(|old| Correlated {
            old,
            new: object,
            schema: &self.schema,
        });
        let mut walk = Walk {
            path: Vec::new(),
            findings: Findings::default(),
            kept: 0,
            unchanged: Unchanged::default(),
            budget,
            until,
            is_limit,
        };
        let ratchet = Ratchet {
            current,
            parent: None,
        };
        let stopped = walk.validate(self, object, old, ratchet).is_err();
        Findings {
            budget: (!stopped).then_some(walk.budget),
            ..walk.findings
        }
    }
}

struct Walk<'a> {
    path: Vec<Step>,
    findings: Findings<'a>,
    /// How many bytes the findings have that are kept.
    kept: usize,
    unchanged: Unchanged,
    budget: u64,
    until: Option<Instant>,
    /// Whether no evaluation may cost more than what is left of the budget.
    is_limit: bool,
}

const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

impl<'a> Walk<'a> {
    fn validate(
        &mut self,
        of: &'a Validator,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: Ratchet<'a>,
    ) -> Result<(), Stop> {
        if object.is_null() {
            return Ok(());
        }
        self.rules(of, object, old.filter(|old| !old.is_null()), ratchet)?;
        for nested in &of.all_of {
            self.validate(
                nested,
                object,
                old,
                Ratchet {
                    current: None,
                    parent: ratchet.parent,
                },
            )?;
        }
        match object {
            Json::Array(elements) => {
                let Some(items) = &of.items else { return Ok(()) };
                let old = old
                    .and_then(Json::as_array)
                    .map(|old| Items::new(&of.schema, old));
                let before = ratchet.items();
                for (at, element) in elements.iter().enumerate() {
                    let old = old.as_ref().and_then(|old| old.find(element));
                    self.within(Step::Index(at), |walk| {
                        walk.validate(items, element, old, ratchet.index(at, before.as_ref()))
                    })?;
                }
            }
            Json::Object(map) => {
                let old = old.and_then(Json::as_object);
                let correlates = of.schema.map_type_correlates;
                let before = |name: &str| old.filter(|_| correlates).and_then(|old| old.get(name));
                if let Some(additional) = &of.additional {
                    for (name, value) in map {
                        let step = Step::Key(name.clone());
                        self.within(step, |walk| {
                            walk.validate(additional, value, before(name), ratchet.key(name))
                        })?;
                    }
                }
                for (name, value) in map {
                    if let Some(property) = of.properties.get(name) {
                        let step = Step::Field(name.clone());
                        self.within(step, |walk| {
                            walk.validate(property, value, before(name), ratchet.key(name))
                        })?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn within(
        &mut self,
        step: Step,
        validate: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.path.push(step);
        let done = validate(self);
        self.path.pop();
        done
    }

    fn report(&mut self, schema: &'a Schema, detail: impl FnOnce() -> String) {
        self.add(false, None, |path| Finding {
            kind: Kind::Invalid,
            path,
            value: FindingValue::Text(&schema.type_name),
            detail: detail(),
        });
    }

    /// Keeps what was found here, or below in a field; what is too much is counted, and not even made.
    fn add(&mut self, forgiven: bool, field: Option<String>, finding: impl FnOnce(Vec<Step>) -> Finding<'a>) {
        let Findings {
            errors,
            warnings,
            more_errors,
            more_warnings,
            ..
        } = &mut self.findings;
        let (findings, more) = if forgiven {
            (warnings, more_warnings)
        } else {
            (errors, more_errors)
        };
        if self.kept >= MAX_KEPT {
            *more += 1;
            return;
        }
        let mut path = self.path.clone();
        path.extend(field.map(Step::Field));
        let finding = finding(path);
        let path = finding.path.iter().map(Step::size).sum::<usize>();
        self.kept += FINDING + finding.detail.len() + path;
        findings.push(finding);
    }

    fn limit(&self, of: &Validator) -> u64 {
        if self.is_limit {
            of.per_call.min(self.budget)
        } else {
            of.per_call
        }
    }

    fn spend(&mut self, cost: u64) -> Result<(), Stop> {
        self.budget = self.budget.checked_sub(cost).ok_or(Stop)?;
        Ok(())
    }

    fn rules(
        &mut self,
        of: &'a Validator,
        object: &'a Json,
        old: Option<&'a Json>,
        ratchet: Ratchet<'a>,
    ) -> Result<(), Stop> {
        let schema = &*of.schema;
        let rules = match &of.rules {
            Ok(rules) if rules.is_empty() => return Ok(()),
            Ok(rules) => rules,
            Err(error) => {
                self.report(schema, || format!("rule compiler initialization error: {error}"));
                return Ok(());
            }
        };
        if self.budget == 0 {
            self.report(schema, || OUT_OF_BUDGET.to_owned());
            return Err(Stop);
        }
        let any_reads_old = rules.iter().any(Compiled::reads_old);
        for compiled in rules {
            let expression = match &compiled.expression {
                None => continue,
                Some(Ok(expression)) => expression,
                Some(Err(error)) => {
                    self.report(schema, || format!("rule compile error: {error}"));
                    continue;
                }
            };
            let optional = compiled.rule.has_optional_old_self();
            if expression.reads_old() && old.is_none() && !optional {
                continue;
            }
            let was = old.map(|old| from_schema(old, schema));
            let was = match was {
                _ if !any_reads_old => None,
                Some(was) if optional => Some(was.map(Value::some)),
                None if optional => Some(Ok(Value::Optional(None))),
                was => was,
            };
            let Evaluation { result, cost } = expression.evaluate_until(
                vec![Some(from_schema(object, schema)), was],
                self.limit(of),
                self.until,
            );
            if self.spend(cost).is_err() {
                self.report(schema, || OUT_OF_BUDGET.to_owned());
                return Err(Stop);
            }
            match result {
                Ok(Value::Bool(true)) => continue,
                Ok(_) => {}
                Err(fail) => {
                    self.failed(schema, compiled, &fail)?;
                    continue;
                }
            }
            let was = old.filter(|_| any_reads_old);
            let forgiven = !expression.reads_old() && ratchet.forgives(&mut self.unchanged);
            self.broken(of, compiled, object, was, forgiven)?;
        }
        Ok(())
    }

    /// A rule has an error in the place of a value.
    fn failed(&mut self, schema: &'a Schema, compiled: &Compiled, fail: &Fail) -> Result<(), Stop> {
        let (text, rule) = (fail.to_string(), compiled.rule.shown());
        if *fail == Fail::TooCostly {
            let detail = || {
                format!(
                    "'{text}': no further validation rules will be run due to call cost exceeds limit for rule: {rule}"
                )
            };
            self.report(schema, detail);
            return Err(Stop);
        }
        self.report(schema, || if text.starts_with("no such overload") {
            format!("'{text}': call arguments did not match a supported operator, function or macro signature for rule: {rule}")
        } else {
            format!("{text} evaluating rule: {rule}")
        });
        Ok(())
    }

    /// A rule does not hold.
    fn broken(
        &mut self,
        of: &'a Validator,
        compiled: &'a Compiled,
        object: &'a Json,
        old: Option<&'a Json>,
        forgiven: bool,
    ) -> Result<(), Stop> {
        let schema = &*of.schema;
        let field = compiled.field_path.clone().filter(|path| !path.is_empty());
        let mut detail = None;
        if let Some(message) = &compiled.message {
            // As in Kubernetes, what was is not optional here, whatever the rule says.
            let values = vec![
                Some(from_schema(object, schema)),
                old.map(|old| from_schema(old, schema)),
            ];
            let limit = self.limit(of);
            match self.message(message, &compiled.rule.message_expression, values, limit) {
                Ok(computed) => detail = computed,
                Err(error) => {
                    self.add(forgiven, field, |path| Finding {
                        kind: Kind::Invalid,
                        path,
                        value: FindingValue::Text(&schema.type_name),
                        detail: error,
                    });
                    return Err(Stop);
                }
            }
        }
        let rule = &compiled.rule;
        let value = match schema.kind {
            SchemaKind::Object | SchemaKind::Array => FindingValue::Omitted,
            _ => FindingValue::Value(object),
        };
        let kind = match rule.reason.as_deref() {
            Some("FieldValueForbidden") => Kind::Forbidden,
            Some("FieldValueRequired") => Kind::Required,
            Some("FieldValueDuplicate") => Kind::Duplicate,
            _ => Kind::Invalid,
        };
        self.add(forgiven, field, |path| {
            let detail = || {
                detail.unwrap_or_else(|| match rule.message.as_str() {
                    "" => format!("failed rule: {}", rule.shown()),
                    message => message.trim().to_owned(),
                })
            };
            let (value, detail) = match kind {
                Kind::Forbidden | Kind::Required => (FindingValue::Text(""), detail()),
                Kind::Duplicate => (value, String::new()),
                _ => (value, detail()),
            };
            Finding {
                kind,
                path,
                value,
                detail,
            }
        });
        Ok(())
    }

    /// The message that an expression gives; none where it gives none that may be shown; an error where it costs too much.
    fn message(
        &mut self,
        expression: &'a Expression,
        text: &str,
        values: Vec<Option<Result<Value<'a>, Fail>>>,
        limit: u64,
    ) -> Result<Option<String>, String> {
        let Evaluation { result, cost } = expression.evaluate_until(values, limit, self.until);
        if self.spend(cost).is_err() {
            return Err(
                "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run".to_owned(),
            );
        }
        match result {
            Err(Fail::TooCostly) => Err(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                crate::value::quote(text)
            )),
            Ok(Value::String(message)) => {
                let message = message.trim();
                let fits = !message.is_empty() && message.len() <= MAX_MESSAGE && !message.contains('\n');
                Ok(fits.then(|| message.to_owned()))
            }
            _ => Ok(None),
        }
    }
}
