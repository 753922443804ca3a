//! Names that the server makes: `names.SimpleNameGenerator` of k8s.io/apiserver.

use rand::seq::IndexedRandom as _;

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
    fn a_generated_name_fits_into_a_dns_label() {
        assert_eq!(generate_name(&"a".repeat(100)).len(), 63);
        assert!(generate_name(&"ä".repeat(100)).len() <= 63);
    }
}
