//! Names: those that the server makes (`names.SimpleNameGenerator` of k8s.io/apiserver), and which a resource lets its objects
//! have.

use rand::seq::IndexedRandom as _;

use crate::object::Object;
use crate::request::selector::rules;
use crate::resource::ObjectNames;
use crate::status::FieldError;

/// What is wrong with the name of a new object by its resource's own rule. What every name must be is validated with the
/// metadata, and alone in an update, as in k8s.io/apiserver.
pub(in crate::registry) fn validate_names(object: &Object, rule: ObjectNames) -> Vec<FieldError> {
    if rule == ObjectNames::PathSegment {
        return Vec::new();
    }
    let prefix = object.meta("generateName");
    let prefix = (!prefix.is_empty()).then(|| ("metadata.generateName", prefix, masked(prefix)));
    let name = object.name();
    let name = (!name.is_empty()).then(|| ("metadata.name", name, name.to_owned()));
    prefix
        .into_iter()
        .chain(name)
        .flat_map(|(field, shown, checked)| {
            rules::dns_subdomain_name(&checked)
                .into_iter()
                .map(move |message| FieldError::invalid(field, shown, message))
        })
        .collect()
}

/// A prefix as the name that it will be: a dash at its end is followed by something. (Go's `maskTrailingDash`.)
fn masked(prefix: &str) -> String {
    let mut letters = prefix.chars();
    match (letters.next_back(), letters.next_back()) {
        (Some('-'), Some(_)) => format!("{}a", letters.as_str()),
        _ => prefix.to_owned(),
    }
}

/// No vowels, and nothing that looks like one, so that no words come out.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const RANDOM_LENGTH: usize = 5;
const MAX_LENGTH: usize = 63;

/// `base` and five random characters, together no longer than a DNS label.
pub(in crate::registry) fn generate_name(base: &str) -> String {
    let mut end = base.len().min(MAX_LENGTH - RANDOM_LENGTH);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut random = rand::rng();
    let suffix = (0..RANDOM_LENGTH).filter_map(|_| ALPHABET.choose(&mut random).copied().map(char::from));
    base[..end].chars().chain(suffix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_is_the_base_and_five_characters() {
        let name = generate_name("job-");
        assert_eq!(name.len(), 9);
        let suffix = name.strip_prefix("job-").unwrap();
        assert!(suffix.bytes().all(|byte| ALPHABET.contains(&byte)), "{name}");
        assert_ne!(generate_name("job-"), name);
    }

    #[test]
    fn a_custom_resource_is_called_as_dns_demands() {
        let errors = |metadata: serde_json::Value, rule| {
            let value = serde_json::json!({"metadata": metadata});
            let object = Object(value.as_object().unwrap().clone());
            let errors = validate_names(&object, rule).into_iter();
            errors.map(|error| error.to_string()).collect::<Vec<_>>()
        };
        let bad = serde_json::json!({"name": "A_b", "generateName": "ok-"});
        assert_eq!(errors(bad.clone(), ObjectNames::PathSegment), [""; 0]);
        assert_eq!(
            errors(bad, ObjectNames::DnsSubdomain),
            [
                "metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case \
              alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
              'example.com', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        let long = serde_json::json!({"name": "a".repeat(254), "generateName": "-"});
        let errors = errors(long, ObjectNames::DnsSubdomain);
        assert_eq!(errors.len(), 2);
        assert!(errors[0].starts_with("metadata.generateName: Invalid value: \"-\""));
        assert!(errors[1].ends_with("must be no more than 253 characters"));
    }

    #[test]
    fn a_generated_name_fits_into_a_dns_label() {
        assert_eq!(generate_name(&"a".repeat(100)).len(), 63);
        assert!(generate_name(&"ä".repeat(100)).len() <= 63);
    }
}
