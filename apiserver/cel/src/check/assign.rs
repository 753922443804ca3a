//! Which types may stand for which: what is found of types that are not known yet is kept, and taken back where it leads nowhere.

use std::cell::Cell;
use std::sync::Arc;

use crate::types::{MAX_DEPTH, MAX_SIZE, Param, Type};

/// How many types may be looked at to find those of an expression.
const MAX_STEPS: u32 = 50_000_000;

/// What is known of the types of an expression that were not known.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    vars: Vec<Option<Type>>,
    named: Vec<(char, Type)>,
    /// What was there before, to be put back.
    trail: Vec<(Param, Option<Type>)>,
    /// How many types were looked at.
    steps: Cell<u32>,
    /// How deep the types are that are being compared.
    depth: Cell<u32>,
    /// Whether a type was too deep or too large.
    too_large: Cell<bool>,
}

impl Mapping {
    /// Whether types are deeper or larger than those of an expression may be: what is said of them then is of no use.
    pub(super) const fn is_too_large(&self) -> bool {
        self.too_large.get()
    }

    pub(super) fn set_too_large(&self) {
        self.too_large.set(true);
    }

    /// Looks at a type and at what is within it; nothing of one that is too much.
    fn look<T>(&self, at_most: u32, look: impl FnOnce() -> T) -> Option<T> {
        let (steps, depth) = (self.steps.get(), self.depth.get());
        if self.is_too_large() || steps >= MAX_STEPS || depth >= at_most {
            self.set_too_large();
            return None;
        }
        self.steps.set(steps + 1);
        self.depth.set(depth + 1);
        let seen = look();
        self.depth.set(depth);
        Some(seen)
    }

    /// Another type that is not known.
    pub(super) fn fresh(&mut self) -> Type {
        let number = u32::try_from(self.vars.len()).unwrap_or(u32::MAX);
        self.vars.push(None);
        Type::Param(Param::Var(number))
    }

    fn find(&self, of: &Type) -> Option<&Type> {
        match of {
            Type::Param(Param::Var(number)) => self.vars.get(*number as usize)?.as_ref(),
            Type::Param(Param::Named(name)) => self
                .named
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, of)| of),
            _ => None,
        }
    }

    fn set(&mut self, param: Param, to: Option<Type>) -> Option<Type> {
        match param {
            Param::Var(number) => self
                .vars
                .get_mut(number as usize)
                .and_then(|of| std::mem::replace(of, to)),
            Param::Named(name) => {
                let at = self.named.iter().position(|(known, _)| *known == name);
                let before = at.map(|at| self.named.swap_remove(at).1);
                self.named.extend(to.map(|to| (name, to)));
                before
            }
        }
    }

    fn add(&mut self, from: &Type, to: Type) {
        if let Type::Param(param) = from {
            let before = self.set(*param, Some(to));
            self.trail.push((*param, before));
        }
    }

    /// Whether a value of `from` may stand where `to` is wanted.
    pub(super) fn is_assignable(&mut self, to: &Type, from: &Type) -> bool {
        self.attempt(|this| this.assign(to, from))
    }

    pub(super) fn are_assignable(&mut self, to: &[Type], from: &[Type]) -> bool {
        self.attempt(|this| this.assign_all(to.iter().collect(), from.iter().collect()))
    }

    fn attempt(&mut self, assign: impl FnOnce(&mut Self) -> bool) -> bool {
        self.trail.clear();
        let fits = assign(self);
        if !fits {
            while let Some((param, before)) = self.trail.pop() {
                self.set(param, before);
            }
        }
        fits
    }

    fn assign_all(&mut self, to: Vec<&Type>, from: Vec<&Type>) -> bool {
        to.len() == from.len() && to.iter().zip(from).all(|(to, from)| self.assign(to, from))
    }

    fn assign(&mut self, t1: &Type, t2: &Type) -> bool {
        // What is not known may lead to what is not known: each counts as one more level.
        let (steps, depth) = (self.steps.get(), self.depth.get());
        if self.is_too_large() || steps >= MAX_STEPS || depth >= 2 * MAX_DEPTH {
            self.set_too_large();
            return false;
        }
        self.steps.set(steps + 1);
        self.depth.set(depth + 1);
        let fits = self.assign_one(t1, t2);
        self.depth.set(depth);
        fits
    }

    fn assign_one(&mut self, t1: &Type, t2: &Type) -> bool {
        if let Type::Param(_) = t2 {
            let (valid, known) = self.substitute_by(t1, t2);
            if valid {
                return true;
            }
            if known {
                return false;
            }
        }
        if let Type::Param(_) = t1 {
            return self.substitute_by(t2, t1).0;
        }
        if t1.is_dyn_or_error() || t2.is_dyn_or_error() {
            return true;
        }
        if *t1 == Type::Null {
            return is_nullable(t2);
        }
        if *t2 == Type::Null {
            return is_nullable(t1);
        }
        match (t1, t2) {
            (Type::Type(_), Type::Type(_)) => true,
            (Type::Opaque(..), Type::Opaque(..))
            | (Type::List(_), Type::List(_))
            | (Type::Map(_), Type::Map(_)) => {
                t1.name() == t2.name() && self.assign_all(t1.parameters(), t2.parameters())
            }
            (Type::Type(_), _) | (Type::Opaque(..) | Type::List(_) | Type::Map(_), _) => false,
            _ => t1 == t2,
        }
    }

    /// Whether `t1` may be what `t2` stands for, and whether that was known.
    fn substitute_by(&mut self, t1: &Type, t2: &Type) -> (bool, bool) {
        if t1 == t2 {
            return (true, true);
        }
        if let Some(known) = self.find(t2).cloned() {
            if *t1 == known {
                return (true, true);
            }
            if self.assign(t1, &known) {
                let general = if is_equal_or_less_specific(t1, &known) {
                    t1.clone()
                } else {
                    known
                };
                if self.is_not_within(t2, &general) {
                    self.add(t2, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.is_not_within(t2, t1) {
            self.add(t2, t1.clone());
            return (true, false);
        }
        (false, false)
    }

    fn is_not_within(&self, t: &Type, within: &Type) -> bool {
        if t == within {
            return false;
        }
        let is_not = || match within {
            Type::Param(_) => self
                .find(within)
                .is_none_or(|within| self.is_not_within(t, within)),
            _ => within
                .parameters()
                .into_iter()
                .all(|within| self.is_not_within(t, within)),
        };
        self.look(2 * MAX_DEPTH, is_not).unwrap_or_default()
    }

    /// A type, with what is known put in; what is not known becomes `dyn` where that is wanted.
    pub(super) fn substitute(&self, t: &Type, unknown_to_dyn: bool) -> Type {
        self.replaced(t, unknown_to_dyn, &Cell::new(MAX_SIZE))
            .unwrap_or_else(|| t.clone())
    }

    /// The type in which something was put in; none where it is as it was, so that what is within is shared.
    fn replaced(&self, t: &Type, unknown_to_dyn: bool, left: &Cell<u32>) -> Option<Type> {
        if left.get() == 0 {
            self.set_too_large();
            return Some(Type::Dyn);
        }
        left.set(left.get() - 1);
        let replaced = || {
            let of = |t: &Type| self.replaced(t, unknown_to_dyn, left);
            if let Some(known) = self.find(t) {
                return Some(of(known).unwrap_or_else(|| known.clone()));
            }
            match t {
                Type::Param(_) if unknown_to_dyn => Some(Type::Dyn),
                Type::Opaque(name, params) => {
                    let new: Vec<Option<Type>> = params.iter().map(of).collect();
                    if new.iter().all(Option::is_none) {
                        return None;
                    }
                    let all = new.into_iter().zip(params.iter());
                    let all = all.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect();
                    Some(Type::Opaque(Arc::clone(name), all))
                }
                Type::List(element) => of(element).map(Type::list),
                Type::Map(entry) => match (of(&entry.0), of(&entry.1)) {
                    (None, None) => None,
                    (key, value) => Some(Type::map(
                        key.unwrap_or_else(|| entry.0.clone()),
                        value.unwrap_or_else(|| entry.1.clone()),
                    )),
                },
                Type::Type(Some(inner)) => of(inner).map(Type::type_of),
                _ => None,
            }
        };
        self.look(2 * MAX_DEPTH, replaced).unwrap_or(Some(Type::Dyn))
    }
}

/// Whether `null` may stand for a type.
const fn is_nullable(t: &Type) -> bool {
    matches!(
        t,
        Type::Opaque(..) | Type::Struct(_) | Type::Any | Type::Duration | Type::Timestamp | Type::Null
    )
}

/// The more general of two types that may stand for each other.
pub(super) fn most_general(t1: &Type, t2: &Type) -> Type {
    if is_equal_or_less_specific(t1, t2) {
        t1.clone()
    } else {
        t2.clone()
    }
}

fn is_equal_or_less_specific(t1: &Type, t2: &Type) -> bool {
    if t1.is_dyn() || matches!(t1, Type::Param(_)) {
        return true;
    }
    if t2.is_dyn() || matches!(t2, Type::Param(_)) {
        return false;
    }
    match (t1, t2) {
        (Type::Opaque(..), Type::Opaque(..))
        | (Type::List(_), Type::List(_))
        | (Type::Map(_), Type::Map(_)) => {
            let (p1, p2) = (t1.parameters(), t2.parameters());
            t1.name() == t2.name()
                && p1.len() == p2.len()
                && p1
                    .into_iter()
                    .zip(p2)
                    .all(|(t1, t2)| is_equal_or_less_specific(t1, t2))
        }
        (Type::Type(_), Type::Type(_)) => true,
        _ => t1 == t2,
    }
}

/// A declared type, with types of its own for its letters.
pub(super) fn instantiate(t: &Type, letters: &[(char, Type)]) -> Type {
    let of = |t: &Type| instantiate(t, letters);
    match t {
        Type::Param(Param::Named(name)) => letters
            .iter()
            .find(|(known, _)| known == name)
            .map_or_else(|| t.clone(), |(_, of)| of.clone()),
        Type::Opaque(name, params) => Type::Opaque(Arc::clone(name), params.iter().map(of).collect()),
        Type::List(element) => Type::list(of(element)),
        Type::Map(entry) => Type::map(of(&entry.0), of(&entry.1)),
        Type::Type(Some(inner)) => Type::type_of(of(inner)),
        _ => t.clone(),
    }
}
