//! Label selectors: `labels.Parse` of k8s.io/apimachinery.

use std::collections::BTreeSet;
use std::fmt;

use super::lexer::{Scanned, Token, scan};
use super::matcher::LabelMatcher;
use annex_schema::names;

use super::{SelectorError, check_length};
use crate::object::Labels;
use crate::status::{FieldError, MOST_LISTED, listed};

/// What a label's value is compared by; the words are those of `selection.Operator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words of Kubernetes' selection.Operator")]
pub enum LabelOperator {
    In,
    NotIn,
    Equals,
    DoubleEquals,
    NotEquals,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelRequirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: LabelOperator,
    /// With what: sorted, each once.
    pub values: Vec<String>,
}

/// Conditions that all must hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    requirements: Vec<LabelRequirement>,
    matcher: LabelMatcher,
}

impl LabelSelector {
    /// Reads `x in (foo,,baz),y,z notin ()`.
    ///
    /// # Errors
    /// It is none, in Go's words, or longer than [`MOST_SELECTOR_BYTES`](super::MOST_SELECTOR_BYTES).
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        check_length("labelSelector", text)?;
        let mut requirements = Parser {
            scanned: scan(text),
            position: 0,
        }
        .selector()?;
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        let matcher = LabelMatcher::new(&requirements);
        Ok(Self {
            requirements,
            matcher,
        })
    }

    /// The conditions, by key.
    #[must_use]
    pub fn requirements(&self) -> &[LabelRequirement] {
        &self.requirements
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether it selects an object with these labels.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matcher.matches(labels)
    }
}

impl LabelRequirement {
    fn new(key: String, operator: LabelOperator, values: BTreeSet<String>) -> Result<Self, SelectorError> {
        let mut wrong = check_key(&key, "key").err().into_iter().collect::<Vec<_>>();
        let is_compared = matches!(operator, LabelOperator::GreaterThan | LabelOperator::LessThan);
        for (index, value) in values.iter().enumerate().filter(|_| is_compared) {
            if value.parse::<i64>().is_err() {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                wrong.push(
                    FieldError::invalid(format!("values[{index}]"), value.as_str(), detail).to_string(),
                );
            }
        }
        for (index, value) in values.iter().enumerate() {
            let messages = names::label_value(value);
            if !messages.is_empty() {
                let field = format!("values[{index}][{key}]");
                wrong.push(FieldError::invalid(field, value.as_str(), messages.join("; ")).to_string());
            }
            if wrong.len() > MOST_LISTED {
                break;
            }
        }
        match wrong.as_slice() {
            [] => Ok(Self {
                key,
                operator,
                values: values.into_iter().collect(),
            }),
            [one] => Err(SelectorError(one.clone())),
            several => Err(SelectorError(listed(several))),
        }
    }
}

impl fmt::Display for LabelRequirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            LabelOperator::In => write!(formatter, "{key} in ({values})"),
            LabelOperator::NotIn => write!(formatter, "{key} notin ({values})"),
            LabelOperator::Equals => write!(formatter, "{key}={values}"),
            LabelOperator::DoubleEquals => write!(formatter, "{key}=={values}"),
            LabelOperator::NotEquals => write!(formatter, "{key}!={values}"),
            LabelOperator::Exists => write!(formatter, "{key}"),
            LabelOperator::DoesNotExist => write!(formatter, "!{key}"),
            LabelOperator::GreaterThan => write!(formatter, "{key}>{values}"),
            LabelOperator::LessThan => write!(formatter, "{key}<{values}"),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.requirements.iter().map(ToString::to_string).collect();
        formatter.write_str(&all.join(","))
    }
}

/// `path` is Go's: the parser itself has none, which it writes as `<nil>`.
fn check_key(key: &str, path: &str) -> Result<(), String> {
    let messages = names::label_key(key);
    if messages.is_empty() {
        return Ok(());
    }
    Err(FieldError::invalid(path, key, messages.join("; ")).to_string())
}

struct Parser {
    scanned: Vec<Scanned>,
    position: usize,
}

fn fail<T>(message: String) -> Result<T, SelectorError> {
    Err(SelectorError(message))
}

/// `in` and `notin` are words where no operator can stand.
fn as_word((token, text): Scanned) -> Scanned {
    match token {
        Token::In | Token::NotIn => (Token::Identifier, text),
        other => (other, text),
    }
}

impl Parser {
    /// The token here; past the end it goes on to be [`Token::End`].
    fn peek(&self) -> Scanned {
        let end = || (Token::End, String::new());
        as_word(self.scanned.get(self.position).cloned().unwrap_or_else(end))
    }

    fn next_operator(&mut self) -> Scanned {
        let item = self.scanned.get(self.position).cloned();
        self.position += 1;
        item.unwrap_or_else(|| (Token::End, String::new()))
    }

    fn next(&mut self) -> Scanned {
        as_word(self.next_operator())
    }

    fn selector(mut self) -> Result<Vec<LabelRequirement>, SelectorError> {
        let mut requirements = Vec::new();
        loop {
            let (token, text) = self.peek();
            match token {
                Token::Identifier | Token::Not => {}
                Token::End => return Ok(requirements),
                _ => {
                    return fail(format!(
                        "found '{text}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
            let requirement = self
                .requirement()
                .map_err(|SelectorError(why)| SelectorError(format!("unable to parse requirement: {why}")))?;
            requirements.push(requirement);
            match self.next() {
                (Token::End, _) => return Ok(requirements),
                (Token::Comma, _) => {
                    let (token, text) = self.peek();
                    if !matches!(token, Token::Identifier | Token::Not) {
                        return fail(format!("found '{text}', expected: identifier after ','"));
                    }
                }
                (_, text) => return fail(format!("found '{text}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<LabelRequirement, SelectorError> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return fail(format!("found '{key}', expected: identifier"));
        }
        check_key(&key, "<nil>").map_err(SelectorError)?;
        if negated {
            return LabelRequirement::new(key, LabelOperator::DoesNotExist, BTreeSet::new());
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return LabelRequirement::new(key, LabelOperator::Exists, BTreeSet::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            LabelOperator::In | LabelOperator::NotIn => self.values()?,
            _ => BTreeSet::from([self.exact_value()?]),
        };
        LabelRequirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<LabelOperator, SelectorError> {
        Ok(match self.next_operator() {
            (Token::In, _) => LabelOperator::In,
            (Token::Equals, _) => LabelOperator::Equals,
            (Token::DoubleEquals, _) => LabelOperator::DoubleEquals,
            (Token::Greater, _) => LabelOperator::GreaterThan,
            (Token::Less, _) => LabelOperator::LessThan,
            (Token::NotIn, _) => LabelOperator::NotIn,
            (Token::NotEquals, _) => LabelOperator::NotEquals,
            (_, text) => return fail(format!("found '{text}', expected: in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let (token, text) = self.next();
        if token != Token::Open {
            return fail(format!("found '{text}' expected: '('"));
        }
        match self.peek() {
            (Token::Identifier | Token::Comma, text) => {
                let values = self.identifiers()?;
                if self.next().0 != Token::Close {
                    return fail(format!("found '{text}', expected: ')'"));
                }
                Ok(values)
            }
            (Token::Close, _) => {
                self.next();
                Ok(BTreeSet::from([String::new()]))
            }
            (_, text) => fail(format!("found '{text}', expected: ',', ')' or identifier")),
        }
    }

    /// What stands between parentheses: words, and an empty one wherever a comma has none beside it.
    fn identifiers(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let mut values = BTreeSet::new();
        loop {
            match self.next() {
                (Token::Identifier, word) => {
                    values.insert(word);
                    match self.peek() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(values),
                        (_, text) => return fail(format!("found '{text}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.peek().0 {
                        Token::Close => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Comma => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, text) => return fail(format!("found '{text}', expected: ',', or identifier")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.next() {
            (Token::Identifier, word) => Ok(word),
            (_, text) => fail(format!("found '{text}', expected: identifier")),
        }
    }
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
