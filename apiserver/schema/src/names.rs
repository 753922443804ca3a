//! Which names and values Kubernetes takes: labels, names of objects, parts of paths. Go: k8s.io/apimachinery's `api/validate/content`
//! and `api/validation/path`.

const LABEL_MAX_LENGTH: usize = 63;
const SUBDOMAIN_MAX_LENGTH: usize = 253;

const KEY_FORMAT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                        alphanumeric character";
const VALUE_FORMAT: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
                          '.', and must start and end with an alphanumeric character";
const LABEL_FORMAT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
                          must start and end with an alphanumeric character";
const DNS_1035_FORMAT: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const DNS_1035_RULE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                             alphabetic character, and end with an alphanumeric character";
const SUBDOMAIN_FORMAT: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
                              or '.', and must start and end with an alphanumeric character";

/// What is wrong with `text` as the key of a label (a qualified name: finalizers and annotations are such too).
#[must_use]
pub fn label_key(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(
                    dns_subdomain(prefix)
                        .iter()
                        .map(|message| format!("prefix part {message}")),
                );
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                rule(KEY_RULE, KEY_FORMAT, &["MyName", "my.name", "123-abc"])
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX_LENGTH {
        wrong.push(format!("name part must be no more than {LABEL_MAX_LENGTH} bytes"));
    }
    if name.is_empty() || !is_label_text(name) {
        let rule = rule(KEY_RULE, KEY_FORMAT, &["MyName", "my.name", "123-abc"]);
        wrong.push(format!("name part {rule}"));
    }
    wrong
}

/// What is wrong with `text` as the value of a label.
#[must_use]
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_MAX_LENGTH {
        wrong.push(format!("must be no more than {LABEL_MAX_LENGTH} bytes"));
    }
    if !text.is_empty() && !is_label_text(text) {
        wrong.push(rule(VALUE_RULE, VALUE_FORMAT, &["MyValue", "my_value", "12345"]));
    }
    wrong
}

/// What is wrong with `text` as a namespace's name: a DNS label.
#[must_use]
pub fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_MAX_LENGTH {
        wrong.push(format!("must be no more than {LABEL_MAX_LENGTH} characters"));
    }
    if !is_dns_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            rule(LABEL_RULE, LABEL_FORMAT, &["my-name", "123-abc"])
        });
    }
    wrong
}

/// What is wrong with `text` as a label of RFC 1035, which begins with a letter.
#[must_use]
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_MAX_LENGTH {
        wrong.push(format!("must be no more than {LABEL_MAX_LENGTH} characters"));
    }
    if !is_dns_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        wrong.push(rule(DNS_1035_RULE, DNS_1035_FORMAT, &["my-name", "abc-123"]));
    }
    wrong
}

/// What is wrong with `text` as an object's name that must be a DNS subdomain: as below, but for the words about its length.
#[must_use]
pub fn dns_subdomain_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_MAX_LENGTH {
        wrong.push(format!("must be no more than {SUBDOMAIN_MAX_LENGTH} characters"));
    }
    if !is_subdomain(text) {
        wrong.push(rule(SUBDOMAIN_RULE, SUBDOMAIN_FORMAT, &["example.com"]));
    }
    wrong
}

/// What is wrong with `text` as a DNS subdomain, such as the prefix of a label's key.
fn dns_subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_MAX_LENGTH {
        wrong.push(format!("must be no more than {SUBDOMAIN_MAX_LENGTH} bytes"));
    }
    if !is_subdomain(text) {
        wrong.push(rule(SUBDOMAIN_RULE, SUBDOMAIN_FORMAT, &["example.com"]));
    }
    wrong
}

fn is_label_text(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|byte| alphanumeric(Some(byte)) || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn rule(rule: &str, format: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!(
        "{rule} (e.g. {}regex used for validation is '{format}')",
        examples.join(" or ")
    )
}

/// What is wrong with `name` as a part of a path, in Kubernetes' words.
#[must_use]
pub fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    path_segment_prefix(name)
}

/// The same of a name that something will be appended to.
#[must_use]
pub fn path_segment_prefix(name: &str) -> Vec<String> {
    ["/", "%"]
        .into_iter()
        .filter(|illegal| name.contains(illegal))
        .map(|illegal| format!("may not contain '{illegal}'"))
        .collect()
}

/// The group and version of an `apiVersion`.
///
/// # Errors
/// It has too many parts: Go's words.
pub(crate) fn group_version(text: &str) -> Result<(&str, &str), String> {
    match text.split('/').collect::<Vec<_>>()[..] {
        [version] => Ok(("", version)),
        [group, version] => Ok((group, version)),
        _ => Err(format!("unexpected GroupVersion string: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_qualified_names() {
        for good in [
            "a",
            "simple",
            "now-with-dashes",
            "1-starts-with-num",
            "1234",
            "1.2.3.4/5678",
            "example.com/A_b.c",
        ] {
            assert!(label_key(good).is_empty(), "{good}");
        }
        for bad in [
            "",
            "nospecialchars%^=@",
            "cantendwithadash-",
            "-cantstart",
            "only/one/slash",
            "Example.com/abc",
            "/simple",
            "simple/",
            &"a".repeat(64),
        ] {
            assert!(!label_key(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn texts_are_those_of_kubernetes() {
        assert_eq!(
            label_key("cantendwithadash-"),
            [
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
              alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
              '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ]
        );
        assert_eq!(
            dns_label("A"),
            [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
              end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
    }
}
