//! The part of client-go's JSONPath that printer columns are written in.
//!
//! Fields (`.spec.color`, `['a.b']`, `.a\.b`), elements (`[0]`, `[-1]`, `[1:3]`, `[*]`), all values (`.*`) and
//! filters of one comparison (`[?(@.type=="Ready")]`). Missing keys give nothing.

use serde_json::Value;

/// A path, read once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    Filter(Vec<Self>, Option<(Comparison, Value)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer ones first: `<=` begins with `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl JsonPath {
    /// Reads a path such as `.spec.color`; `None` where it is none, or uses more than this module knows.
    pub(super) fn parse(text: &str) -> Option<Self> {
        steps(text.trim().trim_start_matches('$')).map(Self)
    }

    /// The first value at the path. Where a step does not fit the value, there is none.
    pub(super) fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        walk(&self.0, root).first().copied()
    }
}

fn steps(mut text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        let step;
        (step, text) = match text.as_bytes()[0] {
            b'[' => bracket(text)?,
            b'.' if text[1..].starts_with('[') => bracket(&text[1..])?,
            b'.' => field(&text[1..])?,
            _ => return None,
        };
        steps.push(step);
    }
    Some(steps)
}

/// A name up to the next `.` or `[`; a backslash takes the next character as it is.
fn field(text: &str) -> Option<(Step, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?.1),
            '.' | '[' => {
                end = at;
                break;
            }
            _ => name.push(character),
        }
    }
    let step = match name.as_str() {
        "" => return None,
        "*" => Step::All,
        _ => Step::Field(name),
    };
    Some((step, &text[end..]))
}

fn bracket(text: &str) -> Option<(Step, &str)> {
    let end = closing(text)?;
    let (inside, rest) = (text[1..end].trim(), &text[end + 1..]);
    let step = if inside == "*" {
        Step::All
    } else if let Some(name) = quoted(inside) {
        Step::Field(name)
    } else if let Some(condition) = inside.strip_prefix("?(") {
        filter(condition.strip_suffix(')')?.trim())?
    } else if let Some((from, to)) = inside.split_once(':') {
        Step::Slice(bound(from)?, bound(to)?)
    } else {
        Step::Index(inside.parse().ok()?)
    };
    Some((step, rest))
}

/// Where the bracket that `text` begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'[') => depth += 1,
            (None, b']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn bound(text: &str) -> Option<Option<i64>> {
    match text.trim() {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

fn quoted(text: &str) -> Option<String> {
    ['\'', '"'].iter().find_map(|quote| {
        let inside = text.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inside.contains(*quote)).then(|| inside.to_owned())
    })
}

fn filter(condition: &str) -> Option<Step> {
    let (left, comparison) = match find_comparison(condition) {
        Some((at, sign, comparison)) => {
            let right = literal(condition[at + sign.len()..].trim())?;
            (&condition[..at], Some((comparison, right)))
        }
        None => (condition, None),
    };
    Some(Step::Filter(steps(left.trim().strip_prefix('@')?)?, comparison))
}

fn find_comparison(condition: &str) -> Option<(usize, &'static str, Comparison)> {
    COMPARISONS
        .iter()
        .filter_map(|(sign, comparison)| Some((condition.find(sign)?, *sign, *comparison)))
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
}

fn literal(text: &str) -> Option<Value> {
    if let Some(text) = quoted(text) {
        return Some(Value::String(text));
    }
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        number => serde_json::from_str::<serde_json::Number>(number)
            .ok()
            .map(Value::Number),
    }
}

fn walk<'a>(steps: &[Step], root: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![root];
    for step in steps {
        found = found.into_iter().flat_map(|value| apply(step, value)).collect();
    }
    found
}

fn apply<'a>(step: &Step, value: &'a Value) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Field(name), Value::Object(fields)) => fields.get(name).into_iter().collect(),
        (Step::Index(index), Value::Array(list)) => place(*index, list.len())
            .and_then(|at| list.get(at))
            .into_iter()
            .collect(),
        (Step::Slice(from, to), Value::Array(list)) => {
            let from = place(from.unwrap_or(0), list.len());
            let to = to.map_or(Some(list.len()), |to| place(to, list.len()));
            from.zip(to)
                .and_then(|(from, to)| list.get(from..to))
                .map(|part| part.iter().collect())
                .unwrap_or_default()
        }
        (Step::All, Value::Object(fields)) => fields.values().collect(),
        (Step::All, Value::Array(list)) => list.iter().collect(),
        (Step::Filter(left, comparison), Value::Array(list)) => list
            .iter()
            .filter(|element| passes(left, comparison.as_ref(), element))
            .collect(),
        _ => Vec::new(),
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let from_end = if index < 0 { i64::try_from(length).ok()? } else { 0 };
    usize::try_from(index + from_end).ok()
}

fn passes(left: &[Step], comparison: Option<&(Comparison, Value)>, element: &Value) -> bool {
    let found = walk(left, element);
    let Some((comparison, right)) = comparison else {
        return !found.is_empty();
    };
    let [left] = found.as_slice() else {
        return false;
    };
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.as_str().cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left
            .as_f64()
            .zip(right.as_f64())
            .and_then(|(left, right)| left.partial_cmp(&right)),
        _ => None,
    };
    order.is_some_and(|order| match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_printer_columns_find_their_values() {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "dotted"}},
            "spec": {"color": "red", "list": [1, 2, 3], "nothing": null},
            "status": {"conditions": [
                {"type": "Other", "status": "False", "age": 3},
                {"type": "Ready", "status": "True", "age": 5},
            ]},
        });
        for (path, expected) in [
            (".spec.color", json!("red")),
            ("$.spec.color", json!("red")),
            (".spec['color']", json!("red")),
            (r".metadata.annotations.a\.b/c", json!("dotted")),
            (".metadata.annotations['a.b/c']", json!("dotted")),
            (".spec.list[0]", json!(1)),
            (".spec.list[-1]", json!(3)),
            (".spec.list[1:3]", json!(2)),
            (".spec.list[*]", json!(1)),
            (".spec.nothing", json!(null)),
            (
                ".spec",
                json!({"color": "red", "list": [1, 2, 3], "nothing": null}),
            ),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!("True")),
            (".status.conditions[?(@.type == 'Ready')].status", json!("True")),
            (".status.conditions[?(@.type!='Ready')].type", json!("Other")),
            (".status.conditions[?(@.age>=4)].type", json!("Ready")),
            (".status.conditions[?(@.age)].type", json!("Other")),
        ] {
            let parsed = JsonPath::parse(path).unwrap_or_else(|| panic!("{path} is a path"));
            assert_eq!(parsed.first(&object), Some(&expected), "{path}");
        }
        for path in [
            ".spec.missing",
            ".spec.color.deeper",
            ".spec.list[3]",
            ".spec.list[-4]",
            ".spec.color[0]",
            ".status.conditions[?(@.type=='None')].status",
            ".status.conditions[?(@.type==1)].status",
        ] {
            assert_eq!(JsonPath::parse(path).unwrap().first(&object), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told() {
        for path in [
            "spec",
            ".spec..x",
            ".spec[",
            ".spec[x]",
            ".spec[?(x)]",
            ".a[?(@.b==c)]",
            ".",
        ] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }
}
