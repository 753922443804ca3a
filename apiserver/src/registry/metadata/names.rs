//! Names: those that the server makes (`names.SimpleNameGenerator` of k8s.io/apiserver), and which a resource lets its objects
//! have.

use annex_schema::names;
use rand::seq::IndexedRandom as _;

use crate::resource::ObjectNames;

/// What is wrong with a name by `rule`, in words. Go: a `ValidateNameFunc`.
pub(super) fn wrong_name(name: &str, rule: ObjectNames) -> Vec<String> {
    match rule {
        ObjectNames::DnsSubdomain => names::dns_subdomain_name(name),
        ObjectNames::PathSegment => names::path_segment(name),
    }
}

/// The same of a prefix of a name.
pub(super) fn wrong_prefix(prefix: &str, rule: ObjectNames) -> Vec<String> {
    match rule {
        _ if prefix.is_empty() => Vec::new(),
        ObjectNames::DnsSubdomain => names::dns_subdomain_name(&masked(prefix)),
        ObjectNames::PathSegment => names::path_segment_prefix(prefix),
    }
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
pub(crate) fn generate_name(base: &str) -> String {
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
        assert_eq!(wrong_name("A_b", ObjectNames::PathSegment), [""; 0]);
        assert_eq!(wrong_prefix("ok-", ObjectNames::DnsSubdomain), [""; 0]);
        assert_eq!(
            wrong_name("A_b", ObjectNames::DnsSubdomain),
            ["a lowercase RFC 1123 subdomain must consist of lower case \
              alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
              'example.com', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]
        );
        assert_eq!(wrong_prefix("-", ObjectNames::DnsSubdomain).len(), 1);
        assert_eq!(
            wrong_name(&"a".repeat(254), ObjectNames::DnsSubdomain),
            ["must be no more than 253 characters"]
        );
    }

    #[test]
    fn a_generated_name_fits_into_a_dns_label() {
        assert_eq!(generate_name(&"a".repeat(100)).len(), 63);
        assert!(generate_name(&"ä".repeat(100)).len() <= 63);
    }
}
