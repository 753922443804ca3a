//! `x-kubernetes-validations`: the rules of a schema and of all within it, compiled once and evaluated on objects, as
//! apiextensions-apiserver does it.

mod correlate;
pub(crate) mod field_path;
mod validate;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::PER_CALL_LIMIT;
use crate::program::{CompileError, Expression, Scope};
use crate::schema::{Schema, StructuralSchema};
use crate::types::Type;

pub use validate::{Finding, FindingValue, Findings, Kind, Step};

/// What the rules of one object may cost together: Kubernetes' `RuntimeCELCostBudget`.
pub const OBJECT_BUDGET: u64 = 10_000_000;

/// A rule as it stands in a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// `rule`.
    pub rule: String,
    /// `message`.
    pub message: String,
    /// `messageExpression`.
    pub message_expression: String,
    /// `reason`.
    pub reason: Option<String>,
    /// `fieldPath`.
    pub field_path: String,
    /// `optionalOldSelf`.
    pub optional_old_self: Option<bool>,
}

impl Rule {
    /// A rule as it stands in a definition, in JSON.
    #[must_use]
    pub fn from_json(json: &Json) -> Self {
        let text = |name: &str| {
            json.get(name)
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            rule: text("rule"),
            message: text("message"),
            message_expression: text("messageExpression"),
            reason: json.get("reason").and_then(Json::as_str).map(str::to_owned),
            field_path: text("fieldPath"),
            optional_old_self: json.get("optionalOldSelf").and_then(Json::as_bool),
        }
    }

    /// Whether `oldSelf` is optional in it.
    #[must_use]
    pub fn has_optional_old_self(&self) -> bool {
        self.optional_old_self == Some(true)
    }

    /// What errors call the rule.
    fn shown(&self) -> &str {
        if self.message.is_empty() {
            self.rule.trim()
        } else {
            self.message.trim()
        }
    }
}

/// A rule, compiled.
#[derive(Debug)]
struct Compiled {
    rule: Rule,
    /// None for one that is empty.
    expression: Option<Result<Expression, CompileError>>,
    /// None without one, and where it does not compile.
    message: Option<Expression>,
    field_path: Option<String>,
}

impl Compiled {
    fn reads_old(&self) -> bool {
        matches!(&self.expression, Some(Ok(expression)) if expression.reads_old())
    }
}

/// The rules of a schema and of all within it.
#[derive(Debug)]
pub struct Validator {
    schema: Arc<Schema>,
    rules: Result<Vec<Compiled>, CompileError>,
    items: Option<Box<Self>>,
    properties: BTreeMap<String, Self>,
    additional: Option<Box<Self>>,
    all_of: Vec<Self>,
    per_call: u64,
}

impl Validator {
    /// Compiles all rules of a schema; none where it has no rules. A rule that does not compile is told of each object.
    #[must_use]
    pub fn new<S: StructuralSchema>(schema: &S, is_resource: bool) -> Option<Self> {
        Self::with_limit(schema, is_resource, PER_CALL_LIMIT)
    }

    /// As `new`, where each rule may cost at most `per_call`.
    #[must_use]
    pub fn with_limit<S: StructuralSchema>(schema: &S, is_resource: bool, per_call: u64) -> Option<Self> {
        has_rules(schema)
            .then(|| {
                let kept = Arc::new(Schema::new(schema, is_resource));
                Self::build(schema, schema, &kept, &Scopes::default(), per_call)
            })
            .flatten()
    }

    /// `validates` has the rules, `node` the structure that they are of, `schema` what is kept of that.
    fn build<S: StructuralSchema>(
        validates: &S,
        node: &S,
        schema: &Arc<Schema>,
        scopes: &Scopes,
        per_call: u64,
    ) -> Option<Self> {
        let rules = if !validates.has_rules() {
            Ok(Vec::new())
        } else if !schema.is_typed() {
            Err(CompileError::NoType)
        } else {
            let rules = validates.rules().into_iter();
            Ok(rules.map(|rule| compile(schema, scopes, rule)).collect())
        };
        let nested = |validates: &S, node: &S, schema: Option<&Arc<Schema>>| {
            Self::build(validates, node, schema?, &Scopes::default(), per_call)
        };
        let items = validates
            .items()
            .zip(node.items())
            .and_then(|(validates, node)| nested(validates, node, schema.items.as_ref()));
        let additional = validates
            .additional_properties()
            .zip(node.additional_properties());
        let additional =
            additional.and_then(|(validates, node)| nested(validates, node, schema.additional.as_ref()));
        let mut properties = BTreeMap::new();
        let nodes: BTreeMap<&str, &S> = node.properties().unwrap_or_default().into_iter().collect();
        for (name, validates) in validates.properties().unwrap_or_default() {
            let Some(node) = nodes.get(name) else { continue };
            // What is of no type has no rules, and nothing within it.
            let known = schema.own_properties().and_then(|own| own.get(name));
            let known = known.filter(|known| known.is_typed());
            if let Some(validator) = nested(validates, node, known) {
                properties.insert(name.to_owned(), validator);
            }
        }
        let all_of: Vec<Self> = validates
            .all_of()
            .into_iter()
            .filter_map(|validates| Self::build(validates, node, schema, scopes, per_call))
            .collect();
        let none = rules.as_ref().is_ok_and(Vec::is_empty);
        if none && items.is_none() && additional.is_none() && properties.is_empty() && all_of.is_empty() {
            return None;
        }
        Some(Self {
            schema: Arc::clone(schema),
            rules,
            items: items.map(Box::new),
            properties,
            additional: additional.map(Box::new),
            all_of,
            per_call,
        })
    }
}

fn has_rules<S: StructuralSchema>(schema: &S) -> bool {
    schema.has_rules()
        || schema.items().is_some_and(has_rules)
        || schema.additional_properties().is_some_and(has_rules)
        || schema
            .properties()
            .unwrap_or_default()
            .into_iter()
            .any(|(_, schema)| has_rules(schema))
}

/// What the rules of a schema may read, where `oldSelf` is optional and where it is not: made once for all of them.
#[derive(Default)]
struct Scopes {
    plain: OnceCell<Result<Scope, CompileError>>,
    optional: OnceCell<Result<Scope, CompileError>>,
}

impl Scopes {
    fn compile(&self, schema: &Schema, optional: bool, expression: &str) -> Result<Expression, CompileError> {
        let scope = if optional { &self.optional } else { &self.plain };
        match scope.get_or_init(|| Scope::of_schema(schema, optional)) {
            Ok(scope) => scope.compile(expression),
            Err(_) => Err(CompileError::NoType),
        }
    }
}

fn compile(schema: &Schema, scopes: &Scopes, rule: Rule) -> Compiled {
    let mut compiled = Compiled {
        rule,
        expression: None,
        message: None,
        field_path: None,
    };
    if compiled.rule.rule.trim().is_empty() {
        return compiled;
    }
    let of_type = |expression: &str, output: Type, name: &'static str| {
        let compiled = scopes.compile(schema, compiled.rule.has_optional_old_self(), expression)?;
        if *compiled.output() == output {
            Ok(compiled)
        } else {
            Err(CompileError::Output(name))
        }
    };
    let expression = of_type(&compiled.rule.rule, Type::Bool, "bool");
    if expression.is_ok() {
        if !compiled.rule.message_expression.is_empty() {
            compiled.message = of_type(&compiled.rule.message_expression, Type::String, "string").ok();
        }
        if !compiled.rule.field_path.is_empty() {
            compiled.field_path = field_path::normalized(&compiled.rule.field_path, schema);
        }
    }
    compiled.expression = Some(expression);
    compiled
}
