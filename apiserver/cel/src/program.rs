//! A rule: compiled for a schema, and evaluated on objects of it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;

use crate::check::{self, Checked, Variable};
use crate::cost::{Estimate, Estimator};
use crate::declared::DeclType;
use crate::eval::{Node, Run, Slot, plan};
use crate::schema::Schema;
use crate::source::Issues;
use crate::syntax;
use crate::types::Type;
use crate::value::work::{self, Work};
use crate::value::{Fail, Outcome, Value, from_schema};

/// The name by which types of a schema's objects begin. Kubernetes has digits behind it that are others each time.
const SELF_TYPE: &str = "selfType1";

/// What a rule may cost on one object: Kubernetes' `PerCallLimit`.
pub const PER_CALL_LIMIT: u64 = 1_000_000;

/// Why an expression is not compiled. `Display` is what Kubernetes says of it.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It cannot be parsed, or its types do not fit.
    #[error("compilation failed: {0}")]
    Issues(Box<Issues>),
    /// It gives another type than is wanted.
    #[error("cel expression must evaluate to a {0}")]
    Output(&'static str),
    /// A constant in it has no value.
    #[error("program instantiation failed: {0}")]
    Constant(String),
    /// The schema declares no type.
    #[error("failed to convert to declType for CEL validation rules")]
    NoType,
}

/// What expressions may read, by names and types.
#[derive(Debug, Default)]
pub struct Scope {
    variables: Vec<Variable>,
    declared: Vec<Arc<DeclType>>,
}

impl Scope {
    /// `self` and `oldSelf` of a schema, the second optional or not.
    ///
    /// # Errors
    /// The schema declares no type.
    pub fn of_schema(schema: &Schema, optional_old: bool) -> Result<Self, CompileError> {
        let declared = DeclType::new(schema, SELF_TYPE).ok_or(CompileError::NoType)?;
        let of = declared.cel_type();
        let mut scope = Self::default().variable("self", of.clone());
        scope = scope.variable("oldSelf", if optional_old { Type::optional(of) } else { of });
        scope.declared.push(Arc::new(declared));
        Ok(scope)
    }

    /// Another variable.
    #[must_use]
    pub fn variable(mut self, name: &str, of: Type) -> Self {
        self.variables.push(Variable {
            name: name.into(),
            of,
        });
        self
    }

    /// Another variable, of a type that a schema declares.
    #[must_use]
    pub fn declared(mut self, name: &str, of: DeclType) -> Self {
        let cel_type = of.cel_type();
        self.declared.push(Arc::new(of));
        self.variable(name, cel_type)
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(&self, expression: &str) -> Result<Expression, CompileError> {
        let checked = self
            .check(expression)
            .map_err(|issues| CompileError::Issues(Box::new(issues)))?;
        let names: Vec<Arc<str>> = self
            .variables
            .iter()
            .map(|variable| Arc::clone(&variable.name))
            .collect();
        let root = plan(&checked, &names).map_err(CompileError::Constant)?;
        let estimate = Estimator::new(&checked, self.declared.first().map(AsRef::as_ref)).estimate();
        Ok(Expression {
            output: checked.type_of(checked.expr.id),
            reads_old: checked.reads("oldSelf"),
            root,
            estimate,
            variables: names.len(),
        })
    }

    fn check(&self, expression: &str) -> Result<Checked, Issues> {
        let parsed = syntax::parse(expression)?;
        let issues = Issues::new(crate::source::Source::new(expression));
        let declared: Vec<&DeclType> = self.declared.iter().map(AsRef::as_ref).collect();
        let (checked, mut issues) = check::check(parsed, issues, &self.variables, &declared)?;
        check::validate(&checked, &mut issues);
        if issues.is_empty() {
            Ok(checked)
        } else {
            Err(issues)
        }
    }
}

/// An expression, compiled.
#[derive(Debug)]
pub struct Expression {
    root: Node,
    output: Type,
    reads_old: bool,
    estimate: Estimate,
    variables: usize,
}

/// What came of an evaluation.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The value, or why there is none.
    pub result: Result<Value<'a>, Fail>,
    /// What it cost.
    pub cost: u64,
}

impl Expression {
    /// The type that it gives.
    #[must_use]
    pub const fn output(&self) -> &Type {
        &self.output
    }

    /// Whether it reads `oldSelf`: such a rule is one for changes.
    #[must_use]
    pub const fn reads_old(&self) -> bool {
        self.reads_old
    }

    /// What it costs at least and at most.
    #[must_use]
    pub const fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// Evaluates it with the values of its variables, in the order in which these were declared. What has none is missing.
    pub fn evaluate<'a>(
        &'a self,
        values: Vec<Option<Result<Value<'a>, Fail>>>,
        limit: u64,
    ) -> Evaluation<'a> {
        self.evaluate_until(values, limit, None)
    }

    /// As `evaluate`; what goes on behind a point in time costs too much.
    pub fn evaluate_until<'a>(
        &'a self,
        values: Vec<Option<Result<Value<'a>, Fail>>>,
        limit: u64,
        until: Option<Instant>,
    ) -> Evaluation<'a> {
        let _work = Work::begin(limit, until);
        let slot = |value: Option<Outcome<'a>>| value.map_or(Slot::Missing, Slot::Ready);
        let mut slots: Vec<Slot<'a>> = values.into_iter().map(slot).collect();
        slots.resize(self.variables, Slot::Missing);
        let mut run = Run::new(slots, limit);
        let result = run.eval(&self.root);
        Evaluation {
            result: if work::is_done() {
                Err(Fail::TooCostly)
            } else {
                result
            },
            cost: run.cost(),
        }
    }
}

/// A rule of a schema, compiled.
#[derive(Debug)]
pub struct Program {
    expression: Expression,
    schema: Arc<Schema>,
    optional_old: bool,
}

impl Program {
    /// Compiles a rule, which gives a bool.
    ///
    /// # Errors
    /// What Kubernetes says of it.
    pub fn compile(schema: &Arc<Schema>, rule: &str) -> Result<Self, CompileError> {
        Self::compile_as(schema, rule, Type::Bool, false)
    }

    /// Compiles an expression that gives this type; `oldSelf` may be optional.
    ///
    /// # Errors
    /// What Kubernetes says of it.
    pub fn compile_as(
        schema: &Arc<Schema>,
        expression: &str,
        output: Type,
        optional_old: bool,
    ) -> Result<Self, CompileError> {
        let expression = Scope::of_schema(schema, optional_old)?.compile(expression)?;
        if expression.output != output {
            return Err(CompileError::Output(if output == Type::String {
                "string"
            } else {
                "bool"
            }));
        }
        Ok(Self {
            expression,
            schema: Arc::clone(schema),
            optional_old,
        })
    }

    /// The expression.
    #[must_use]
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Evaluates the rule on an object, and on what it was before. It may cost at most `limit`.
    pub fn eval<'a>(&'a self, object: &'a Json, old: Option<&'a Json>, limit: u64) -> Evaluation<'a> {
        let of = |json: &'a Json| from_schema(json, &self.schema);
        let old = match (old, self.optional_old) {
            (Some(old), false) => Some(of(old)),
            (Some(old), true) => Some(of(old).map(Value::some)),
            (None, true) => Some(Ok(Value::Optional(None))),
            (None, false) => None,
        };
        self.expression.evaluate(vec![Some(of(object)), old], limit)
    }
}
