//! The macros of Kubernetes' environment: cel-go's standard ones, those of two variables, of optional values and `sortBy`.

use std::sync::Arc;

use super::Places;
use crate::ast::{
    ACCUMULATOR, Call, Comprehension, Entry, Expr, Field, Id, Kind, List, Literal, OLD_ACCUMULATOR, Select,
    Struct, op,
};

/// Why a macro refuses its arguments.
pub(super) struct Error {
    pub(super) offset: Option<u32>,
    pub(super) message: String,
}

/// Makes parts that stand where the macro stands.
pub(super) struct Factory<'p> {
    places: &'p mut Places,
    offset: Option<u32>,
}

/// What makes other parts of a macro's target and arguments.
pub(super) type Expand = fn(&mut Factory<'_>, Option<Expr>, Vec<Expr>) -> Result<Expr, Error>;

/// The macro of this name.
pub(super) fn find(function: &str, args: usize, member: bool) -> Option<Expand> {
    let expand: Expand = match (function, args, member) {
        ("has", 1, false) => has,
        ("all", 2 | 3, true) => all,
        ("exists", 2 | 3, true) => exists,
        ("exists_one" | "existsOne", 2 | 3, true) => exists_one,
        ("map", 2 | 3, true) => map,
        ("filter", 2, true) => filter,
        ("transformList", 3 | 4, true) => transform_list,
        ("transformMap", 3 | 4, true) => transform_map,
        ("transformMapEntry", 3 | 4, true) => transform_map_entry,
        ("optMap", 2, true) => opt_map,
        ("optFlatMap", 2, true) => opt_flat_map,
        ("sortBy", 2, true) => sort_by,
        _ => return None,
    };
    Some(expand)
}

impl<'p> Factory<'p> {
    pub(super) fn new(places: &'p mut Places, id: Id) -> Self {
        let offset = places.offset(id);
        Self { places, offset }
    }

    fn part(&mut self, kind: Kind) -> Expr {
        let id = self.places.add(self.offset);
        Expr { id, kind }
    }

    fn error(&self, at: &Expr, message: impl Into<String>) -> Error {
        Error {
            offset: self.places.offset(at.id),
            message: message.into(),
        }
    }

    fn literal(&mut self, literal: Literal) -> Expr {
        self.part(Kind::Literal(literal))
    }

    fn ident(&mut self, name: &str) -> Expr {
        self.part(Kind::Ident(name.into()))
    }

    fn accu(&mut self) -> Expr {
        self.ident(ACCUMULATOR)
    }

    fn list(&mut self, elements: Vec<Expr>) -> Expr {
        self.part(Kind::List(Box::new(List {
            elements,
            optional: Vec::new(),
        })))
    }

    fn call(&mut self, function: &str, args: Vec<Expr>) -> Expr {
        let call = Call {
            function: function.into(),
            target: None,
            args,
        };
        self.part(Kind::Call(Box::new(call)))
    }

    fn member_call(&mut self, function: &str, target: Expr, args: Vec<Expr>) -> Expr {
        let call = Call {
            function: function.into(),
            target: Some(target),
            args,
        };
        self.part(Kind::Call(Box::new(call)))
    }

    fn fold(&mut self, fold: Comprehension) -> Expr {
        self.part(Kind::Comprehension(Box::new(fold)))
    }

    /// Another of the same, with numbers of its own.
    fn copy(&mut self, expr: &Expr) -> Expr {
        let id = self.places.add(self.places.offset(expr.id));
        let kind = match &expr.kind {
            Kind::Unspecified => Kind::Unspecified,
            Kind::Literal(literal) => Kind::Literal(literal.clone()),
            Kind::Ident(name) => Kind::Ident(Arc::clone(name)),
            Kind::Select(select) => Kind::Select(Box::new(Select {
                operand: self.copy(&select.operand),
                field: Arc::clone(&select.field),
                test_only: select.test_only,
            })),
            Kind::Call(call) => Kind::Call(Box::new(Call {
                function: Arc::clone(&call.function),
                target: call.target.as_ref().map(|target| self.copy(target)),
                args: call.args.iter().map(|arg| self.copy(arg)).collect(),
            })),
            Kind::List(list) => Kind::List(Box::new(List {
                elements: list.elements.iter().map(|element| self.copy(element)).collect(),
                optional: list.optional.clone(),
            })),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: self.copy(&entry.key),
                        value: self.copy(&entry.value),
                        optional: entry.optional,
                    })
                    .collect(),
            ),
            Kind::Struct(of) => Kind::Struct(Box::new(Struct {
                name: Arc::clone(&of.name),
                fields: of
                    .fields
                    .iter()
                    .map(|field| Field {
                        id: self.places.add(self.offset),
                        name: Arc::clone(&field.name),
                        value: self.copy(&field.value),
                        optional: field.optional,
                    })
                    .collect(),
            })),
            Kind::Comprehension(fold) => Kind::Comprehension(Box::new(Comprehension {
                range: self.copy(&fold.range),
                var: Arc::clone(&fold.var),
                var2: fold.var2.clone(),
                accu: Arc::clone(&fold.accu),
                init: self.copy(&fold.init),
                condition: self.copy(&fold.condition),
                step: self.copy(&fold.step),
                result: self.copy(&fold.result),
            })),
        };
        Expr { id, kind }
    }
}

/// The variables of a fold.
struct Vars {
    range: Expr,
    var: Arc<str>,
    var2: Option<Arc<str>>,
}

impl Vars {
    /// One variable, or two where there are that many arguments beside them.
    fn take(
        f: &Factory<'_>,
        target: Option<Expr>,
        args: &mut Vec<Expr>,
        two: bool,
        not_a_name: &str,
    ) -> Result<Self, Error> {
        let range = target.unwrap_or(Expr {
            id: 0,
            kind: Kind::Unspecified,
        });
        let first = args.remove(0);
        let var = name(f, &first, not_a_name)?;
        let mut second = None;
        if two {
            let next = args.remove(0);
            let var2 = name(f, &next, not_a_name)?;
            if var2 == var {
                return Err(f.error(&next, format!("duplicate variable name: {var}")));
            }
            second = Some((next, var2));
        }
        for (at, var) in [(&first, &var)]
            .into_iter()
            .chain(second.as_ref().map(|(at, var)| (at, var)))
        {
            if matches!(&**var, ACCUMULATOR | OLD_ACCUMULATOR) {
                return Err(f.error(at, "iteration variable overwrites accumulator variable"));
            }
        }
        Ok(Self {
            range,
            var,
            var2: second.map(|(_, var)| var),
        })
    }

    fn fold(self, f: &mut Factory<'_>, init: Expr, condition: Expr, step: Expr, result: Expr) -> Expr {
        f.fold(Comprehension {
            range: self.range,
            var: self.var,
            var2: self.var2,
            accu: ACCUMULATOR.into(),
            init,
            condition,
            step,
            result,
        })
    }
}

fn name(f: &Factory<'_>, expr: &Expr, not_a_name: &str) -> Result<Arc<str>, Error> {
    match &expr.kind {
        Kind::Ident(name) => Ok(Arc::clone(name)),
        _ => Err(f.error(expr, not_a_name)),
    }
}

const SIMPLE_NAME: &str = "argument must be a simple name";
const IDENTIFIER: &str = "argument is not an identifier";

fn has(f: &mut Factory<'_>, _: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let arg = args.remove(0);
    match arg.kind {
        Kind::Select(select) => Ok(f.part(Kind::Select(Box::new(Select {
            test_only: true,
            ..*select
        })))),
        _ => Err(f.error(&arg, "invalid argument to has() macro")),
    }
}

fn all(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let two = args.len() == 3;
    let vars = Vars::take(f, target, &mut args, two, SIMPLE_NAME)?;
    let init = f.literal(Literal::Bool(true));
    let accu = f.accu();
    let condition = f.call(op::NOT_STRICTLY_FALSE, vec![accu]);
    let terms = vec![f.accu(), args.remove(0)];
    let step = f.call(op::AND, terms);
    let result = f.accu();
    Ok(vars.fold(f, init, condition, step, result))
}

fn exists(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let two = args.len() == 3;
    let vars = Vars::take(f, target, &mut args, two, SIMPLE_NAME)?;
    let init = f.literal(Literal::Bool(false));
    let accu = f.accu();
    let not = f.call(op::NOT, vec![accu]);
    let condition = f.call(op::NOT_STRICTLY_FALSE, vec![not]);
    let terms = vec![f.accu(), args.remove(0)];
    let step = f.call(op::OR, terms);
    let result = f.accu();
    Ok(vars.fold(f, init, condition, step, result))
}

fn exists_one(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let two = args.len() == 3;
    let vars = Vars::take(f, target, &mut args, two, SIMPLE_NAME)?;
    let init = f.literal(Literal::Int(0));
    let condition = f.literal(Literal::Bool(true));
    let sum = vec![f.accu(), f.literal(Literal::Int(1))];
    let more = f.call(op::ADD, sum);
    let choice = vec![args.remove(0), more, f.accu()];
    let step = f.call(op::CONDITIONAL, choice);
    let sides = vec![f.accu(), f.literal(Literal::Int(1))];
    let result = f.call(op::EQUALS, sides);
    Ok(vars.fold(f, init, condition, step, result))
}

/// Folds into a list: `transform` of what `filter` lets through.
fn into_list(f: &mut Factory<'_>, vars: Vars, filter: Option<Expr>, transform: Expr) -> Expr {
    let init = f.list(Vec::new());
    let condition = f.literal(Literal::Bool(true));
    let accu = f.accu();
    let one = f.list(vec![transform]);
    let step = f.call(op::ADD, vec![accu, one]);
    let step = filtered(f, filter, step);
    let result = f.accu();
    vars.fold(f, init, condition, step, result)
}

fn filtered(f: &mut Factory<'_>, filter: Option<Expr>, step: Expr) -> Expr {
    let Some(filter) = filter else { return step };
    let otherwise = f.accu();
    f.call(op::CONDITIONAL, vec![filter, step, otherwise])
}

fn map(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let vars = Vars::take(f, target, &mut args, false, IDENTIFIER)?;
    let filter = (args.len() == 2).then(|| args.remove(0));
    Ok(into_list(f, vars, filter, args.remove(0)))
}

fn filter(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let itself = args.first().cloned();
    let vars = Vars::take(f, target, &mut args, false, IDENTIFIER)?;
    let itself = itself.unwrap_or(Expr {
        id: 0,
        kind: Kind::Unspecified,
    });
    Ok(into_list(f, vars, Some(args.remove(0)), itself))
}

fn transform_list(f: &mut Factory<'_>, target: Option<Expr>, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let vars = Vars::take(f, target, &mut args, true, SIMPLE_NAME)?;
    let filter = (args.len() == 2).then(|| args.remove(0));
    Ok(into_list(f, vars, filter, args.remove(0)))
}

/// Folds into a map: what is inserted, of what a filter lets through.
fn into_map(
    f: &mut Factory<'_>,
    target: Option<Expr>,
    mut args: Vec<Expr>,
    with_key: bool,
) -> Result<Expr, Error> {
    let vars = Vars::take(f, target, &mut args, true, SIMPLE_NAME)?;
    let filter = (args.len() == 2).then(|| args.remove(0));
    let mut inserted = vec![f.accu()];
    if with_key {
        inserted.push(f.ident(&vars.var));
    }
    inserted.push(args.remove(0));
    let step = f.call(op::MAP_INSERT, inserted);
    let step = filtered(f, filter, step);
    let init = f.part(Kind::Map(Vec::new()));
    let condition = f.literal(Literal::Bool(true));
    let result = f.accu();
    Ok(vars.fold(f, init, condition, step, result))
}

fn transform_map(f: &mut Factory<'_>, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Error> {
    into_map(f, target, args, true)
}

fn transform_map_entry(f: &mut Factory<'_>, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Error> {
    into_map(f, target, args, false)
}

/// The variable that a fold over nothing does not have.
const UNUSED: &str = "#unused";

/// `value` under a name in `result`: a fold over nothing, whose accumulator is the name.
fn bind(f: &mut Factory<'_>, name: &str, value: Expr, result: Expr) -> Expr {
    let range = f.list(Vec::new());
    let condition = f.literal(Literal::Bool(false));
    let step = f.ident(name);
    f.fold(Comprehension {
        range,
        var: UNUSED.into(),
        var2: None,
        accu: name.into(),
        init: value,
        condition,
        step,
        result,
    })
}

/// How many parts an expression may have when macros copy what they are of. Kubernetes knows no such bound.
const MAX_PARTS: usize = 200_000;
const TOO_MANY_PARTS: &str = "the macro makes the expression too large";

fn opt(
    f: &mut Factory<'_>,
    target: Option<Expr>,
    mut args: Vec<Expr>,
    not_a_name: &str,
    wrap: bool,
) -> Result<Expr, Error> {
    let target = target.unwrap_or(Expr {
        id: 0,
        kind: Kind::Unspecified,
    });
    let var = name(f, &args.remove(0), not_a_name)?;
    // The target is there twice: what is chained would be there twice for each link.
    if f.places.len().saturating_add(target.parts()) > MAX_PARTS {
        return Err(f.error(&target, TOO_MANY_PARTS));
    }
    let copy = f.copy(&target);
    let has_value = f.member_call("hasValue", target, Vec::new());
    let value = f.member_call("value", copy, Vec::new());
    let mut mapped = bind(f, &var, value, args.remove(0));
    if wrap {
        mapped = f.call("optional.of", vec![mapped]);
    }
    let none = f.call("optional.none", Vec::new());
    Ok(f.call(op::CONDITIONAL, vec![has_value, mapped, none]))
}

fn opt_map(f: &mut Factory<'_>, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Error> {
    opt(
        f,
        target,
        args,
        "optMap() variable name must be a simple identifier",
        true,
    )
}

fn opt_flat_map(f: &mut Factory<'_>, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Error> {
    opt(
        f,
        target,
        args,
        "optFlatMap() variable name must be a simple identifier",
        false,
    )
}

fn sort_by(f: &mut Factory<'_>, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Error> {
    const INPUT: &str = "@__sortBy_input__";
    let target = target.unwrap_or(Expr {
        id: 0,
        kind: Kind::Unspecified,
    });
    match target.kind {
        Kind::List(_) | Kind::Select(_) | Kind::Ident(_) | Kind::Comprehension(_) | Kind::Call(_) => {}
        _ => {
            let message =
                "sortBy can only be applied to a list, identifier, comprehension, call or select expression";
            return Err(f.error(&target, message));
        }
    }
    let input = f.ident(INPUT);
    let keys = map(f, Some(input), args)?;
    let input = f.ident(INPUT);
    let sorted = f.member_call("@sortByAssociatedKeys", input, vec![keys]);
    Ok(bind(f, INPUT, target, sorted))
}
