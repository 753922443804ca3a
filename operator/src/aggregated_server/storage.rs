//! `spec.storage` with what was read about it: where the workload stores what it serves. Pure.

use annex_crds::v1alpha1::{AggregatedServer, EmbeddedStorage, EtcdStorage, Reason};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::finding::Finding;
use crate::pki::parse_bundle;

/// Key of the authority that etcd's certificate is verified with.
pub const ETCD_CA_KEY: &str = "ca.crt";
/// Key of the certificate that etcd asks for.
pub const ETCD_CERTIFICATE_KEY: &str = "tls.crt";
/// Key of that certificate's private key.
pub const ETCD_PRIVATE_KEY_KEY: &str = "tls.key";

/// Where a workload stores what it serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StorageBackend<'a> {
    /// Its arguments say it, or it stores nothing.
    Unmanaged,
    /// On a volume of its own.
    Embedded(&'a EmbeddedStorage),
    /// In an etcd.
    Etcd {
        /// Which one.
        etcd: &'a EtcdStorage,
        /// What its Secret holds.
        files: EtcdFiles,
    },
}

/// The files for TLS that the Secret of an etcd holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EtcdFiles {
    /// The authority that etcd's certificate is verified with.
    pub authority: bool,
    /// The certificate that etcd asks for, and its key.
    pub certificate: bool,
}

impl<'a> StorageBackend<'a> {
    /// Where `server` stores what it serves; `secret` is the one that its etcd storage names, as it was read.
    ///
    /// # Errors
    /// The Secret does not exist, or holds nothing that can be used: the workload stays as it is meanwhile.
    pub fn of(server: &'a AggregatedServer, secret: Option<&Secret>) -> Result<Self, Finding> {
        let Some(storage) = &server.spec.storage else {
            return Ok(Self::Unmanaged);
        };
        if let Some(embedded) = &storage.embedded {
            return Ok(Self::Embedded(embedded));
        }
        let Some(etcd) = &storage.etcd else {
            return Ok(Self::Unmanaged);
        };
        let files = match &etcd.secret_name {
            None => EtcdFiles::default(),
            Some(name) => files(secret).map_err(|why| {
                let message = format!(
                    "Secret {}/{name} of storage.etcd {why}; the workload waits for it",
                    server.spec.namespace
                );
                Finding::new(Reason::StorageUnavailable, message)
            })?,
        };
        Ok(Self::Etcd { etcd, files })
    }

    /// The embedded storage, where it is that.
    #[must_use]
    pub const fn embedded(&self) -> Option<&'a EmbeddedStorage> {
        match self {
            Self::Embedded(embedded) => Some(embedded),
            Self::Unmanaged | Self::Etcd { .. } => None,
        }
    }
}

/// When the client certificate ends that the Secret of an etcd holds, where it holds one that can be read.
#[must_use]
pub fn client_not_after(secret: Option<&Secret>) -> Option<Timestamp> {
    let pem = secret?.data.as_ref()?.get(ETCD_CERTIFICATE_KEY)?;
    // What follows the first are intermediates.
    Some(parse_bundle(&pem.0).ok()?.first()?.not_after)
}

/// What is wrong with the client certificate of an etcd.
#[must_use]
pub fn expired_client(server: &AggregatedServer, secret: Option<&Secret>, now: Timestamp) -> Option<Finding> {
    let ended = client_not_after(secret).filter(|end| *end < now)?;
    let name = server
        .spec
        .storage
        .as_ref()?
        .etcd
        .as_ref()?
        .secret_name
        .as_ref()?;
    let message = format!(
        "the client certificate in Secret {}/{name} of storage.etcd expired at {ended}",
        server.spec.namespace
    );
    Some(Finding::new(Reason::StorageUnavailable, message))
}

fn files(secret: Option<&Secret>) -> Result<EtcdFiles, String> {
    let secret = secret.ok_or("does not exist")?;
    let has = |key: &str| secret.data.as_ref().is_some_and(|data| data.contains_key(key));
    let files = EtcdFiles {
        authority: has(ETCD_CA_KEY),
        certificate: has(ETCD_CERTIFICATE_KEY),
    };
    if files.certificate != has(ETCD_PRIVATE_KEY_KEY) {
        return Err(format!(
            "has only one of {ETCD_CERTIFICATE_KEY} and {ETCD_PRIVATE_KEY_KEY}"
        ));
    }
    if files == EtcdFiles::default() {
        return Err(format!(
            "has neither {ETCD_CA_KEY} nor {ETCD_CERTIFICATE_KEY} and {ETCD_PRIVATE_KEY_KEY}"
        ));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use k8s_openapi::ByteString;

    use super::*;
    use crate::{
        aggregated_server::testing::{embedded_server, etcd_server, server},
        pki::testing as pki,
    };

    fn secret(keys: &[&str]) -> Secret {
        let data = keys
            .iter()
            .map(|key| ((*key).to_owned(), ByteString(vec![1])))
            .collect();
        Secret {
            data: Some(data),
            ..Secret::default()
        }
    }

    #[test]
    fn a_client_certificate_that_has_expired_is_named() {
        let server = etcd_server();
        let leaf = pki::leaf(&pki::authority(&[pki::NAME]));
        let data = [(
            ETCD_CERTIFICATE_KEY.to_owned(),
            ByteString(leaf.cert_pem.into_bytes()),
        )];
        let secret = Secret {
            data: Some(data.into()),
            ..Secret::default()
        };
        let end = leaf.certificate.not_after;
        assert_eq!(client_not_after(Some(&secret)), Some(end));
        assert_eq!(expired_client(&server, Some(&secret), end), None);
        let later = end + SignedDuration::from_secs(1);
        let finding = expired_client(&server, Some(&secret), later).unwrap();
        assert_eq!(finding.reason, Reason::StorageUnavailable);
        assert!(
            finding.message.contains("Secret wardle/etcd-client"),
            "{}",
            finding.message
        );
        assert_eq!(
            client_not_after(Some(&self::secret(&[ETCD_CERTIFICATE_KEY]))),
            None
        );
        assert_eq!(client_not_after(None), None);
    }

    #[test]
    fn storage_is_what_spec_says() {
        assert_eq!(StorageBackend::of(&server(), None), Ok(StorageBackend::Unmanaged));
        let embedded = embedded_server();
        assert!(matches!(
            StorageBackend::of(&embedded, None),
            Ok(StorageBackend::Embedded(_))
        ));
    }

    #[test]
    fn files_are_those_of_the_secret() {
        let server = etcd_server();
        for (keys, authority, certificate) in [
            (&["ca.crt"][..], true, false),
            (&["tls.crt", "tls.key"], false, true),
            (&["ca.crt", "tls.crt", "tls.key", "other"], true, true),
        ] {
            let Ok(StorageBackend::Etcd { files, .. }) = StorageBackend::of(&server, Some(&secret(keys)))
            else {
                panic!("{keys:?} should do");
            };
            assert_eq!(
                files,
                EtcdFiles {
                    authority,
                    certificate
                }
            );
        }
    }

    #[test]
    fn a_secret_that_is_of_no_use_is_named() {
        let server = etcd_server();
        for (secret, words) in [
            (
                None,
                "Secret wardle/etcd-client of storage.etcd does not exist; the workload waits for it",
            ),
            (
                Some(secret(&["tls.crt", "ca.crt"])),
                "only one of tls.crt and tls.key",
            ),
            (Some(secret(&["tls.key"])), "only one of tls.crt and tls.key"),
            (Some(secret(&["password"])), "neither ca.crt nor"),
        ] {
            let finding = StorageBackend::of(&server, secret.as_ref()).unwrap_err();
            assert_eq!(finding.reason, Reason::StorageUnavailable);
            assert!(finding.message.contains(words), "{}", finding.message);
        }
    }

    #[test]
    fn an_etcd_without_a_secret_needs_none() {
        let mut server = etcd_server();
        let storage = server.spec.storage.as_mut().unwrap();
        storage.etcd.as_mut().unwrap().secret_name = None;
        let Ok(StorageBackend::Etcd { files, .. }) = StorageBackend::of(&server, None) else {
            panic!("no Secret is named");
        };
        assert_eq!(files, EtcdFiles::default());
    }
}
