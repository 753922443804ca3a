//! Cipher suites: Go's names, and the order in which they are preferred.

use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::options::MinVersion;
use super::serving::TlsError;

/// The server's order. AES-128 costs least where the processor knows AES, and ChaCha20 twice that: measured on LIST.
const ORDER: [SupportedCipherSuite; 9] = [
    suites::TLS13_AES_128_GCM_SHA256,
    suites::TLS13_AES_256_GCM_SHA384,
    suites::TLS13_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// What Go's flag takes beside these. None of it is spoken here.
const KNOWN_TO_GO: [&str; 14] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// Reads the names of `--tls-cipher-suites`. Weak ones are left out with a warning: what is served is then stronger
/// than what was asked for, never weaker.
///
/// # Errors
/// A name that Go does not know either.
pub fn cipher_suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let mut found = Vec::new();
    for name in names {
        // Go calls two of them by a shorter name, too.
        let long = match name.strip_suffix("_CHACHA20_POLY1305") {
            Some(_) => format!("{name}_SHA256"),
            None => name.clone(),
        };
        match ORDER.iter().find(|suite| go_name(suite) == long) {
            Some(suite) => found.push(*suite),
            None if is_known_to_go(name) => tracing::warn!("the cipher suite {name} is not spoken here"),
            None => {
                return Err(TlsError::Option(format!(
                    "Cipher suite {name} not supported or doesn't exist"
                )));
            }
        }
    }
    Ok(found)
}

fn go_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

fn is_known_to_go(name: &str) -> bool {
    KNOWN_TO_GO.contains(&name)
        || name == "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"
        || name == "TLS_ECDHE_RSA_WITH_RC4_128_SHA"
}

/// The cryptography to serve with; `chosen` are the suites of TLS 1.2, for those of 1.3 are no choice in Go either.
pub(super) fn provider(chosen: Option<&[SupportedCipherSuite]>) -> CryptoProvider {
    let is_chosen = |suite: &SupportedCipherSuite| {
        suite.tls13().is_some() || chosen.is_none_or(|chosen| chosen.contains(suite))
    };
    CryptoProvider {
        cipher_suites: ORDER.into_iter().filter(is_chosen).collect(),
        ..aws_lc_rs::default_provider()
    }
}

/// The versions to serve; 1.2 only with a suite for it.
pub(super) fn versions(min: MinVersion, provider: &CryptoProvider) -> Vec<&'static SupportedProtocolVersion> {
    let has_old = provider.cipher_suites.iter().any(|suite| suite.tls13().is_none());
    match min {
        MinVersion::Tls12 if has_old => vec![&rustls::version::TLS13, &rustls::version::TLS12],
        MinVersion::Tls12 | MinVersion::Tls13 => vec![&rustls::version::TLS13],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
        cipher_suites(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn go_names_are_read_and_weak_ones_left_out() {
        let found = read(&[
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
        ]);
        let expected = [
            suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suites::TLS13_AES_128_GCM_SHA256,
        ];
        assert_eq!(found.unwrap(), expected);
        assert!(
            read(&["TLS_NOTHING"])
                .unwrap_err()
                .to_string()
                .contains("TLS_NOTHING")
        );
    }

    #[test]
    fn aes_128_comes_first_and_1_2_needs_a_suite() {
        let all = provider(None);
        assert_eq!(all.cipher_suites[0], suites::TLS13_AES_128_GCM_SHA256);
        assert_eq!(versions(MinVersion::Tls12, &all).len(), 2);
        assert_eq!(versions(MinVersion::Tls13, &all).len(), 1);
        let none = provider(Some(&[]));
        assert_eq!(versions(MinVersion::Tls12, &none), [&rustls::version::TLS13]);
    }
}
