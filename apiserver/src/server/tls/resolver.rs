//! Which certificate a client gets to see.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The default, and others for certain names.
#[derive(Debug)]
pub(super) struct ByName {
    default: Arc<CertifiedKey>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// `others` come with their names; without any, those in the certificate count. Of two for a name the first wins.
    pub(super) fn new(default: Arc<CertifiedKey>, others: Vec<(Vec<String>, Arc<CertifiedKey>)>) -> Self {
        let mut named = HashMap::new();
        for (names, pair) in others {
            let names = if names.is_empty() { names_in(&pair) } else { names };
            for name in names {
                named
                    .entry(name.to_ascii_lowercase())
                    .or_insert_with(|| Arc::clone(&pair));
            }
        }
        Self { default, named }
    }

    fn for_name(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let found = name.filter(|_| !self.named.is_empty()).and_then(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let wild = || {
                let (_, parent) = name.split_once('.')?;
                self.named.get(&format!("*.{parent}"))
            };
            self.named.get(&name).or_else(wild)
        });
        Arc::clone(found.unwrap_or(&self.default))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.for_name(hello.server_name()))
    }
}

fn names_in(pair: &CertifiedKey) -> Vec<String> {
    let Some((_, leaf)) = pair
        .cert
        .first()
        .and_then(|leaf| X509Certificate::from_der(leaf).ok())
    else {
        return Vec::new();
    };
    let alternative = leaf.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|names| &names.value.general_names);
    let dns = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let common = leaf
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    dns.chain(common.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::server::tls::pair::pair;
    use crate::server::tls::self_signed;

    fn made(name: &str) -> Arc<CertifiedKey> {
        let made = self_signed(&[name.to_owned()], &[]).unwrap();
        pair(
            made.certificate_pem.as_bytes(),
            made.key_pem.as_bytes(),
            &aws_lc_rs::default_provider(),
        )
        .unwrap()
    }

    #[test]
    fn each_name_has_its_certificate_and_the_rest_the_default() {
        let (default, one, wild) = (made("default"), made("in.the.certificate"), made("wild"));
        let resolver = ByName::new(
            Arc::clone(&default),
            vec![
                (Vec::new(), Arc::clone(&one)),
                (vec!["*.Example.com".into()], Arc::clone(&wild)),
            ],
        );
        let is = |name, pair| Arc::ptr_eq(&resolver.for_name(name), pair);
        assert!(is(Some("IN.the.certificate"), &one));
        assert!(is(Some("a.example.com"), &wild));
        for other in [Some("a.b.example.com"), Some("example.com"), Some("com"), None] {
            assert!(is(other, &default), "{other:?}");
        }
    }
}
