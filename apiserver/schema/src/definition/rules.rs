//! The rules of a definition's schema (`x-kubernetes-validations`): what of them is wrong, and what they cost at most. Go: the end of
//! `ValidateCustomResourceDefinitionOpenAPISchema`, and `CELSchemaContext` of `cel_validation.go`.

use annex_cel::{CompileError, DeclType, Expression, Rule, Schema, Scope, StructuralSchema, Type};

use crate::field::{BadValue, Error, ErrorKind, Path, go};
use crate::props::{JsonSchemaProps, go_json};
use crate::structural;

/// What an expression may cost at most in one object, by what is estimated: Kubernetes' `StaticEstimatedCostLimit`.
const EXPRESSION_LIMIT: u64 = 10_000_000;
/// What all expressions of a schema may: `StaticEstimatedCRDCostLimit`.
const SCHEMA_LIMIT: u64 = 100_000_000;
/// How many of the most expensive expressions are named.
const MOST_EXPENSIVE: usize = 4;
/// Bytes of the texts of errors of one schema behind which no further rules are compiled: each shows its rule, and all lines that are
/// wrong.
const MOST_TEXT: usize = 4 << 20;

/// What is known of a place that rules may stand at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Whether values are objects of their own, with `kind`, `apiVersion` and `metadata`.
    is_resource: bool,
    /// Whether values are the `metadata` of such an object whose type Kubernetes completed.
    is_completed_metadata: bool,
    /// Whether the values' type is that of a plain string, since Kubernetes completed the type around it.
    is_completed: bool,
    /// Whether there are rules here, or around it.
    has_rules: bool,
    /// Whether rules are about something that is of no type, here or around it.
    is_untyped: bool,
    /// How often there may be values here; none where nothing says it.
    cardinality: Option<u64>,
}

impl Context {
    pub(super) fn root(schema: &JsonSchemaProps) -> Self {
        let has_rules = schema.has_rules();
        Self {
            is_resource: true,
            is_completed_metadata: false,
            is_completed: false,
            has_rules,
            is_untyped: has_rules && !schema.declares_type(),
            cardinality: Some(1),
        }
    }

    /// That of the schema of a property.
    pub(super) fn property(self, schema: &JsonSchemaProps, name: &str, child: &JsonSchemaProps) -> Self {
        let completes = self.is_resource && self.has_rules && !names_itself(schema);
        Self {
            is_completed_metadata: completes && name == "metadata",
            is_completed: completes && ["kind", "apiVersion"].contains(&name)
                || self.is_completed_metadata && ["name", "generateName"].contains(&name),
            ..self.below(schema, child)
        }
    }

    /// That of a schema within another one.
    pub(super) fn below(self, schema: &JsonSchemaProps, child: &JsonSchemaProps) -> Self {
        let has_rules = self.has_rules || child.has_rules();
        let most = most_elements(schema);
        Self {
            is_resource: child.embedded_resource,
            is_completed_metadata: false,
            is_completed: false,
            has_rules,
            is_untyped: has_rules && (self.is_untyped || !child.declares_type()),
            cardinality: self
                .cardinality
                .zip(most)
                .map(|(around, most)| around.saturating_mul(most)),
        }
    }
}

/// Whether the schema of an object has all fields by which objects are named, so that Kubernetes need not complete it.
fn names_itself(schema: &JsonSchemaProps) -> bool {
    let is = |schema: Option<&JsonSchemaProps>, name: &str| schema.is_some_and(|of| of.type_name == name);
    let metadata = schema.property("metadata");
    let named = |name: &str| is(metadata.and_then(|metadata| metadata.property(name)), "string");
    is(schema.property("kind"), "string")
        && is(schema.property("apiVersion"), "string")
        && is(metadata, "object")
        && named("name")
        && named("generateName")
}

/// How many values there may be in each of a schema's: `extractMaxElements`.
fn most_elements(schema: &JsonSchemaProps) -> Option<u64> {
    let most = match schema.type_name.as_str() {
        "object" if schema.additional_properties.is_some() => schema.max_properties,
        "array" => schema.max_items,
        _ => return Some(1),
    };
    most.map(|most| u64::try_from(most).unwrap_or_default())
}

/// What came of the rules of a schema.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) errors: Vec<Error>,
    /// Bytes of their texts.
    text: usize,
    total: u64,
    /// The expressions that cost a hundredth of the limit or more, by their paths, the most expensive first.
    expensive: Vec<(String, u64)>,
}

/// Adds what can be said of a schema's rules without compiling them.
pub(super) fn validate(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let path = path.child("x-kubernetes-validations");
    let mut kept = None;
    for (index, rule) in schema.validations().iter().enumerate() {
        let path = path.index(index);
        texts(&path, rule, errors);
        if rule.field_path.is_empty() {
            continue;
        }
        let at = path.child("fieldPath");
        if rule.field_path.trim().is_empty() {
            errors.push(Error::invalid(
                &at,
                &*rule.field_path,
                "must be non-empty if specified",
            ));
        }
        if has_line_breaks(&rule.field_path) {
            errors.push(Error::invalid(
                &at,
                &*rule.field_path,
                "must not contain line breaks",
            ));
        }
        let schema = kept.get_or_insert_with(|| {
            structural::unsupported(schema)
                .is_none()
                .then(|| Schema::new(schema, false))
        });
        if schema
            .as_ref()
            .is_some_and(|schema| !schema.has_field_path(&rule.field_path))
        {
            errors.push(Error::invalid(&at, &*rule.field_path, "must be a valid path"));
        }
    }
}

fn texts(path: &Path<'_>, rule: &Rule, errors: &mut Vec<Error>) {
    let (text, message) = (rule.rule.trim(), rule.message.trim());
    let at_message = path.child("message");
    let not_empty = "must be non-empty if specified";
    if text.is_empty() {
        errors.push(Error::required(&path.child("rule"), "rule is not specified"));
    } else if !rule.message.is_empty() && message.is_empty() {
        errors.push(Error::invalid(&at_message, &*rule.message, not_empty));
    } else if has_line_breaks(message) {
        errors.push(Error::invalid(
            &at_message,
            &*rule.message,
            "must not contain line breaks",
        ));
    } else if has_line_breaks(text) && message.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.push(Error::required(&at_message, detail));
    }
    if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.push(Error::required(&path.child("messageExpression"), detail));
    }
    const REASONS: [&str; 4] = [
        "FieldValueDuplicate",
        "FieldValueForbidden",
        "FieldValueInvalid",
        "FieldValueRequired",
    ];
    if let Some(reason) = rule.reason.as_deref().filter(|reason| !REASONS.contains(reason)) {
        // Go's type of it is no string, so that it is shown as JSON.
        let mut shown = String::new();
        go::write_json_string(&mut shown, reason);
        let at = path.child("reason");
        errors.push(Error::not_supported(&at, BadValue::Written(shown), &REASONS));
    }
}

fn has_line_breaks(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

/// What the rules of one schema are compiled in.
struct Node {
    scope: Scope,
    /// That of rules whose `oldSelf` is optional, where there are any.
    optional: Option<Scope>,
    /// How often there are values here at most, by their size.
    cardinality: u64,
}

impl Node {
    /// None where values have no type.
    fn new(schema: &JsonSchemaProps, context: Context) -> Option<Self> {
        let rules = schema.validations();
        let values = if context.is_completed {
            let text = JsonSchemaProps {
                type_name: "string".to_owned(),
                ..JsonSchemaProps::default()
            };
            Schema::new(&text, false)
        } else {
            Schema::new(schema, context.is_resource)
        };
        let size = DeclType::new(&values, "self")?.max_cardinality();
        let optional = rules.iter().any(Rule::has_optional_old_self);
        Some(Self {
            scope: Scope::of_schema(&values, false).ok()?,
            optional: if optional {
                Some(Scope::of_schema(&values, true).ok()?)
            } else {
                None
            },
            cardinality: context.cardinality.unwrap_or(size),
        })
    }

    fn compile(&self, rule: &Rule, expression: &str, output: &Type) -> Result<Expression, CompileError> {
        let optional = self.optional.as_ref().filter(|_| rule.has_optional_old_self());
        let compiled = optional.unwrap_or(&self.scope).compile(expression)?;
        if compiled.output() == output {
            Ok(compiled)
        } else {
            Err(CompileError::Output(if *output == Type::String {
                "string"
            } else {
                "bool"
            }))
        }
    }
}

/// What Kubernetes says of a `messageExpression` that does not compile.
fn of_message(error: &CompileError) -> String {
    match error {
        CompileError::Issues(issues) => format!("messageExpression compilation failed: {issues}"),
        CompileError::Output(name) => format!("messageExpression must evaluate to a {name}"),
        CompileError::Constant(why) => format!("messageExpression instantiation failed: {why}"),
        CompileError::NoType => error.to_string(),
    }
}

/// What is said where an expression, or all, cost more than they may.
fn too_expensive(what: &str, cost: u64, limit: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "as Go divides them")]
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where \
         arrays, maps, and strings are declared)"
    )
}

impl Rules {
    /// Compiles a schema's rules, and adds what is wrong with them and what they cost.
    pub(super) fn compile(
        &mut self,
        path: &Path<'_>,
        schema: &JsonSchemaProps,
        context: Context,
        uncorrelated: Option<&Path<'_>>,
    ) {
        if !schema.has_rules() || self.text > MOST_TEXT {
            return;
        }
        let path = path.child("x-kubernetes-validations");
        let node = Some(context).filter(|context| !context.is_untyped);
        let Some(node) = node.and_then(|context| Node::new(schema, context)) else {
            let detail = "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert \
                          structural schema to CEL declarations";
            return self.add(Error::internal(&path, detail));
        };
        for (index, rule) in schema.validations().iter().enumerate() {
            if self.text > MOST_TEXT {
                return;
            }
            self.compile_rule(&path.index(index), rule, &node, uncorrelated);
        }
    }

    fn compile_rule(&mut self, path: &Path<'_>, rule: &Rule, node: &Node, uncorrelated: Option<&Path<'_>>) {
        let at = path.child("rule");
        let mut reads_old = false;
        match node.compile(rule, &rule.rule, &Type::Bool) {
            Ok(expression) => {
                reads_old = expression.reads_old();
                let cost = expression.estimate().max.saturating_mul(node.cardinality);
                self.cost(&at, "estimated rule cost", cost);
                self.compile_message(path, rule, node);
            }
            Err(error) => {
                let shown = BadValue::Written(go_json::rule(rule));
                self.add(Error::invalid(&at, shown, error.to_string()));
            }
        }
        if reads_old {
            if let Some(around) = uncorrelated {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {around}"
                );
                self.add(Error::invalid(&at, &*rule.rule, detail));
            }
        } else if let Some(optional) = rule.optional_old_self {
            let detail = "may not be set if oldSelf is not used in rule";
            self.add(Error::invalid(&path.child("optionalOldSelf"), optional, detail));
        }
    }

    fn compile_message(&mut self, path: &Path<'_>, rule: &Rule, node: &Node) {
        if rule.message_expression.is_empty() {
            return;
        }
        let at = path.child("messageExpression");
        match node.compile(rule, &rule.message_expression, &Type::String) {
            Ok(expression) => self.cost(&at, "estimated messageExpression cost", expression.estimate().max),
            Err(error) => {
                let shown = BadValue::Written(go_json::rule(rule));
                self.add(Error::invalid(&at, shown, of_message(&error)));
            }
        }
    }

    fn add(&mut self, error: Error) {
        self.text += error.field.len() + error.detail.len();
        self.errors.push(error);
    }

    /// Counts an expression: `ObserveExpressionCost`.
    fn cost(&mut self, path: &Path<'_>, what: &str, cost: u64) {
        if cost > EXPRESSION_LIMIT {
            self.add(Error::forbidden(
                path,
                too_expensive(what, cost, EXPRESSION_LIMIT),
            ));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= SCHEMA_LIMIT / 100 {
            let at = self.expensive.partition_point(|(_, other)| *other >= cost);
            self.expensive.insert(at, (path.to_string(), cost));
            self.expensive.truncate(MOST_EXPENSIVE);
        }
    }

    /// What is wrong where all expressions together cost more than they may. `path` is that of the schema.
    pub(super) fn too_expensive(self, path: &Path<'_>) -> Vec<Error> {
        if self.total <= SCHEMA_LIMIT {
            return Vec::new();
        }
        let mut errors: Vec<Error> = self
            .expensive
            .into_iter()
            .map(|(field, _)| Error {
                kind: ErrorKind::Forbidden,
                field,
                value: BadValue::Omitted,
                detail: "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema".to_owned(),
            })
            .collect();
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        errors.push(Error::forbidden(
            path,
            too_expensive(what, self.total, SCHEMA_LIMIT),
        ));
        errors
    }
}
