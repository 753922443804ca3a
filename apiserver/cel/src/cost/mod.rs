//! What an expression costs at least and at most, before it is evaluated: cel-go's `checker/cost.go` with Kubernetes' `library/cost.go`.

mod call;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{ACCUMULATOR, Call, Comprehension, Expr, Id, Kind, Literal, OLD_ACCUMULATOR};
use crate::check::Checked;
use crate::declared::{DeclKind, DeclType};
use crate::types::Type;

/// The least and the most of a cost or of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl Estimate {
    const UNKNOWN: Self = Self {
        min: 0,
        max: u64::MAX,
    };
    const ZERO: Self = Self::fixed(0);

    const fn fixed(value: u64) -> Self {
        Self {
            min: value,
            max: value,
        }
    }

    const fn add(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    const fn multiply(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    fn factor(self, factor: f64) -> Self {
        Self {
            min: by_factor(self.min, factor),
            max: by_factor(self.max, factor),
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cel-go counts so"
)]
fn by_factor(value: u64, factor: f64) -> u64 {
    let product = (value as f64 * factor).ceil();
    if product >= u64::MAX as f64 {
        u64::MAX
    } else {
        product as u64
    }
}

/// How large what is in a list or a map is.
#[derive(Debug, Clone, Copy)]
struct Entry {
    is_list: bool,
    key: Estimate,
    value: Estimate,
}

impl Entry {
    fn union(self, other: Self) -> Self {
        Self {
            is_list: self.is_list,
            key: self.key.union(other.key),
            value: self.value.union(other.value),
        }
    }
}

/// Where a value is from: a variable, and the fields from there.
type Path = Vec<Arc<str>>;

/// A variable of a fold.
#[derive(Debug, Clone)]
struct Local {
    name: Arc<str>,
    path: Path,
    size: Option<Estimate>,
    entry: Option<Entry>,
}

/// An argument, as functions are estimated by it.
struct Argument<'e> {
    path: Path,
    of: Type,
    expr: &'e Expr,
    size: Option<Estimate>,
}

/// What a call costs, and how large what it gives is, where that is known.
struct CallEstimate {
    cost: Estimate,
    size: Option<Estimate>,
}

/// Estimates an expression.
pub(crate) struct Estimator<'c> {
    checked: &'c Checked,
    root: Option<&'c DeclType>,
    paths: HashMap<Id, Path>,
    locals: Vec<Local>,
    sizes: HashMap<Id, Estimate>,
    entries: HashMap<Id, Entry>,
}

impl<'c> Estimator<'c> {
    /// Estimates by the sizes of a declared type.
    pub(crate) fn new(checked: &'c Checked, root: Option<&'c DeclType>) -> Self {
        Self {
            checked,
            root,
            paths: HashMap::new(),
            locals: Vec::new(),
            sizes: HashMap::new(),
            entries: HashMap::new(),
        }
    }

    pub(crate) fn estimate(mut self) -> Estimate {
        self.cost(&self.checked.expr)
    }

    /// How large what is at a path may be, by the declared type. As in Kubernetes, the variable that it begins with does not count.
    fn declared_size(&self, path: &[Arc<str>]) -> Option<Estimate> {
        let mut current = self.root?;
        let (_, rest) = path.split_first()?;
        let text = DeclType::text_of_keys();
        for name in rest {
            current = match (&**name, &current.kind) {
                ("@items", DeclKind::List(of))
                | ("@items" | "@values", DeclKind::Map(of))
                | ("@values", DeclKind::List(of)) => of,
                ("@keys", DeclKind::Map(_)) => text,
                ("@items" | "@values" | "@keys", _) => return None,
                (name, DeclKind::Object { fields, .. }) => fields.get(name)?,
                _ => return None,
            };
        }
        Some(Estimate {
            min: 0,
            max: u64::try_from(current.max_elements).unwrap_or_default(),
        })
    }

    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| *local.name == *name)
    }

    fn path(&self, expr: &Expr) -> Path {
        if let Kind::Ident(name) = &expr.kind
            && let Some(local) = self.local(name)
        {
            return local.path.clone();
        }
        self.paths.get(&expr.id).cloned().unwrap_or_default()
    }

    fn path_to(&self, expr: &Expr, step: &str) -> Path {
        let mut path = self.path(expr);
        path.push(step.into());
        path
    }

    fn size(&mut self, expr: &Expr) -> Option<Estimate> {
        if let Some(size) = self.sizes.get(&expr.id) {
            return Some(*size);
        }
        if let Some(size) = written_size(expr) {
            return Some(Estimate::fixed(size));
        }
        if let Some(size) = self.declared_size(&self.path(expr)) {
            self.sizes.insert(expr.id, size);
            return Some(size);
        }
        if is_scalar(&self.checked.type_of(expr.id)) {
            return Some(Estimate::fixed(1));
        }
        match &expr.kind {
            Kind::Ident(name) => self.local(name)?.size,
            _ => None,
        }
    }

    fn size_or_unknown(&mut self, expr: &Expr) -> Estimate {
        self.size(expr).unwrap_or(Estimate::UNKNOWN)
    }

    fn set_size(&mut self, expr: &Expr, size: Option<Estimate>) {
        if let Some(size) = size {
            self.sizes.insert(expr.id, size);
        }
    }

    fn entry(&self, expr: &Expr) -> Option<Entry> {
        if let Some(entry) = self.entries.get(&expr.id) {
            return Some(*entry);
        }
        match &expr.kind {
            Kind::Ident(name) => self.local(name)?.entry,
            _ => None,
        }
    }

    fn set_entry(&mut self, expr: &Expr, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.entries.insert(expr.id, entry);
        }
    }

    fn copy_sizes(&mut self, to: &Expr, from: &Expr) {
        let size = self.size(from);
        self.set_size(to, size);
        self.set_entry(to, self.entry(from));
    }

    fn argument<'e>(&mut self, expr: &'e Expr) -> Argument<'e> {
        let mut path = self.path(expr);
        if path
            .first()
            .is_some_and(|first| matches!(&**first, ACCUMULATOR | OLD_ACCUMULATOR))
        {
            path.clear();
        }
        Argument {
            path,
            of: self.checked.type_of(expr.id),
            expr,
            size: self.size(expr),
        }
    }

    fn cost(&mut self, expr: &Expr) -> Estimate {
        match &expr.kind {
            Kind::Unspecified | Kind::Literal(_) => Estimate::ZERO,
            Kind::Ident(name) => {
                let path = self
                    .local(name)
                    .map_or_else(|| vec![Arc::clone(name)], |local| local.path.clone());
                self.paths.insert(expr.id, path);
                Estimate::fixed(1)
            }
            Kind::Select(select) => {
                let sum = self.cost(&select.operand);
                if select.test_only {
                    return sum;
                }
                let of = self.checked.type_of(select.operand.id);
                let path = self.path_to(&select.operand, &select.field);
                self.paths.insert(expr.id, path);
                let counts = matches!(of, Type::Map(_) | Type::Struct(_) | Type::Param(_));
                sum.add(Estimate::fixed(u64::from(counts)))
            }
            Kind::Call(call) => self.cost_call(expr, call),
            Kind::List(list) => {
                let mut sum = Estimate::ZERO;
                let none = if list.elements.is_empty() { 0 } else { u64::MAX };
                let mut value = Estimate { min: none, max: 0 };
                for element in &list.elements {
                    sum = sum.add(self.cost(element));
                    value = value.union(self.size_or_unknown(element));
                }
                self.set_entry(
                    expr,
                    Some(Entry {
                        is_list: true,
                        key: Estimate::fixed(1),
                        value,
                    }),
                );
                sum.add(Estimate::fixed(10))
            }
            Kind::Map(entries) => {
                let mut sum = Estimate::ZERO;
                let none = if entries.is_empty() { 0 } else { u64::MAX };
                let (mut key, mut value) = (Estimate { min: none, max: 0 }, Estimate { min: none, max: 0 });
                for entry in entries {
                    sum = sum.add(self.cost(&entry.key)).add(self.cost(&entry.value));
                    key = key.union(self.size_or_unknown(&entry.key));
                    value = value.union(self.size_or_unknown(&entry.value));
                }
                self.set_entry(
                    expr,
                    Some(Entry {
                        is_list: false,
                        key,
                        value,
                    }),
                );
                sum.add(Estimate::fixed(30))
            }
            Kind::Struct(of) => {
                let fields = of.fields.iter();
                fields
                    .fold(Estimate::ZERO, |sum, field| sum.add(self.cost(&field.value)))
                    .add(Estimate::fixed(40))
            }
            Kind::Comprehension(fold) => self.cost_fold(expr, fold),
        }
    }

    fn cost_fold(&mut self, expr: &Expr, fold: &Comprehension) -> Estimate {
        let mut sum = self.cost(&fold.range).add(self.cost(&fold.init));
        let accu = Local {
            name: Arc::clone(&fold.accu),
            path: self.path(&fold.init),
            size: self.size(&fold.init),
            entry: self.entry(&fold.init),
        };
        self.locals.push(accu);
        let binds = matches!(&fold.range.kind, Kind::List(list) if list.elements.is_empty())
            && fold.condition.kind == Kind::Literal(Literal::Bool(false))
            && *fold.accu != *OLD_ACCUMULATOR;
        if binds {
            sum = sum.add(self.cost(&fold.result));
            self.locals.pop();
            self.copy_sizes(expr, &fold.result);
            return sum;
        }
        let before = self.locals.len();
        self.push_variables(fold);
        let each = self.cost(&fold.condition);
        let each = self.cost(&fold.step).add(each);
        self.locals.truncate(before);
        sum = sum.add(self.cost(&fold.result));
        self.locals.pop();
        let count = self.size_or_unknown(&fold.range);
        sum = sum.add(count.multiply(each));
        match &fold.init.kind {
            Kind::Literal(_) => {
                let size = self.size(&fold.init);
                self.set_size(expr, size);
            }
            Kind::List(_) | Kind::Map(_) => {
                self.set_size(expr, Some(count));
                self.set_entry(expr, self.entry(&fold.step));
            }
            _ => {}
        }
        sum
    }

    fn push_variables(&mut self, fold: &Comprehension) {
        let range = &fold.range;
        let entry = self.entry(range);
        let is_list = entry.map_or_else(
            || matches!(self.checked.type_of(range.id), Type::List(_)),
            |entry| entry.is_list,
        );
        let key = entry.map(|entry| entry.key);
        let value = entry.map(|entry| entry.value);
        let local = |name: &Arc<str>, path: Path, size: Option<Estimate>| Local {
            name: Arc::clone(name),
            path,
            size,
            entry: None,
        };
        let Some(second) = &fold.var2 else {
            let variable = if is_list {
                local(&fold.var, self.path_to(range, "@items"), value)
            } else {
                local(&fold.var, self.path_to(range, "@keys"), key)
            };
            return self.locals.push(variable);
        };
        let keys = if is_list { "@indices" } else { "@keys" };
        let values = if is_list { "@items" } else { "@values" };
        let first = local(&fold.var, self.path_to(range, keys), key);
        let second = local(second, self.path_to(range, values), value);
        self.locals.extend([first, second]);
    }

    fn cost_call(&mut self, expr: &Expr, call: &Call) -> Estimate {
        if let ("dyn", [arg]) = (&*call.function, call.args.as_slice()) {
            let cost = self.cost(arg);
            self.copy_sizes(expr, arg);
            return cost.add(Estimate::fixed(1));
        }
        let mut args = Vec::with_capacity(call.args.len());
        let mut costs = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            costs.push(self.cost(arg));
            args.push(self.argument(arg));
        }
        let checked = self.checked;
        let overloads = checked.overloads(expr.id);
        if overloads.is_empty() {
            return Estimate::ZERO;
        }
        let mut sum = Estimate::ZERO;
        let mut target = None;
        if let Some(called_on) = &call.target {
            sum = sum.add(self.cost(called_on));
            target = Some(self.argument(called_on));
        }
        let mut cost = Estimate {
            min: u64::MAX,
            max: 0,
        };
        let mut size: Option<Estimate> = None;
        for overload in overloads {
            let of = self.function_cost(expr, &call.function, overload, target.as_ref(), &args, &costs);
            cost = cost.union(of.cost);
            if let Some(of) = of.size {
                size = Some(size.map_or(of, |size| size.union(of)));
            }
            let step = match *overload {
                "index_list" => Some("@items"),
                "index_map" => Some("@values"),
                _ => None,
            };
            if let (Some(step), Some(list)) = (step, call.args.first()) {
                size = self.entry(list).map(|entry| entry.value);
                let path = self.path_to(list, step);
                self.paths.insert(expr.id, path);
            }
            if size.is_none() {
                size = self.size(expr);
            }
        }
        self.set_size(expr, size);
        sum.add(cost)
    }
}

/// How large a literal, a list or a map is as it is written.
fn written_size(expr: &Expr) -> Option<u64> {
    let size = match &expr.kind {
        Kind::Literal(Literal::String(text)) => text.chars().count(),
        Kind::Literal(Literal::Bytes(bytes)) => bytes.len(),
        Kind::Literal(_) => 1,
        Kind::List(list) => list.elements.len(),
        Kind::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(size as u64)
}

fn is_scalar(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => true,
        other => other.unwrap_optional().is_some_and(is_scalar),
    }
}
