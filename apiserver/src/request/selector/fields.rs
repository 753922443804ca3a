//! Field selectors: `fields.ParseSelector` of k8s.io/apimachinery.

use std::borrow::Cow;
use std::fmt;

use super::matcher::FieldMatcher;
use super::{SelectorError, check_length};

/// How a field's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldOperator {
    /// It is this value; a field that is absent is the empty text.
    Equals,
    /// It is not.
    NotEquals,
}

/// One condition of a field selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldRequirement {
    /// The field, such as `metadata.name`.
    pub field: String,
    /// How it is compared.
    pub operator: FieldOperator,
    /// With what.
    pub value: String,
}

impl FieldRequirement {
    /// Whether the field's value fulfils it.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        (value == self.value) == (self.operator == FieldOperator::Equals)
    }
}

/// Conditions that all must hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
    matcher: FieldMatcher,
}

impl FieldSelector {
    /// Reads `metadata.name=a,spec.color!=red`; a value's `\`, `,` and `=` are written with a `\` before them.
    ///
    /// # Errors
    /// It is none, in Go's words, or longer than [`MOST_SELECTOR_BYTES`](super::MOST_SELECTOR_BYTES). Whether there are such fields is not known here.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        check_length("fieldSelector", text)?;
        let mut terms = split_terms(text);
        terms.sort_unstable();
        let mut requirements = Vec::new();
        for term in terms.into_iter().filter(|term| !term.is_empty()) {
            let Some((field, operator, value)) = split_term(term) else {
                return Err(SelectorError(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                )));
            };
            let requirement = FieldRequirement {
                field: field.to_owned(),
                operator,
                value: unescape(value)?,
            };
            requirements.push(requirement);
        }
        Ok(Self::of(requirements))
    }

    fn of(requirements: Vec<FieldRequirement>) -> Self {
        let matcher = FieldMatcher::new(&requirements);
        Self {
            requirements,
            matcher,
        }
    }

    /// One field, one value.
    #[must_use]
    pub fn equals(field: &str, value: &str) -> Self {
        Self::of(vec![FieldRequirement {
            field: field.to_owned(),
            operator: FieldOperator::Equals,
            value: value.to_owned(),
        }])
    }

    /// The conditions, by the text of their terms.
    #[must_use]
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The one value that `field` must have, where there is such a condition (of several: the first).
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.requirements
            .iter()
            .find(|requirement| requirement.operator == FieldOperator::Equals && requirement.field == field)
            .map(|requirement| requirement.value.as_str())
    }

    /// Whether it selects an object whose fields have these values; an absent field has the empty text.
    pub fn matches<'a, 'v>(&'a self, value_of: impl FnMut(&'a str) -> Cow<'v, str>) -> bool {
        self.matcher.matches(value_of)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let operator = match requirement.operator {
                FieldOperator::Equals => "=",
                FieldOperator::NotEquals => "!=",
            };
            let value = requirement
                .value
                .replace('\\', r"\\")
                .replace(',', r"\,")
                .replace('=', r"\=");
            write!(formatter, "{comma}{}{operator}{value}", requirement.field)?;
        }
        Ok(())
    }
}

fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn split_term(term: &str) -> Option<(&str, FieldOperator, &str)> {
    const OPERATORS: [(&str, FieldOperator); 3] = [
        ("!=", FieldOperator::NotEquals),
        ("==", FieldOperator::Equals),
        ("=", FieldOperator::Equals),
    ];
    term.char_indices().find_map(|(at, _)| {
        OPERATORS.iter().find_map(|(text, operator)| {
            let value = term[at..].strip_prefix(text)?;
            Some((&term[..at], *operator, value))
        })
    })
}

fn unescape(text: &str) -> Result<String, SelectorError> {
    let fail = |message: String| Err(SelectorError(format!("invalid field selector: {message}")));
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => value.push(escaped),
                Some(other) => return fail(format!(r"invalid escape sequence: \{other}")),
                None => return fail(r"invalid escape sequence: \".to_owned()),
            },
            // Go shows the character as its number.
            ',' | '=' => return fail(format!("unescaped character in value: {}", u32::from(character))),
            other => value.push(other),
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        FieldSelector::parse(text).expect_err(text).0
    }

    #[test]
    fn selectors_are_read_and_written() {
        for text in ["x=a,y=b,z=c", "", "x!=a,y=b", r"x=a\=b\,c\\d", "x="] {
            assert_eq!(FieldSelector::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(FieldSelector::parse("x==a,,").unwrap().to_string(), "x=a");
    }

    #[test]
    fn what_is_no_selector_is_refused_in_the_words_of_go() {
        assert_eq!(error("x"), "invalid selector: 'x'; can't understand 'x'");
        assert_eq!(
            error("x=a||y=b"),
            "invalid field selector: unescaped character in value: 61"
        );
        assert_eq!(
            error(r"x=\a"),
            r"invalid field selector: invalid escape sequence: \a"
        );
        assert_eq!(
            error(r"x=a\"),
            r"invalid field selector: invalid escape sequence: \"
        );
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        let text = "a,".repeat(40_000);
        assert_eq!(
            error(&text),
            "fieldSelector: Too long: may not be more than 65536 bytes"
        );
    }

    #[test]
    fn objects_match_by_their_fields() {
        let matches = |text: &str| {
            FieldSelector::parse(text)
                .expect(text)
                .matches(|field| if field == "x" { "y".into() } else { "".into() })
        };
        for text in ["", "x=y", "x!=z", "absent=", "x=y,absent!=z"] {
            assert!(matches(text), "{text}");
        }
        for text in ["x=z", "x!=y", "absent=z", "x=y,absent=z"] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn an_exact_name_is_found() {
        let selector = FieldSelector::parse("metadata.namespace=b,metadata.name=a").unwrap();
        assert_eq!(selector.exact("metadata.name"), Some("a"));
        assert_eq!(
            FieldSelector::parse("metadata.name!=a")
                .unwrap()
                .exact("metadata.name"),
            None
        );
    }
}
