//! Formats of names: Kubernetes' `format`, with apimachinery's rules and words.

use std::sync::LazyLock;

use annex_re2::Pattern;

use super::Guard::Types;
use super::{Decl, native, url};
use crate::value::{Outcome, Value, parse_rfc3339};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "validate",
        guard: Types,
        overloads: &[(
            "format-validate",
            "kubernetes.NamedFormat.(string) -> optional(list(string))",
            validate,
        )],
    },
    Decl {
        function: "format.named",
        guard: Types,
        overloads: &[(
            "format-named",
            "(string) -> optional(kubernetes.NamedFormat)",
            named,
        )],
    },
    Decl {
        function: "format.dns1123Label",
        guard: Types,
        overloads: &[("format.dns1123Label", CONSTANT, of::<0>)],
    },
    Decl {
        function: "format.dns1123Subdomain",
        guard: Types,
        overloads: &[("format.dns1123Subdomain", CONSTANT, of::<1>)],
    },
    Decl {
        function: "format.dns1035Label",
        guard: Types,
        overloads: &[("format.dns1035Label", CONSTANT, of::<2>)],
    },
    Decl {
        function: "format.qualifiedName",
        guard: Types,
        overloads: &[("format.qualifiedName", CONSTANT, of::<3>)],
    },
    Decl {
        function: "format.dns1123LabelPrefix",
        guard: Types,
        overloads: &[("format.dns1123LabelPrefix", CONSTANT, of::<4>)],
    },
    Decl {
        function: "format.dns1123SubdomainPrefix",
        guard: Types,
        overloads: &[("format.dns1123SubdomainPrefix", CONSTANT, of::<5>)],
    },
    Decl {
        function: "format.dns1035LabelPrefix",
        guard: Types,
        overloads: &[("format.dns1035LabelPrefix", CONSTANT, of::<6>)],
    },
    Decl {
        function: "format.labelValue",
        guard: Types,
        overloads: &[("format.labelValue", CONSTANT, of::<7>)],
    },
    Decl {
        function: "format.uri",
        guard: Types,
        overloads: &[("format.uri", CONSTANT, of::<8>)],
    },
    Decl {
        function: "format.uuid",
        guard: Types,
        overloads: &[("format.uuid", CONSTANT, of::<9>)],
    },
    Decl {
        function: "format.byte",
        guard: Types,
        overloads: &[("format.byte", CONSTANT, of::<10>)],
    },
    Decl {
        function: "format.date",
        guard: Types,
        overloads: &[("format.date", CONSTANT, of::<11>)],
    },
    Decl {
        function: "format.datetime",
        guard: Types,
        overloads: &[("format.datetime", CONSTANT, of::<12>)],
    },
];

const CONSTANT: &str = "() -> kubernetes.NamedFormat";

/// A format.
#[derive(Debug)]
pub struct Format {
    /// Kubernetes' name of it.
    pub(crate) name: &'static str,
    key: &'static str,
    validate: fn(&str) -> Vec<String>,
    /// What its regular expression counts for in costs.
    pub(crate) regex_size: u64,
}

const UUID: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const DATE_TIME: &str = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";

const fn format(
    name: &'static str,
    key: &'static str,
    regex_size: u64,
    validate: fn(&str) -> Vec<String>,
) -> Format {
    Format {
        name,
        key,
        validate,
        regex_size,
    }
}

static FORMATS: [Format; 13] = [
    format("DNS1123Label", "dns1123Label", 30, label),
    format("DNS1123Subdomain", "dns1123Subdomain", 60, subdomain),
    format("DNS1035Label", "dns1035Label", 30, label_1035),
    format("QualifiedName", "qualifiedName", 60, qualified_name),
    format("DNS1123LabelPrefix", "dns1123LabelPrefix", 30, |text| {
        label(&masked(text))
    }),
    format("DNS1123SubdomainPrefix", "dns1123SubdomainPrefix", 60, |text| {
        subdomain(&masked(text))
    }),
    format("DNS1035LabelPrefix", "dns1035LabelPrefix", 30, |text| {
        label_1035(&masked(text))
    }),
    format("LabelValue", "labelValue", 40, label_value),
    format("URI", "uri", 1103, |text| {
        url::request_uri_error(text).into_iter().collect()
    }),
    format("uuid", "uuid", UUID.len() as u64, |text| {
        unless(matches(UUID, text), "does not match the UUID format")
    }),
    format("byte", "byte", 84, |text| {
        unless(decode_base64(text).is_some(), "invalid base64")
    }),
    format("date", "date", DATE_TIME.len() as u64, |text| {
        unless(is_date(text), "invalid date")
    }),
    format("datetime", "datetime", DATE_TIME.len() as u64, |text| {
        unless(is_date_time(text), "invalid datetime")
    }),
];

fn unless(fits: bool, message: &str) -> Vec<String> {
    if fits {
        Vec::new()
    } else {
        vec![message.to_owned()]
    }
}

/// The patterns that formats have; each is compiled once.
static PATTERNS: LazyLock<Vec<(&'static str, Option<Pattern>)>> = LazyLock::new(|| {
    let all = [LABEL, SUBDOMAIN, LABEL_1035, KEY, VALUE];
    let whole = all
        .into_iter()
        .map(|pattern| (pattern, Pattern::new(&format!("^{pattern}$")).ok()));
    whole
        .chain([
            (UUID, Pattern::new(UUID).ok()),
            (BASE64, Pattern::new(BASE64).ok()),
        ])
        .collect()
});

fn matches(pattern: &str, text: &str) -> bool {
    let known = PATTERNS.iter().find(|(known, _)| *known == pattern);
    known
        .and_then(|(_, pattern)| pattern.as_ref())
        .is_some_and(|pattern| pattern.is_match(text))
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const BASE64: &str = r"^(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=|[A-Za-z0-9+\/]{4})$";

/// What apimachinery says of a text that does not match.
fn regex_error(message: &str, pattern: &str, examples: &[&str]) -> String {
    let mut out = format!("{message} (e.g. ");
    for (at, example) in examples.iter().enumerate() {
        if at > 0 {
            out.push_str(" or ");
        }
        out.push_str(&format!("'{example}', "));
    }
    out.push_str(&format!("regex used for validation is '{pattern}')"));
    out
}

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} bytes"))
}

fn label(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 63).into_iter().collect();
    if !matches(LABEL, text) {
        errors.push(if matches(SUBDOMAIN, text) {
            "must not contain dots".to_owned()
        } else {
            regex_error(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
                 alphanumeric character",
                LABEL,
                &["my-name", "123-abc"],
            )
        });
    }
    errors
}

fn subdomain(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 253).into_iter().collect();
    if !matches(SUBDOMAIN, text) {
        errors.push(regex_error(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with \
             an alphanumeric character",
            SUBDOMAIN,
            &["example.com"],
        ));
    }
    errors
}

fn label_1035(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 63).into_iter().collect();
    if !matches(LABEL_1035, text) {
        errors.push(regex_error(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end \
             with an alphanumeric character",
            LABEL_1035,
            &["my-name", "abc-123"],
        ));
    }
    errors
}

fn qualified_name(text: &str) -> Vec<String> {
    const MESSAGE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    let wrong = || regex_error(MESSAGE, KEY, &["MyName", "my.name", "123-abc"]);
    let mut errors = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(
                    subdomain(prefix)
                        .into_iter()
                        .map(|error| format!("prefix part {error}")),
                );
            }
            *name
        }
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                wrong()
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    }
    errors.extend(too_long(name, 63).map(|error| format!("name part {error}")));
    if !matches(KEY, name) {
        errors.push(format!("name part {}", wrong()));
    }
    errors
}

fn label_value(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 63).into_iter().collect();
    if !matches(VALUE, text) {
        errors.push(regex_error(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
             an alphanumeric character",
            VALUE,
            &["MyValue", "my_value", "12345"],
        ));
    }
    errors
}

/// A name of which more is to come: a dash at its end is none.
fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    if bytes.len() > 1 && bytes.ends_with(b"-") {
        let kept = bytes.get(..bytes.len() - 2).unwrap_or_default();
        return format!("{}a", String::from_utf8_lossy(kept));
    }
    text.to_owned()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && parse_rfc3339(&format!("{text}T00:00:00Z")).is_some()
}

/// A date, `t` and a time. What follows another `t` is not looked at.
fn is_date_time(text: &str) -> bool {
    let mut parts = text.split(['t', 'T']);
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    is_date(date) && is_time(time)
}

/// A time as the pattern of kube-openapi has it, where a fraction may begin with anything.
fn is_time(text: &str) -> bool {
    static TIME: LazyLock<Option<Pattern>> = LazyLock::new(|| Pattern::new(&format!("(?i){DATE_TIME}")).ok());
    let within = |range: std::ops::Range<usize>, most: &str| text.get(range).is_some_and(|part| part <= most);
    TIME.as_ref().is_some_and(|pattern| pattern.is_match(text))
        && within(0..2, "23")
        && within(3..5, "59")
        && within(6..8, "59")
}

/// What a text in base64 stands for; none where it is not that.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if !matches(BASE64, text) {
        return None;
    }
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.as_bytes().chunks(4) {
        let digits = four.iter().filter(|c| **c != b'=').count();
        let bits = four
            .iter()
            .take(digits)
            .fold(0_u32, |bits, c| bits << 6 | u32::from(value(*c)));
        let bits = bits << (6 * (4 - digits));
        out.extend(
            bits.to_be_bytes()
                .into_iter()
                .skip(1)
                .take(digits.saturating_sub(1)),
        );
    }
    Some(out)
}

fn of<'a, const AT: usize>(_: &[Value<'a>]) -> Outcome<'a> {
    match FORMATS.get(AT) {
        Some(format) => Ok(Value::Format(format)),
        None => crate::value::no_overload(),
    }
}

native!(fn named(Value::String(name)) {
    let found = FORMATS.iter().find(|format| format.key == &**name);
    Ok(found.map_or(Value::Optional(None), |format| Value::some(Value::Format(format))))
});
native!(fn validate(Value::Format(format), Value::String(text)) {
    let errors = (format.validate)(text);
    Ok(if errors.is_empty() { Value::Optional(None) } else { Value::some(Value::texts(errors)) })
});
