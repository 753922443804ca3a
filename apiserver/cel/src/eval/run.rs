//! Evaluates an expression and meters it.

use std::sync::Arc;

use super::cost::{LIST, MAP};
use super::node::{Attribute, By, Call, Computed, Fold, Grow, Key, Node, Qualifier};
use crate::library::{put, regex_every, regex_first};
use crate::value::{
    Elements, Fail, List, Lister, MAX_DEPTH, Map, Mapper, Outcome, Text, Value, Values, equal, fail,
    index_of, no_overload, work,
};

/// A variable's place.
#[derive(Debug, Clone)]
pub(crate) enum Slot<'a> {
    /// A value, or the error that stands for it.
    Ready(Outcome<'a>),
    /// It is computed when it is read first.
    Later(&'a Node),
    /// There is none.
    Missing,
}

/// An evaluation.
pub(crate) struct Run<'a> {
    slots: Vec<Slot<'a>>,
    cost: u64,
    limit: u64,
    steps: u32,
}

/// After how many steps of folds the clock is looked at: Kubernetes' `InterruptCheckFrequency`.
const STEPS: u32 = 100;

/// How many arguments a function has at most.
const MAX_ARGS: usize = 4;

impl<'a> Run<'a> {
    /// Begins an evaluation that may cost at most `limit`.
    pub(crate) const fn new(slots: Vec<Slot<'a>>, limit: u64) -> Self {
        Self {
            slots,
            cost: 0,
            limit,
            steps: 0,
        }
    }

    /// What was spent.
    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    fn charge(&mut self, cost: u64) -> Result<(), Fail> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit || work::is_done() {
            Err(Fail::TooCostly)
        } else {
            Ok(())
        }
    }

    pub(crate) fn eval(&mut self, node: &'a Node) -> Outcome<'a> {
        match node {
            Node::Const(value) => Ok(constant(value)),
            Node::Attribute { of, test_only } => self.attribute(of, *test_only),
            Node::Call(call) => self.call(call),
            Node::Equal(sides, cost) => {
                let (left, right) = self.sides(sides, *cost)?;
                equal(&left, &right).map(Value::Bool)
            }
            Node::NotEqual(sides, cost) => {
                let (left, right) = self.sides(sides, *cost)?;
                Ok(Value::Bool(equal(&left, &right) != Ok(true)))
            }
            Node::And(terms) => self.logic(terms, false),
            Node::Or(terms) => self.logic(terms, true),
            Node::NotStrictlyFalse(arg) => {
                let value = self.eval(arg);
                if let Err(Fail::TooCostly) = value {
                    return value;
                }
                self.charge(1)?;
                Ok(Value::Bool(!matches!(value, Ok(Value::Bool(false)))))
            }
            Node::Member(of) => {
                let value = self.eval(&of.0)?;
                Ok(Value::Bool(
                    Key::of(&value).is_some_and(|key| of.1.contains(&key)),
                ))
            }
            Node::OptionalOr(sides) => match self.eval(&sides.0)? {
                Value::Optional(None) => self.eval(&sides.1),
                other => Ok(other),
            },
            Node::OptionalOrValue(sides) => match self.eval(&sides.0)? {
                Value::Optional(None) => self.eval(&sides.1),
                Value::Optional(Some(value)) => Ok((*value).clone()),
                other => Ok(other),
            },
            Node::List { elements, optional } => self.list(elements, optional),
            Node::Map(entries) => self.map(entries),
            Node::Fold(fold) => self.fold(fold),
        }
    }

    fn attribute(&mut self, of: &'a Attribute, test_only: bool) -> Outcome<'a> {
        let value = self.resolve(of);
        if let Err(Fail::TooCostly) = value {
            return value;
        }
        if !matches!(of, Attribute::Conditional { .. }) {
            self.cost = self.cost.saturating_add(1);
        }
        if test_only {
            self.cost = self.cost.saturating_sub(1);
        }
        self.charge(0)?;
        match value {
            Ok(Value::Optional(inner)) if test_only => Ok(Value::Bool(inner.is_some())),
            other => other,
        }
    }

    /// What an attribute is; reading a variable costs nothing here.
    fn resolve(&mut self, of: &'a Attribute) -> Outcome<'a> {
        match of {
            Attribute::Variable {
                slot,
                name,
                qualifiers,
            } => {
                let value = self.read(*slot, name)?;
                self.qualify_all(value, qualifiers)
            }
            Attribute::Relative { operand, qualifiers } => {
                let value = self.eval(operand)?;
                self.qualify_all(value, qualifiers)
            }
            Attribute::Conditional {
                condition,
                truthy,
                falsy,
            } => match self.eval(condition)? {
                Value::Bool(true) => self.resolve(truthy),
                Value::Bool(false) => self.resolve(falsy),
                _ => no_overload(),
            },
        }
    }

    fn read(&mut self, slot: usize, name: &str) -> Outcome<'a> {
        match self.slots.get(slot) {
            Some(Slot::Ready(value)) => value.clone(),
            Some(Slot::Later(node)) => {
                let node: &'a Node = node;
                let value = self.eval(node);
                if !matches!(value, Err(Fail::TooCostly)) {
                    self.set(slot, value.clone());
                }
                value
            }
            Some(Slot::Missing) | None => fail(format!("no such attribute(s): {name}")),
        }
    }

    fn set(&mut self, slot: usize, value: Outcome<'a>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Slot::Ready(value);
        }
    }

    fn qualify_all(&mut self, value: Value<'a>, qualifiers: &'a [Arc<Qualifier>]) -> Outcome<'a> {
        let mut value = value;
        let mut optional = false;
        if let Value::Optional(inner) = value {
            // As in cel-go, what is optional loses what its schema says of it.
            let Some(inner) = inner else {
                return Ok(Value::Optional(None));
            };
            value = (*inner).clone().native();
            optional = true;
        }
        for qualifier in qualifiers {
            optional |= qualifier.optional;
            if optional {
                match self.find(qualifier, &value)? {
                    Some(found) => value = found,
                    None => return Ok(Value::Optional(None)),
                }
            } else {
                value = self.qualify(qualifier, &value)?;
            }
        }
        Ok(if optional { Value::some(value) } else { value })
    }

    /// `value.field`, which must be there.
    fn qualify(&mut self, qualifier: &'a Qualifier, value: &Value<'a>) -> Outcome<'a> {
        let found = self.look_up(qualifier, value);
        if let Err(Fail::TooCostly) = found {
            return Err(Fail::TooCostly);
        }
        self.charge(1)?;
        let found = found?;
        if qualifier.test_only {
            return Ok(Value::Bool(found.is_ok()));
        }
        match found {
            Ok(found) => Ok(found),
            Err(key) => match value {
                Value::List(_) => fail(format!("index out of bounds: {key}")),
                _ => fail(format!("no such key: {key}")),
            },
        }
    }

    /// `value.?field`, which may be there; what is not there costs nothing.
    fn find(&mut self, qualifier: &'a Qualifier, value: &Value<'a>) -> Result<Option<Value<'a>>, Fail> {
        match self.look_up(qualifier, value)? {
            Ok(found) => {
                self.charge(1)?;
                Ok(Some(found))
            }
            Err(_) => Ok(None),
        }
    }

    /// What is found by a qualifier, or the key by which there is nothing.
    fn look_up(
        &mut self,
        qualifier: &'a Qualifier,
        value: &Value<'a>,
    ) -> Result<Result<Value<'a>, Value<'a>>, Fail> {
        let key = match &qualifier.by {
            By::Const(key, unescaped) => {
                if let Value::Map(map) = value {
                    return match map.get_known(key, unescaped.as_deref()) {
                        Some(found) => found.map(Ok),
                        None => Ok(Err(constant(key))),
                    };
                }
                constant(key)
            }
            By::Attribute(of) => self.resolve(of)?,
            By::Node(node) => self.eval(node)?,
        };
        match key {
            Value::String(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_) | Value::Double(_) => {}
            other => return fail(format!("invalid qualifier type: {}", go_type(&other))),
        }
        let found = match value {
            Value::Map(map) => map.find(&key).transpose()?,
            Value::List(list) => {
                index_of(&key)?;
                if !matches!(key, Value::Int(_)) && list.is_of_a_schema() {
                    return fail(format!("unsupported index: {key}"));
                }
                list.read(&key)?
            }
            _ => None,
        };
        Ok(found.ok_or(key))
    }

    /// `&&` and `||`: `absorbing` ends them, and stands against errors.
    fn logic(&mut self, terms: &'a [Node], absorbing: bool) -> Outcome<'a> {
        let mut error = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(value)) if value == absorbing => return Ok(Value::Bool(absorbing)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or_else(|| no_overload::<Value<'a>>().err()),
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                Err(fail) => error = error.or(Some(fail)),
            }
        }
        error.map_or(Ok(Value::Bool(!absorbing)), Err)
    }

    fn sides(
        &mut self,
        sides: &'a (Node, Node),
        cost: super::cost::Cost,
    ) -> Result<(Value<'a>, Value<'a>), Fail> {
        let left = self.eval(&sides.0);
        if let Err(Fail::TooCostly) = left {
            return Err(Fail::TooCostly);
        }
        let right = self.eval(&sides.1);
        if let Err(Fail::TooCostly) = right {
            return Err(Fail::TooCostly);
        }
        match (left, right) {
            (Ok(left), Ok(right)) => {
                let sides = [left, right];
                read(&sides)?;
                self.charge(cost.charge(&sides, None))?;
                let [left, right] = sides;
                Ok((left, right))
            }
            (left, right) => {
                // What has an error has the size of one.
                let error = left.as_ref().err().or_else(|| right.as_ref().err()).cloned();
                let sides = [left.unwrap_or(Value::Null), right.unwrap_or(Value::Null)];
                self.charge(cost.charge(&sides, None))?;
                error.map_or_else(no_overload, Err)
            }
        }
    }

    fn call(&mut self, call: &'a Call) -> Outcome<'a> {
        let mut values = [const { Value::Null }; MAX_ARGS];
        let (mut error, count) = (None, call.args.len().min(MAX_ARGS));
        for (at, (arg, value)) in call.args.iter().zip(&mut values).enumerate() {
            match self.eval(arg) {
                Ok(evaluated) => *value = evaluated,
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                Err(fail) => {
                    if call.eager && at + 1 < count {
                        return Err(fail);
                    }
                    error = error.or(Some(fail));
                }
            }
        }
        let args = values.get(..count).unwrap_or_default();
        if let Some(error) = error {
            self.charge(call.cost.charge(args, None))?;
            return Err(error);
        }
        read(args)?;
        if call.cost.needs_result() {
            let result = compute(call, args);
            self.charge(call.cost.charge(args, result.as_ref().ok()))?;
            return bounded(result?);
        }
        // What would cost too much is not even begun.
        self.charge(call.cost.charge(args, None))?;
        bounded(compute(call, args)?)
    }

    fn list(&mut self, elements: &'a [Node], optional: &[bool]) -> Outcome<'a> {
        let made = self.elements(elements, optional);
        if let Err(Fail::TooCostly) = made {
            return Err(Fail::TooCostly);
        }
        self.charge(LIST)?;
        bounded(Value::list(made?))
    }

    fn elements(&mut self, elements: &'a [Node], optional: &[bool]) -> Result<Vec<Value<'a>>, Fail> {
        work::spend(elements.len().saturating_mul(work::ELEMENT))?;
        let mut all = Vec::with_capacity(elements.len());
        for (at, element) in elements.iter().enumerate() {
            let value = self.eval(element)?;
            if !optional.get(at).copied().unwrap_or_default() {
                all.push(value);
                continue;
            }
            match value {
                Value::Optional(Some(value)) => all.push((*value).clone()),
                Value::Optional(None) => {}
                other => {
                    return fail(format!(
                        "cannot initialize optional list element from non-optional value {other}"
                    ));
                }
            }
        }
        Ok(all)
    }

    fn map(&mut self, entries: &'a [(Node, Node, bool)]) -> Outcome<'a> {
        let made = self.entries(entries);
        if let Err(Fail::TooCostly) = made {
            return Err(Fail::TooCostly);
        }
        self.charge(MAP)?;
        bounded(Value::Map(Map::Values(Arc::new(made?))))
    }

    fn entries(&mut self, entries: &'a [(Node, Node, bool)]) -> Result<Values<'a>, Fail> {
        work::spend(entries.len().saturating_mul(2 * work::ELEMENT))?;
        let mut all = Values::default();
        for (key, value, optional) in entries {
            let key = self.eval(key)?;
            let mut value = self.eval(value)?;
            if *optional {
                match value {
                    Value::Optional(Some(inner)) => value = (*inner).clone(),
                    Value::Optional(None) => {
                        all.remove(&key);
                        continue;
                    }
                    other => {
                        return fail(format!(
                            "cannot initialize optional entry '{key}' from non-optional value {other}"
                        ));
                    }
                }
            }
            all.set(key, value);
        }
        Ok(all)
    }

    fn fold(&mut self, fold: &'a Fold) -> Outcome<'a> {
        let range = self.eval(&fold.range)?;
        // What is read late may be read within a fold whose places this one takes: they are kept meanwhile.
        let kept = self.slots.split_off(fold.slot.min(self.slots.len()));
        self.slots.resize(fold.slot, Slot::Missing);
        self.slots
            .extend([Slot::Later(&fold.init), Slot::Missing, Slot::Missing]);
        let result = self.fold_over(fold, &range);
        self.slots.truncate(fold.slot);
        self.slots.extend(kept);
        result
    }

    fn fold_over(&mut self, fold: &'a Fold, range: &Value<'a>) -> Outcome<'a> {
        match range {
            Value::List(list) => {
                for at in 0..list.size() {
                    let value = list.get(at);
                    if fold.two {
                        self.set(fold.slot + 1, Ok(Value::count(at)));
                        self.set(fold.slot + 2, value);
                    } else {
                        self.set(fold.slot + 1, value);
                    }
                    if !self.step(fold)? {
                        break;
                    }
                }
            }
            Value::Map(map) if fold.two => {
                work::spend(map.size())?;
                for (key, value) in map.entries() {
                    self.set(fold.slot + 1, Ok(key));
                    self.set(fold.slot + 2, value);
                    if !self.step(fold)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                work::spend(map.size())?;
                for key in map.keys() {
                    self.set(fold.slot + 1, Ok(key));
                    if !self.step(fold)? {
                        break;
                    }
                }
            }
            other if fold.two => {
                return fail(format!(
                    "unsupported comprehension range type: {}",
                    go_type(other)
                ));
            }
            other => return fail(format!("got '{}', expected iterable type", go_type(other))),
        }
        self.eval(&fold.result)
    }

    /// One step; whether there may be another.
    fn step(&mut self, fold: &'a Fold) -> Result<bool, Fail> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS) {
            work::look_at_the_clock()?;
        }
        if let Some(condition) = &fold.condition {
            match self.eval(condition) {
                Ok(Value::Bool(false)) => return Ok(false),
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                _ => {}
            }
        }
        let value = match &fold.grow {
            Some(grow) => self.grown(fold, grow),
            None => self.eval(&fold.step),
        };
        if let Err(Fail::TooCostly) = value {
            return Err(Fail::TooCostly);
        }
        self.set(fold.slot, value);
        Ok(true)
    }

    /// A step that makes a list or a map grow: it costs what evaluating it would cost, and copies nothing.
    fn grown(&mut self, fold: &'a Fold, grow: &Grow) -> Outcome<'a> {
        let mut step = &fold.step;
        if let Node::Attribute {
            of: Attribute::Conditional {
                condition, truthy, ..
            },
            ..
        } = step
        {
            match self.eval(condition)? {
                Value::Bool(false) => return self.read(fold.slot, ""),
                Value::Bool(true) => {}
                _ => return no_overload(),
            }
            if let Attribute::Relative { operand, .. } = &**truthy {
                step = operand;
            }
        }
        let Node::Call(call) = step else {
            return self.eval(step);
        };
        // The accumulator is made before its first step is.
        if let Err(error) = self.read(fold.slot, "") {
            return if error == Fail::TooCostly {
                Err(error)
            } else {
                self.eval(step)
            };
        }
        let fits = match (self.slots.get(fold.slot), grow) {
            (Some(Slot::Ready(Ok(Value::List(list)))), Grow::List) => {
                matches!(list, List::Values(_)) || list.size() == 0
            }
            (Some(Slot::Ready(Ok(Value::Map(map)))), Grow::Map) => {
                matches!(map, Map::Values(_)) || map.size() == 0
            }
            _ => false,
        };
        if !fits {
            return self.eval(step);
        }
        self.charge(1)?;
        let mut rest = Vec::with_capacity(2);
        let mut error = None;
        for arg in call.args.iter().skip(1) {
            match self.eval(arg) {
                Ok(value) => rest.push(value),
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                Err(fail) if call.eager && rest.len() + 2 < call.args.len() => return Err(fail),
                Err(fail) => error = error.or(Some(fail)),
            }
        }
        self.charge(1)?;
        if let Some(error) = error {
            return Err(error);
        }
        let accu = self
            .slots
            .get_mut(fold.slot)
            .map(|slot| std::mem::replace(slot, Slot::Missing));
        match (accu, rest.as_slice()) {
            (Some(Slot::Ready(Ok(Value::List(list)))), [Value::List(more)]) => {
                let mut values = match list {
                    List::Values(values) => values,
                    _ => Arc::new(Elements::default()),
                };
                work::spend(more.size().saturating_mul(work::ELEMENT))?;
                let all = Arc::make_mut(&mut values);
                for value in more.iter() {
                    all.push(value?);
                }
                bounded(Value::List(List::Values(values)))
            }
            (Some(Slot::Ready(Ok(Value::Map(map)))), _) => {
                let mut values = match map {
                    Map::Values(values) => values,
                    Map::Json { .. } => Arc::new(Values::default()),
                };
                let all = Arc::make_mut(&mut values);
                match rest.as_slice() {
                    [Value::Map(more)] => {
                        for (key, value) in more.entries() {
                            put(all, key, value?)?;
                        }
                    }
                    [key, value] => put(all, key.clone(), value.clone())?,
                    _ => return no_overload(),
                }
                bounded(Value::Map(Map::Values(values)))
            }
            _ => no_overload(),
        }
    }
}

/// Reads the strings of a call.
fn read(args: &[Value<'_>]) -> Result<(), Fail> {
    for arg in args {
        if let Value::String(text) = arg {
            work::read(text.len())?;
        }
    }
    Ok(())
}

/// A value that is not too deep.
fn bounded(value: Value<'_>) -> Outcome<'_> {
    if value.depth() > MAX_DEPTH {
        return Err(Fail::TooCostly);
    }
    Ok(value)
}

/// A constant, without a count of who has it.
fn constant<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::String(text) => Value::String(Text::Borrowed(text)),
        other => other.clone(),
    }
}

fn compute<'a>(call: &Call, args: &[Value<'a>]) -> Outcome<'a> {
    match (&call.computed, args) {
        (Computed::Native(native), _) => native(args),
        (Computed::Overloads(overloads), _) => {
            let fits = |overload: &&&crate::environment::Overload| {
                overload.args.len() == args.len()
                    && overload.args.iter().zip(args).all(|(of, arg)| arg.is_of(of))
            };
            if let Some(overload) = overloads.iter().find(fits) {
                return (overload.native)(args);
            }
            let types: Vec<&str> = args.iter().map(Value::type_name).collect();
            fail(format!(
                "no such overload: {}({})",
                call.function,
                types.join(", ")
            ))
        }
        (Computed::Matches(pattern), [Value::String(text), _]) => Ok(Value::Bool(pattern.is_match(text))),
        (Computed::Find(pattern), [Value::String(text), _]) => Ok(regex_first(pattern, text)),
        (Computed::FindAll(pattern), [Value::String(text), _]) => Ok(regex_every(pattern, text, -1)),
        (Computed::FindAll(pattern), [Value::String(text), _, Value::Int(most)]) => {
            Ok(regex_every(pattern, text, *most))
        }
        _ => no_overload(),
    }
}

/// The type in which cel-go holds a value.
pub(super) fn go_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "types.Null",
        Value::Bool(_) => "types.Bool",
        Value::Int(_) => "types.Int",
        Value::Uint(_) => "types.Uint",
        Value::Double(_) => "types.Double",
        Value::String(_) => "types.String",
        Value::Bytes(_) => "types.Bytes",
        Value::Duration(_) => "types.Duration",
        Value::Timestamp(_) => "types.Timestamp",
        Value::Type(_) => "*types.Type",
        Value::List(_) => "*types.baseList",
        Value::Map(_) => "*types.baseMap",
        Value::Optional(_) => "*types.Optional",
        Value::Quantity(_, false) => "cel.Quantity",
        Value::Quantity(_, true) => "*cel.Quantity",
        Value::Url(_) => "cel.URL",
        Value::Ip(_) => "cel.IP",
        Value::Cidr(_) => "cel.CIDR",
        Value::Format(_) => "cel.Format",
        Value::Semver(_) => "cel.Semver",
        Value::Unknown(_) => "*common.unknownPreserved",
    }
}
