//! Types of expressions: which function each call is, what type each part has, and what does not fit. The rules and the words are
//! cel-go's.

mod assign;
mod literals;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::ast::{Call, Comprehension, Entry, Expr, Id, Kind, List, Literal, Select, Struct, op};
use crate::declared::DeclType;
use crate::environment::{self, Function, Overload};
use crate::names;
use crate::source::Issues;
use crate::syntax::{Parsed, Places};
use crate::types::{Type, signature};
use assign::{Mapping, instantiate, most_general};

pub(crate) use literals::validate;

/// A variable that expressions may read.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
    pub(crate) of: Type,
}

/// An expression with what is known of its parts.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) expr: Expr,
    pub(crate) places: Places,
    types: Vec<Option<Type>>,
    references: Vec<Option<Reference>>,
}

/// What a part refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A variable or a type.
    Name(Arc<str>),
    /// The overloads that a call may be.
    Overloads(Vec<&'static str>),
}

impl Checked {
    /// The type of a part.
    pub(crate) fn type_of(&self, id: Id) -> Type {
        self.types
            .get(id as usize)
            .cloned()
            .flatten()
            .unwrap_or(Type::Dyn)
    }

    pub(crate) fn reference(&self, id: Id) -> Option<&Reference> {
        self.references.get(id as usize)?.as_ref()
    }

    /// The overloads that a call may be.
    pub(crate) fn overloads(&self, id: Id) -> &[&'static str] {
        match self.reference(id) {
            Some(Reference::Overloads(overloads)) => overloads,
            _ => &[],
        }
    }

    /// Whether a variable is read.
    pub(crate) fn reads(&self, variable: &str) -> bool {
        let name = |reference: &Reference| matches!(reference, Reference::Name(name) if **name == *variable);
        self.references.iter().flatten().any(name)
    }
}

/// What is said of an expression whose types are deeper or larger than they may be. Kubernetes knows no such bound.
const TOO_LARGE: &str = "the types of the expression are too deep or too large";

/// Finds the types of a parsed expression.
///
/// # Errors
/// What does not fit.
pub(crate) fn check(
    parsed: Parsed,
    source: Issues,
    variables: &[Variable],
    declared: &[&DeclType],
) -> Result<(Checked, Issues), Issues> {
    let mut objects = HashMap::new();
    for of in declared {
        of.objects(&mut objects);
    }
    let Parsed { mut expr, places } = parsed;
    let parts = places.len();
    let mut checker = Checker {
        places,
        issues: source,
        mapping: Mapping::default(),
        scopes: variables.to_vec(),
        objects,
        declares: !declared.is_empty(),
        types: vec![None; parts],
        references: vec![None; parts],
    };
    checker.check(&mut expr);
    let Checker {
        places,
        issues,
        mapping,
        types,
        references,
        ..
    } = checker;
    // What else does not fit then is of no use.
    let too_large = |issues: Issues| {
        let mut issues = Issues::new(issues.source().clone());
        issues.report_at(None, TOO_LARGE);
        Err(issues)
    };
    if mapping.is_too_large() {
        return too_large(issues);
    }
    if !issues.is_empty() {
        return Err(issues);
    }
    let types = types
        .into_iter()
        .map(|of| of.map(|of| mapping.substitute(&of, true)))
        .collect();
    if mapping.is_too_large() {
        return too_large(issues);
    }
    Ok((
        Checked {
            expr,
            places,
            types,
            references,
        },
        issues,
    ))
}

struct Checker<'d> {
    places: Places,
    issues: Issues,
    mapping: Mapping,
    scopes: Vec<Variable>,
    objects: HashMap<&'d str, &'d BTreeMap<Arc<str>, Arc<DeclType>>>,
    /// Whether there are declared types at all.
    declares: bool,
    types: Vec<Option<Type>>,
    references: Vec<Option<Reference>>,
}

impl Checker<'_> {
    fn error(&mut self, id: Id, message: String) {
        let offset = self.places.offset(id);
        self.issues.report_at(offset, message);
    }

    fn undeclared(&mut self, id: Id, name: &str) {
        self.error(id, format!("undeclared reference to '{name}' (in container '')"));
    }

    fn mismatch(&mut self, id: Id, expected: &Type, found: &Type) {
        self.error(id, format!("expected type '{expected}' but found '{found}'"));
    }

    fn set(&mut self, id: Id, of: Type) {
        if !of.is_within_bounds() {
            self.mapping.set_too_large();
        }
        if let Some(known) = self.types.get_mut(id as usize)
            && known.is_none()
        {
            *known = Some(of);
        }
    }

    fn refer(&mut self, id: Id, to: Reference) {
        if let Some(known) = self.references.get_mut(id as usize) {
            *known = Some(to);
        }
    }

    fn type_of(&self, id: Id) -> Type {
        self.types
            .get(id as usize)
            .cloned()
            .flatten()
            .unwrap_or(Type::Error)
    }

    /// The variable or type of a name.
    fn lookup(&self, name: &str) -> Option<(Arc<str>, Type)> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(variable) = self.scopes.iter().rev().find(|variable| *variable.name == *name) {
            return Some((Arc::clone(&variable.name), variable.of.clone()));
        }
        let object = || self.objects.contains_key(name).then(|| Type::object(name));
        let scalar = || environment::declared_scalar(name).filter(|_| self.declares);
        let known = environment::named_type(name).or_else(object).or_else(scalar)?;
        Some((name.into(), Type::type_of(known)))
    }

    fn check(&mut self, expr: &mut Expr) {
        let id = expr.id;
        if self.mapping.is_too_large() {
            return;
        }
        match &mut expr.kind {
            Kind::Unspecified => {
                self.error(id, "unexpected unspecified type: expr".to_owned());
                self.set(id, Type::Error);
            }
            Kind::Literal(literal) => {
                let of = match literal {
                    Literal::Null => Type::Null,
                    Literal::Bool(_) => Type::Bool,
                    Literal::Int(_) => Type::Int,
                    Literal::Uint(_) => Type::Uint,
                    Literal::Double(_) => Type::Double,
                    Literal::String(_) => Type::String,
                    Literal::Bytes(_) => Type::Bytes,
                };
                self.set(id, of);
            }
            Kind::Ident(name) => {
                if let Some((found, of)) = self.lookup(name) {
                    self.set(id, of);
                    self.refer(id, Reference::Name(Arc::clone(&found)));
                    *name = found;
                } else {
                    let name = Arc::clone(name);
                    self.set(id, Type::Error);
                    self.undeclared(id, &name);
                }
            }
            Kind::Select(_) => self.check_select(expr),
            Kind::Call(_) => self.check_call(expr),
            Kind::List(list) => self.check_list(id, list),
            Kind::Map(entries) => self.check_map(id, entries),
            Kind::Struct(of) => self.check_struct(id, of),
            Kind::Comprehension(fold) => self.check_fold(id, fold),
        }
    }

    fn check_select(&mut self, expr: &mut Expr) {
        let id = expr.id;
        if let Some((name, of)) = expr.qualified_name().and_then(|name| self.lookup(&name)) {
            self.set(id, of);
            self.refer(id, Reference::Name(Arc::clone(&name)));
            expr.kind = Kind::Ident(name);
            return;
        }
        let Kind::Select(select) = &mut expr.kind else {
            return;
        };
        let Select {
            operand,
            field,
            test_only,
        } = &mut **select;
        let mut result = self.check_field(id, operand, field, false);
        if *test_only {
            result = Type::Bool;
        }
        let result = self.mapping.substitute(&result, false);
        self.set(id, result);
    }

    /// The type of a field of what an operand is.
    fn check_field(&mut self, id: Id, operand: &mut Expr, field: &str, optional: bool) -> Type {
        self.check(operand);
        let of = self.mapping.substitute(&self.type_of(operand.id), false);
        let is_optional = of.unwrap_optional().is_some();
        let target = of.unwrap_optional().unwrap_or(&of).clone();
        let result = match &target {
            Type::Map(entry) => entry.1.clone(),
            Type::Struct(name) => self.field_of(id, name, field).unwrap_or(Type::Error),
            Type::Param(_) => {
                self.mapping.is_assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            _ => {
                if !target.is_dyn_or_error() {
                    self.error(id, format!("type '{target}' does not support field selection"));
                }
                Type::Dyn
            }
        };
        if is_optional || optional {
            Type::optional(result)
        } else {
            result
        }
    }

    fn field_of(&mut self, id: Id, object: &str, field: &str) -> Option<Type> {
        let Some(fields) = self.objects.get(object) else {
            let message = format!("unexpected failed resolution of '{object}'");
            self.error(id, message);
            return None;
        };
        // A field whose name is a word of CEL may be read by it.
        let keyword = || {
            names::is_reserved(field)
                .then(|| fields.get(format!("__{field}__").as_str()))
                .flatten()
        };
        if let Some(of) = fields.get(field).or_else(keyword) {
            return Some(of.cel_type());
        }
        self.error(id, format!("undefined field '{field}'"));
        None
    }

    fn check_call(&mut self, expr: &mut Expr) {
        let id = expr.id;
        let Kind::Call(call) = &mut expr.kind else { return };
        if *call.function == *op::OPT_SELECT {
            return self.check_opt_select(id, call);
        }
        for arg in &mut call.args {
            self.check(arg);
        }
        let Some(target) = &mut call.target else {
            let Some(function) = environment::function(&call.function) else {
                let name = Arc::clone(&call.function);
                self.undeclared(id, &name);
                self.set(id, Type::Error);
                return;
            };
            call.function = function.name.into();
            return self.resolve(id, function, call);
        };
        let qualified = target
            .qualified_name()
            .map(|prefix| format!("{prefix}.{}", call.function));
        if let Some(function) = qualified.and_then(|name| environment::function(&name)) {
            call.function = function.name.into();
            call.target = None;
            return self.resolve(id, function, call);
        }
        self.check(target);
        let Some(function) = environment::function(&call.function) else {
            let name = Arc::clone(&call.function);
            self.set(id, Type::Error);
            return self.undeclared(id, &name);
        };
        self.resolve(id, function, call);
    }

    fn check_opt_select(&mut self, id: Id, call: &mut Call) {
        let [operand, field] = call.args.as_mut_slice() else {
            return;
        };
        let Kind::Literal(Literal::String(name)) = &field.kind else {
            let at = field.id;
            return self.error(at, "unsupported optional field selection".to_owned());
        };
        let name = Arc::clone(name);
        let result = self.check_field(id, operand, &name, true);
        let result = self.mapping.substitute(&result, false);
        self.set(id, result);
        self.refer(id, Reference::Overloads(vec!["select_optional_field"]));
    }

    /// Finds the overloads of a call that fit.
    fn resolve(&mut self, id: Id, function: &'static Function, call: &Call) {
        let member = call.target.is_some();
        let parts = call.target.iter().chain(&call.args);
        let args: Vec<Type> = parts.clone().map(|arg| self.type_of(arg.id)).collect();
        if matches!(function.name, op::AND | op::OR) {
            let mut fits = true;
            for (arg, of) in parts.zip(&args) {
                if !self.mapping.is_assignable(of, &Type::Bool) {
                    self.mismatch(arg.id, &Type::Bool, of);
                    fits = false;
                }
            }
            if !fits {
                return self.set(id, Type::Error);
            }
            self.set(id, Type::Bool);
            let overload = function.overloads.first().map(|overload| overload.id);
            return self.refer(id, Reference::Overloads(overload.into_iter().collect()));
        }
        let mut result: Option<Type> = None;
        let mut overloads = Vec::new();
        for overload in function
            .overloads
            .iter()
            .filter(|overload| overload.member == member)
        {
            let Some(of) = self.fit(overload, &args) else {
                continue;
            };
            overloads.push(overload.id);
            result = Some(match result {
                None => of,
                Some(known) if !known.is_dyn() && known != of => Type::Dyn,
                Some(known) => known,
            });
        }
        if let Some(result) = result {
            self.set(id, result);
            return self.refer(id, Reference::Overloads(overloads));
        }
        let args: Vec<Type> = args
            .iter()
            .map(|arg| self.mapping.substitute(arg, true))
            .collect();
        let (name, signature) = (function.name, signature(&args, member));
        self.error(
            id,
            format!("found no matching overload for '{name}' applied to '{signature}'"),
        );
        self.set(id, Type::Error);
    }

    /// The result of an overload for these arguments; none where it does not take them.
    fn fit(&mut self, overload: &Overload, args: &[Type]) -> Option<Type> {
        if overload.letters.is_empty() {
            let fits = self.mapping.are_assignable(args, &overload.args);
            return fits.then(|| overload.result.clone());
        }
        let letters: Vec<(char, Type)> = overload
            .letters
            .iter()
            .map(|letter| (*letter, self.mapping.fresh()))
            .collect();
        let wanted: Vec<Type> = overload.args.iter().map(|of| instantiate(of, &letters)).collect();
        let fits = self.mapping.are_assignable(args, &wanted);
        fits.then(|| {
            self.mapping
                .substitute(&instantiate(&overload.result, &letters), false)
        })
    }

    /// The type of what a part and those before it are together. Where they differ that is refused afterwards, but in a format's arguments.
    fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        let Some(previous) = previous else { return current };
        if self.mapping.is_assignable(&previous, &current) {
            return most_general(&previous, &current);
        }
        Type::Dyn
    }

    /// What an optional part is of; an error where it is not optional.
    fn unwrapped(&mut self, id: Id, of: Type) -> Type {
        if let Some(inner) = of.unwrap_optional() {
            return inner.clone();
        }
        if !of.is_dyn() {
            self.mismatch(id, &Type::optional(of.clone()), &of);
        }
        of
    }

    fn check_list(&mut self, id: Id, list: &mut List) {
        let mut all: Option<Type> = None;
        for (at, element) in list.elements.iter_mut().enumerate() {
            self.check(element);
            let mut of = self.type_of(element.id);
            if list.optional.binary_search(&at).is_ok() {
                of = self.unwrapped(element.id, of);
            }
            all = Some(self.join(all, of));
        }
        let all = all.unwrap_or_else(|| self.mapping.fresh());
        self.set(id, Type::list(all));
    }

    fn check_map(&mut self, id: Id, entries: &mut [Entry]) {
        let (mut keys, mut values): (Option<Type>, Option<Type>) = (None, None);
        for entry in entries {
            self.check(&mut entry.key);
            let of = self.type_of(entry.key.id);
            keys = Some(self.join(keys, of));
            self.check(&mut entry.value);
            let mut of = self.type_of(entry.value.id);
            if entry.optional {
                of = self.unwrapped(entry.value.id, of);
            }
            values = Some(self.join(values, of));
        }
        let keys = keys.unwrap_or_else(|| self.mapping.fresh());
        let values = values.unwrap_or_else(|| self.mapping.fresh());
        self.set(id, Type::map(keys, values));
    }

    fn check_struct(&mut self, id: Id, of: &mut Struct) {
        let Some((name, found)) = self.lookup(&of.name) else {
            let name = Arc::clone(&of.name);
            self.undeclared(id, &name);
            return self.set(id, Type::Error);
        };
        of.name = Arc::clone(&name);
        self.refer(id, Reference::Name(name));
        let result = match &found {
            Type::Type(Some(inner)) if matches!(**inner, Type::Struct(_)) => (**inner).clone(),
            Type::Type(Some(inner)) => {
                self.error(id, format!("'{inner}' is not a message type"));
                Type::Error
            }
            Type::Error => Type::Error,
            other => {
                self.error(id, format!("'{other}' is not a type"));
                Type::Error
            }
        };
        self.set(id, result.clone());
        for field in &mut of.fields {
            self.check(&mut field.value);
            let wanted = self
                .field_of(field.id, result.name(), &field.name)
                .unwrap_or(Type::Error);
            let mut given = self.type_of(field.value.id);
            if field.optional {
                given = self.unwrapped(field.value.id, given);
            }
            if !self.mapping.is_assignable(&wanted, &given) {
                let name = &field.name;
                self.error(
                    field.id,
                    format!("expected type of field '{name}' is '{wanted}' but provided type is '{given}'"),
                );
            }
        }
    }

    fn check_fold(&mut self, id: Id, fold: &mut Comprehension) {
        self.check(&mut fold.range);
        self.check(&mut fold.init);
        let range = self.mapping.substitute(&self.type_of(fold.range.id), false);
        let accu = self.type_of(fold.init.id);
        let before = self.scopes.len();
        self.scopes.push(Variable {
            name: Arc::clone(&fold.accu),
            of: accu.clone(),
        });
        let (mut first, mut second) = match &range {
            Type::List(of) => ((**of).clone(), (**of).clone()),
            Type::Map(of) => (of.0.clone(), of.1.clone()),
            Type::Dyn | Type::Any | Type::Error | Type::Param(_) => {
                self.mapping.is_assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            _ => {
                let message = format!(
                    "expression of type '{range}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.error(fold.range.id, message);
                (Type::Error, Type::Error)
            }
        };
        if let (Type::List(_), Some(_)) = (&range, &fold.var2) {
            second = std::mem::replace(&mut first, Type::Int);
        }
        self.scopes.push(Variable {
            name: Arc::clone(&fold.var),
            of: first,
        });
        if let Some(var2) = &fold.var2 {
            self.scopes.push(Variable {
                name: Arc::clone(var2),
                of: second,
            });
        }
        self.check(&mut fold.condition);
        self.expect(&fold.condition, &Type::Bool);
        self.check(&mut fold.step);
        self.expect(&fold.step, &accu);
        self.scopes.truncate(before + 1);
        self.check(&mut fold.result);
        self.scopes.truncate(before);
        let result = self.mapping.substitute(&self.type_of(fold.result.id), false);
        self.set(id, result);
    }

    fn expect(&mut self, expr: &Expr, of: &Type) {
        let found = self.type_of(expr.id);
        if !self.mapping.is_assignable(of, &found) {
            self.mismatch(expr.id, of, &found);
        }
    }
}
