//! Makes of a checked expression what is evaluated: names become places, constants are computed, regular expressions compiled.

use std::collections::HashSet;
use std::sync::Arc;

use annex_re2::Pattern;

use super::cost::Cost;
use super::node::{Attribute, By, Call, Computed, Fold, Grow, Key, Node, Qualifier};
use super::run::{Run, go_type};
use crate::ast::{self, Comprehension, Expr, Id, Kind, Literal, Select, op};
use crate::check::Checked;
use crate::environment::{self, Overload};
use crate::library::Guard;
use crate::names;
use crate::types::Type;
use crate::value::{Lister, Text, Value};

/// What functions convert values: of a constant, the value is computed once.
const CONVERSIONS: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Makes an expression ready to be evaluated. `variables` are at the first places.
///
/// # Errors
/// What is wrong with a constant, in cel-go's words.
pub(crate) fn plan(checked: &Checked, variables: &[Arc<str>]) -> Result<Node, String> {
    let mut planner = Planner {
        checked,
        scopes: variables.to_vec(),
    };
    planner.node(&checked.expr)
}

struct Planner<'c> {
    checked: &'c Checked,
    /// The names of the places.
    scopes: Vec<Arc<str>>,
}

/// A name that no variable has.
const HIDDEN: &str = "";

impl Planner<'_> {
    fn node(&mut self, expr: &Expr) -> Result<Node, String> {
        match &expr.kind {
            Kind::Unspecified => Err("unsupported expr".to_owned()),
            Kind::Literal(literal) => Ok(Node::Const(constant(literal))),
            Kind::Ident(name) => self.ident(expr.id, name),
            Kind::Select(select) => self.select(select),
            Kind::Call(call) => self.call(expr.id, call),
            Kind::List(list) => self.list(list),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct(of) => Err(format!("unknown type: {}", of.name)),
            Kind::Comprehension(fold) => self.fold(fold),
        }
    }

    fn ident(&self, id: Id, name: &Arc<str>) -> Result<Node, String> {
        if let Type::Type(_) = self.checked.type_of(id)
            && self.slot(name).is_none()
        {
            if environment::named_type(name).is_none() {
                return Err(format!("reference to undefined type: {name}"));
            }
            return Ok(Node::Const(Value::Type(Arc::clone(name))));
        }
        let slot = self
            .slot(name)
            .ok_or_else(|| format!("no such attribute(s): {name}"))?;
        Ok(Node::Attribute {
            of: Attribute::Variable {
                slot,
                name: Arc::clone(name),
                qualifiers: Vec::new(),
            },
            test_only: false,
        })
    }

    fn slot(&self, name: &str) -> Option<usize> {
        self.scopes
            .iter()
            .rposition(|known| **known == *name && !name.is_empty())
    }

    fn select(&mut self, select: &Select) -> Result<Node, String> {
        let operand = self.node(&select.operand)?;
        let key = Value::String(Text::Shared(Arc::clone(&select.field)));
        let by = by_constant(key);
        let qualifier = Qualifier {
            by,
            optional: false,
            test_only: select.test_only,
        };
        let (mut of, was_test) = attribute(operand);
        qualify(&mut of, &Arc::new(qualifier));
        Ok(Node::Attribute {
            of,
            test_only: select.test_only || was_test,
        })
    }

    fn args(&mut self, call: &ast::Call) -> Result<Vec<Node>, String> {
        call.target
            .iter()
            .chain(&call.args)
            .map(|arg| self.node(arg))
            .collect()
    }

    fn call(&mut self, id: Id, call: &ast::Call) -> Result<Node, String> {
        let mut args = self.args(call)?;
        let function = &*call.function;
        let overloads = self.checked.overloads(id);
        let overload = match overloads {
            [overload] => *overload,
            _ => "",
        };
        match function {
            op::AND => return Ok(Node::And(args)),
            op::OR => return Ok(Node::Or(args)),
            _ => {}
        }
        if function == op::NOT_STRICTLY_FALSE
            && let Some(arg) = args.pop()
        {
            return Ok(Node::NotStrictlyFalse(Box::new(arg)));
        }
        if let (op::CONDITIONAL, [_, _, _]) = (function, args.as_slice()) {
            return Ok(conditional(args));
        }
        if let [_, _] = args.as_slice() {
            match function {
                op::EQUALS | op::NOT_EQUALS => {
                    let pair = Box::new(pair(args)?);
                    let (equal, name) = (
                        function == op::EQUALS,
                        if function == op::EQUALS {
                            "equals"
                        } else {
                            "not_equals"
                        },
                    );
                    let cost = Cost::of(function, name);
                    return Ok(if equal {
                        Node::Equal(pair, cost)
                    } else {
                        Node::NotEqual(pair, cost)
                    });
                }
                op::INDEX => return self.index(args, false),
                op::OPT_INDEX | op::OPT_SELECT => return self.index(args, true),
                "or" if matches!(overload, "" | "optional_or_optional") => {
                    return Ok(Node::OptionalOr(Box::new(pair(args)?)));
                }
                "orValue" if matches!(overload, "" | "optional_orValue_value") => {
                    return Ok(Node::OptionalOrValue(Box::new(pair(args)?)));
                }
                op::IN if overload == "in_list" => {
                    if let Some(node) = membership(&mut args) {
                        return Ok(node);
                    }
                }
                _ => {}
            }
        }
        self.function(&call.function, overload, args)
    }

    fn function(&self, name: &Arc<str>, overload: &str, args: Vec<Node>) -> Result<Node, String> {
        let declared = environment::function(name).ok_or_else(|| format!("no such overload: {name}"))?;
        let chosen = declared.overloads.iter().find(|known| known.id == overload);
        let all: Vec<&'static Overload> = chosen.map_or_else(
            || {
                declared
                    .overloads
                    .iter()
                    .filter(|known| known.args.len() == args.len())
                    .collect()
            },
            |chosen| vec![chosen],
        );
        let itself = all
            .first()
            .filter(|first| first.guard == Guard::Itself)
            .map(|first| first.native);
        let constant_pattern = args.get(1).and_then(|pattern| match pattern {
            Node::Const(Value::String(pattern)) => Some(pattern.to_string()),
            _ => None,
        });
        let compiled = |pattern: &str| Pattern::new(pattern).map_err(|error| error.to_string());
        let computed = match (&**name, constant_pattern) {
            ("matches", Some(pattern)) => Computed::Matches(compiled(&pattern)?),
            ("find", Some(pattern)) => Computed::Find(compiled(&pattern)?),
            ("findAll", Some(pattern)) => Computed::FindAll(compiled(&pattern)?),
            _ => itself.map_or(Computed::Overloads(all), Computed::Native),
        };
        let is_regex = matches!(
            computed,
            Computed::Matches(_) | Computed::Find(_) | Computed::FindAll(_)
        );
        let ambiguous =
            chosen.is_none() && declared.overloads.len() > 1 && matches!(computed, Computed::Overloads(_));
        let call = Call {
            function: Arc::clone(name),
            eager: is_regex || ambiguous || args.len() > 2 || overload == "string_format",
            cost: Cost::of(name, overload),
            computed,
            args,
        };
        let conversion = CONVERSIONS.contains(&&**name) && matches!(call.args.as_slice(), [Node::Const(_)]);
        let node = Node::Call(Box::new(call));
        if conversion {
            return computed_once(&node).map(Node::Const);
        }
        Ok(node)
    }

    fn index(&self, args: Vec<Node>, optional: bool) -> Result<Node, String> {
        let (operand, index) = pair(args)?;
        let by = match index {
            Node::Const(
                value @ (Value::String(_)
                | Value::Int(_)
                | Value::Uint(_)
                | Value::Bool(_)
                | Value::Double(_)),
            ) => by_constant(value),
            Node::Const(other) => return Err(format!("invalid qualifier type: {}", go_type(&other))),
            Node::Attribute { of, .. } => By::Attribute(of),
            other => By::Node(other),
        };
        let (mut of, test_only) = attribute(operand);
        qualify(
            &mut of,
            &Arc::new(Qualifier {
                by,
                optional,
                test_only: false,
            }),
        );
        Ok(Node::Attribute { of, test_only })
    }

    fn list(&mut self, list: &ast::List) -> Result<Node, String> {
        let elements: Vec<Node> = list
            .elements
            .iter()
            .map(|element| self.node(element))
            .collect::<Result<_, _>>()?;
        let constant = elements.iter().all(|element| matches!(element, Node::Const(_)));
        let optional = if list.optional.is_empty() {
            Vec::new()
        } else {
            (0..elements.len())
                .map(|at| list.optional.binary_search(&at).is_ok())
                .collect()
        };
        let node = Node::List { elements, optional };
        if constant {
            computed_once(&node).map(Node::Const)
        } else {
            Ok(node)
        }
    }

    fn map(&mut self, entries: &[ast::Entry]) -> Result<Node, String> {
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            all.push((self.node(&entry.key)?, self.node(&entry.value)?, entry.optional));
        }
        let constant = all
            .iter()
            .all(|(key, value, _)| matches!((key, value), (Node::Const(_), Node::Const(_))));
        let node = Node::Map(all);
        if constant {
            computed_once(&node).map(Node::Const)
        } else {
            Ok(node)
        }
    }

    fn fold(&mut self, fold: &Comprehension) -> Result<Node, String> {
        let init = self.node(&fold.init)?;
        let range = self.node(&fold.range)?;
        let slot = self.scopes.len();
        self.scopes.push(Arc::clone(&fold.accu));
        self.scopes.push(Arc::clone(&fold.var));
        self.scopes
            .push(fold.var2.clone().unwrap_or_else(|| HIDDEN.into()));
        let condition = self.node(&fold.condition)?;
        let step = self.node(&fold.step)?;
        self.scopes.truncate(slot + 1);
        // The variables keep their places, under no name.
        self.scopes.push(HIDDEN.into());
        self.scopes.push(HIDDEN.into());
        let result = self.node(&fold.result)?;
        self.scopes.truncate(slot);
        let condition = match condition {
            Node::Const(Value::Bool(true)) => None,
            other => Some(other),
        };
        Ok(Node::Fold(Box::new(Fold {
            two: fold.var2.is_some(),
            grow: grow(&step, slot),
            range,
            slot,
            init,
            condition,
            step,
            result,
        })))
    }
}

fn constant(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::String(Text::Shared(Arc::clone(text))),
        Literal::Bytes(bytes) => Value::Bytes(Arc::clone(bytes)),
    }
}

/// The value of what is made of constants.
fn computed_once(node: &Node) -> Result<Value<'static>, String> {
    let mut run = Run::new(Vec::new(), u64::MAX);
    let value = run.eval(node).map_err(|fail| fail.to_string())?;
    Ok(owned(&value))
}

/// A value that borrows nothing: those of constants do not.
fn owned(value: &Value<'_>) -> Value<'static> {
    use crate::value::{Map, Values};
    match value {
        Value::Null | Value::Unknown(_) => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Uint(value) => Value::Uint(*value),
        Value::Double(value) => Value::Double(*value),
        Value::String(Text::Shared(text)) => Value::String(Text::Shared(Arc::clone(text))),
        Value::String(Text::Borrowed(text)) => Value::text(*text),
        Value::Bytes(bytes) => Value::Bytes(Arc::clone(bytes)),
        Value::Duration(value) => Value::Duration(*value),
        Value::Timestamp(time) => Value::Timestamp(*time),
        Value::Type(name) => Value::Type(Arc::clone(name)),
        Value::List(list) => {
            let values: Vec<Value<'static>> = list
                .iter()
                .filter_map(Result::ok)
                .map(|value| owned(&value))
                .collect();
            Value::list(values)
        }
        Value::Map(map) => {
            let mut all = Values::default();
            for (key, value) in map.entries() {
                if let Ok(value) = value {
                    all.set(owned(&key), owned(&value));
                }
            }
            Value::Map(Map::Values(Arc::new(all)))
        }
        Value::Optional(value) => Value::Optional(value.as_ref().map(|value| Arc::new(owned(value)))),
        Value::Quantity(quantity, computed) => Value::Quantity(Arc::clone(quantity), *computed),
        Value::Url(url) => Value::Url(Arc::clone(url)),
        Value::Ip(ip) => Value::Ip(*ip),
        Value::Cidr(network) => Value::Cidr(*network),
        Value::Format(format) => Value::Format(format),
        Value::Semver(version) => Value::Semver(Arc::clone(version)),
    }
}

fn by_constant(key: Value<'static>) -> By {
    let unescaped = key
        .as_text()
        .and_then(names::unescape)
        .map(String::into_boxed_str);
    By::Const(key, unescaped)
}

/// What is read where a step gives an attribute, or of what it gives; and whether `has()` is asked.
fn attribute(node: Node) -> (Attribute, bool) {
    match node {
        Node::Attribute { of, test_only } => (of, test_only),
        other => (
            Attribute::Relative {
                operand: Box::new(other),
                qualifiers: Vec::new(),
            },
            false,
        ),
    }
}

fn qualify(of: &mut Attribute, qualifier: &Arc<Qualifier>) {
    match of {
        Attribute::Variable { qualifiers, .. } | Attribute::Relative { qualifiers, .. } => {
            qualifiers.push(Arc::clone(qualifier))
        }
        Attribute::Conditional { truthy, falsy, .. } => {
            qualify(truthy, qualifier);
            qualify(falsy, qualifier);
        }
    }
}

fn pair(args: Vec<Node>) -> Result<(Node, Node), String> {
    <[Node; 2]>::try_from(args)
        .map(|[first, second]| (first, second))
        .map_err(|_| "no such overload".to_owned())
}

fn conditional(args: Vec<Node>) -> Node {
    let mut args = args.into_iter();
    let mut next = || args.next().unwrap_or(Node::Const(Value::Null));
    let (condition, truthy, falsy) = (next(), next(), next());
    Node::Attribute {
        of: Attribute::Conditional {
            condition: Box::new(condition),
            truthy: Box::new(attribute(truthy).0),
            falsy: Box::new(attribute(falsy).0),
        },
        test_only: false,
    }
}

/// `x in [constants]`.
fn membership(args: &mut Vec<Node>) -> Option<Node> {
    let Some(Node::Const(Value::List(list))) = args.get(1) else {
        return None;
    };
    if list.size() == 0 {
        return Some(Node::Const(Value::Bool(false)));
    }
    let mut keys = HashSet::new();
    for value in list.iter() {
        let value = value.ok()?;
        keys.insert(Key::of(&value)?);
        let others = match value {
            Value::Double(_) => {
                let same = |other: &Value<'_>| crate::value::equal(other, &value) == Ok(true);
                [
                    value.to_int().ok().filter(same),
                    value.to_uint().ok().filter(same),
                ]
            }
            Value::Int(_) => [value.to_double().ok(), value.to_uint().ok()],
            Value::Uint(_) => [value.to_double().ok(), value.to_int().ok()],
            _ => [None, None],
        };
        keys.extend(others.iter().flatten().filter_map(Key::of));
    }
    let value = args.swap_remove(0);
    Some(Node::Member(Box::new((value, keys))))
}

impl Key {
    /// The key of a value; none for one that is not looked for so.
    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            // Both zeros are one.
            Value::Double(value) => Self::Double((value + 0.0).to_bits()),
            Value::String(text) => Self::Text((**text).into()),
            _ => return None,
        })
    }
}

/// Whether a step only makes the accumulator grow.
fn grow(step: &Node, accu: usize) -> Option<Grow> {
    let is_accu = |node: Option<&Node>| {
        matches!(node, Some(Node::Attribute { of: Attribute::Variable { slot, qualifiers, .. }, test_only: false })
            if *slot == accu && qualifiers.is_empty())
    };
    let of = match step {
        Node::Attribute {
            of: Attribute::Conditional { truthy, falsy, .. },
            ..
        } => match (&**truthy, &**falsy) {
            (
                Attribute::Relative { operand, qualifiers },
                Attribute::Variable {
                    slot,
                    qualifiers: others,
                    ..
                },
            ) if *slot == accu && qualifiers.is_empty() && others.is_empty() => operand,
            _ => return None,
        },
        other => other,
    };
    let Node::Call(call) = of else { return None };
    if !is_accu(call.args.first()) {
        return None;
    }
    match (&*call.function, call.args.len()) {
        (op::ADD, 2) => Some(Grow::List),
        (op::MAP_INSERT, 2 | 3) => Some(Grow::Map),
        _ => None,
    }
}
