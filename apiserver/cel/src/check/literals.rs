//! What of literals is wrong although types fit: durations, timestamps and regular expressions that are none, lists and maps whose
//! elements are of different types, formats that do not fit their arguments.

use crate::ast::{Expr, Id, Kind, Literal};
use crate::library::check_format;
use crate::source::Issues;
use crate::types::Type;
use crate::value::{Text, Value};

use super::Checked;

/// Reports what is wrong with literals, in the order in which Kubernetes looks for it.
pub(crate) fn validate(checked: &Checked, issues: &mut Issues) {
    let report =
        |issues: &mut Issues, id: Id, message: String| issues.report_at(checked.places.offset(id), message);
    for function in ["duration", "timestamp", "matches"] {
        calls(checked, function, &mut |expr, args, _| {
            let Some(Expr {
                id,
                kind: Kind::Literal(literal),
            }) = args.first()
            else {
                return;
            };
            if !is_valid(checked, function, expr, literal) {
                report(issues, *id, format!("invalid {function} argument"));
            }
        });
    }
    homogeneous(checked, &mut |id, message| report(issues, id, message));
    calls(checked, "format", &mut |expr, args, target| {
        let Some(Expr {
            kind: Kind::Literal(Literal::String(format)),
            ..
        }) = target
        else {
            return;
        };
        let [
            Expr {
                kind: Kind::List(list),
                ..
            },
        ] = args
        else {
            return;
        };
        if !checked.overloads(expr.id).contains(&"string_format") {
            return;
        }
        if let Some((id, message)) = check_format(expr.id, format, &list.elements, |id| checked.type_of(id)) {
            report(issues, id, message);
        }
    });
}

fn calls<'e>(
    checked: &'e Checked,
    function: &str,
    visit: &mut impl FnMut(&'e Expr, &'e [Expr], Option<&'e Expr>),
) {
    checked.expr.walk(&mut Vec::new(), &mut |expr, _| {
        if let Kind::Call(call) = &expr.kind
            && *call.function == *function
        {
            visit(expr, &call.args, call.target.as_ref());
        }
    });
}

fn is_valid(checked: &Checked, function: &str, call: &Expr, literal: &Literal) -> bool {
    let value = match literal {
        Literal::String(text) => Value::String(Text::Borrowed(text)),
        Literal::Int(value) => Value::Int(*value),
        _ => return true,
    };
    match function {
        "duration" => value.to_duration().is_ok(),
        "timestamp" => value.to_timestamp().is_ok(),
        // Of `pattern.matches(x)`, cel-go takes the argument for the pattern.
        _ => {
            let _ = (checked, call);
            value
                .as_text()
                .is_none_or(|pattern| annex_re2::Pattern::new(pattern).is_ok())
        }
    }
}

/// Reports elements that are of another type than those before them, unless they are the arguments of a format.
fn homogeneous(checked: &Checked, report: &mut impl FnMut(Id, String)) {
    let is_exempt = |parents: &[&Expr]| {
        parents
            .iter()
            .any(|parent| matches!(&parent.kind, Kind::Call(call) if *call.function == *"format"))
    };
    let message = |expected: &Type, found: &Type| format!("expected type '{expected}' but found '{found}'");
    let unwrapped = |of: Type| of.unwrap_optional().cloned().unwrap_or(of);
    let mut maps = Vec::new();
    checked
        .expr
        .walk(&mut Vec::new(), &mut |expr, parents| match &expr.kind {
            Kind::List(list) if !is_exempt(parents) => {
                let mut all: Option<Type> = None;
                for (at, element) in list.elements.iter().enumerate() {
                    let mut of = checked.type_of(element.id);
                    if list.optional.binary_search(&at).is_ok() {
                        of = unwrapped(of);
                    }
                    match &all {
                        None => all = Some(of),
                        Some(known) if !known.is_equivalent(&of) => {
                            return report(element.id, message(known, &of));
                        }
                        Some(_) => {}
                    }
                }
            }
            Kind::Map(entries) if !is_exempt(parents) => maps.push(entries),
            _ => {}
        });
    for entries in maps {
        let mut all: Option<(Type, Type)> = None;
        for entry in entries {
            let (key, mut value) = (checked.type_of(entry.key.id), checked.type_of(entry.value.id));
            if entry.optional {
                value = unwrapped(value);
            }
            let Some((keys, values)) = &all else {
                all = Some((key, value));
                continue;
            };
            if !keys.is_equivalent(&key) {
                report(entry.key.id, message(keys, &key));
            }
            if !values.is_equivalent(&value) {
                report(entry.value.id, message(values, &value));
            }
        }
    }
}
