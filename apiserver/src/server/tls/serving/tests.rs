//! Handshakes on loopback.

use std::path::Path;
use std::sync::Mutex;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::super::options::{MinVersion, PairFiles, SniPair};
use super::super::{SelfSigned, self_signed};
use super::*;
use crate::authn::testing::{Authority, Client};

type Hints = Arc<[DistinguishedName]>;

fn hints(subjects: &[&[u8]]) -> Hints {
    subjects
        .iter()
        .map(|subject| DistinguishedName::in_sequence(subject))
        .collect()
}

/// A client that trusts any server, and notes what the server asks for.
#[derive(Debug)]
struct Curious {
    certificate: Option<Arc<CertifiedKey>>,
    told: Mutex<Vec<Vec<u8>>>,
}

impl ResolvesClientCert for Curious {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.told.lock().unwrap() = hints.iter().map(|hint| hint.to_vec()).collect();
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// What both sides know after a handshake.
struct Shaken {
    shown: Vec<CertificateDer<'static>>,
    peer: Option<Vec<CertificateDer<'static>>>,
    told: Vec<Vec<u8>>,
    alpn: Option<Vec<u8>>,
    suite: rustls::SupportedCipherSuite,
}

struct Caller {
    certificate: Option<Arc<CertifiedKey>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    name: &'static str,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            certificate: None,
            versions: rustls::DEFAULT_VERSIONS.to_vec(),
            name: "localhost",
        }
    }
}

fn identity(client: &Client, key_of: &Client) -> Option<Arc<CertifiedKey>> {
    let key = PrivatePkcs8KeyDer::from(key_of.key.serialize_der()).into();
    let key = aws_lc_rs::default_provider()
        .key_provider
        .load_private_key(key)
        .unwrap();
    Some(Arc::new(CertifiedKey::new(client.chain.clone(), key)))
}

async fn shake(tls: &Tls, caller: Caller) -> std::io::Result<Shaken> {
    let curious = Arc::new(Curious {
        certificate: caller.certificate,
        told: Mutex::default(),
    });
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&caller.versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_client_cert_resolver(Arc::clone(&curious) as Arc<dyn ResolvesClientCert>);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (here, there) = tokio::io::duplex(1 << 16);
    let acceptor = tls.acceptor();
    let server = tokio::spawn(async move {
        let mut stream = acceptor.accept(there).await?;
        // A client of TLS 1.3 learns only by reading that its certificate was taken.
        stream.write_all(b"x").await?;
        stream.shutdown().await?;
        Ok::<_, std::io::Error>(stream.get_ref().1.peer_certificates().map(<[_]>::to_vec))
    });
    let name = ServerName::try_from(caller.name).unwrap();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, here).await;
    let mut stream = connected?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    let peer = server.await.unwrap()?;
    let connection = stream.get_ref().1;
    let told = curious.told.lock().unwrap().clone();
    Ok(Shaken {
        shown: connection.peer_certificates().unwrap().to_vec(),
        peer,
        told,
        alpn: connection.alpn_protocol().map(<[_]>::to_vec),
        suite: connection.negotiated_cipher_suite().unwrap(),
    })
}

fn in_memory() -> Options {
    Options {
        directory: None,
        ..Options::default()
    }
}

async fn start(options: Options) -> Tls {
    let (_, receiver) = watch::channel(hints(&[]));
    Tls::start(options, receiver).await.unwrap()
}

fn made() -> SelfSigned {
    self_signed(&["localhost".to_owned()], &[]).unwrap()
}

fn write(directory: &Path, pair: &SelfSigned) -> PairFiles {
    let files = PairFiles {
        certificates: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    };
    std::fs::write(&files.certificates, &pair.certificate_pem).unwrap();
    std::fs::write(&files.key, &pair.key_pem).unwrap();
    files
}

fn leaf_of(pair: &SelfSigned) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap()
}

async fn shown(tls: &Tls) -> CertificateDer<'static> {
    shake(tls, Caller::default()).await.unwrap().shown[0].clone()
}

/// Waits for a new leaf; how long the files take to be read again is nobody's business here.
async fn next_leaf(changes: &mut watch::Receiver<u64>) {
    let changed = tokio::time::timeout(Duration::from_secs(60), changes.changed()).await;
    changed.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_needs_no_certificate_and_gets_h2_with_aes_128() {
    let tls = start(in_memory()).await;
    let shaken = shake(&tls, Caller::default()).await.unwrap();
    assert_eq!(shaken.peer, None);
    assert_eq!(shaken.alpn.as_deref(), Some(&b"h2"[..]));
    assert_eq!(format!("{:?}", shaken.suite.suite()), "TLS13_AES_128_GCM_SHA256");
    let old = Caller {
        versions: vec![&rustls::version::TLS12],
        ..Caller::default()
    };
    let suite = shake(&tls, old).await.unwrap().suite.suite();
    assert_eq!(format!("{suite:?}"), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

#[tokio::test]
async fn a_strange_certificate_passes_the_handshake_but_not_without_its_key() {
    let tls = start(in_memory()).await;
    let (one, other) = (
        Authority::new("nobody").client("me"),
        Authority::new("x").client("you"),
    );
    for versions in [vec![&rustls::version::TLS13], vec![&rustls::version::TLS12]] {
        let caller = Caller {
            certificate: identity(&one, &one),
            versions: versions.clone(),
            ..Caller::default()
        };
        assert_eq!(shake(&tls, caller).await.unwrap().peer.as_ref(), Some(&one.chain));
        let stolen = Caller {
            certificate: identity(&one, &other),
            versions,
            ..Caller::default()
        };
        assert!(
            shake(&tls, stolen).await.is_err(),
            "a certificate is public, its key is not"
        );
    }
}

#[tokio::test]
async fn clients_are_told_of_the_authorities_as_they_change() {
    let (sender, receiver) = watch::channel(hints(&[b"one"]));
    let tls = Tls::start(in_memory(), receiver).await.unwrap();
    let told = |subjects: &[&[u8]]| {
        hints(subjects)
            .iter()
            .map(|hint| hint.as_ref().to_vec())
            .collect::<Vec<_>>()
    };
    let shaken = shake(&tls, Caller::default()).await.unwrap();
    assert_eq!(shaken.told, told(&[b"one"]));
    let leaf = shaken.shown;
    sender.send(hints(&[b"one", b"two"])).unwrap();
    let expected = told(&[b"one", b"two"]);
    for _ in 0..3_000 {
        let shaken = shake(&tls, Caller::default()).await.unwrap();
        if shaken.told == expected {
            assert_eq!(shaken.shown, leaf);
            assert_eq!(*tls.leaf_changes().borrow(), 0, "connections need not end for it");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the hints did not change");
}

#[tokio::test]
async fn new_files_are_served_and_broken_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second, third) = (made(), made(), made());
    let files = write(directory.path(), &first);
    let tls = start(Options {
        certificate: Some(files.clone()),
        ..Options::default()
    })
    .await;
    let mut changes = tls.leaf_changes();
    assert_eq!(shown(&tls).await, leaf_of(&first));
    assert_eq!(tls.authority_pem(), None);

    write(directory.path(), &second);
    next_leaf(&mut changes).await;
    assert_eq!(shown(&tls).await, leaf_of(&second));

    // A new certificate with the old key, then one that is none, then no file: the second goes on.
    std::fs::write(&files.certificates, &third.certificate_pem).unwrap();
    tokio::time::sleep(2 * POLL).await;
    assert_eq!(shown(&tls).await, leaf_of(&second));
    std::fs::remove_file(&files.certificates).unwrap();
    std::fs::write(&files.key, "nothing").unwrap();
    tokio::time::sleep(2 * POLL).await;
    assert_eq!(shown(&tls).await, leaf_of(&second));

    write(directory.path(), &third);
    next_leaf(&mut changes).await;
    assert_eq!(shown(&tls).await, leaf_of(&third));
}

#[tokio::test]
async fn a_volume_that_swaps_its_directory_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (first, second) = (made(), made());
    for (name, pair) in [("..1", &first), ("..2", &second)] {
        std::fs::create_dir(root.join(name)).unwrap();
        write(&root.join(name), pair);
    }
    std::os::unix::fs::symlink("..1", root.join("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        std::os::unix::fs::symlink(Path::new("..data").join(name), root.join(name)).unwrap();
    }
    let tls = start(Options {
        certificate: Some(PairFiles {
            certificates: root.join("tls.crt"),
            key: root.join("tls.key"),
        }),
        ..Options::default()
    })
    .await;
    let mut changes = tls.leaf_changes();
    assert_eq!(shown(&tls).await, leaf_of(&first));
    std::os::unix::fs::symlink("..2", root.join("..tmp")).unwrap();
    std::fs::rename(root.join("..tmp"), root.join("..data")).unwrap();
    next_leaf(&mut changes).await;
    assert_eq!(shown(&tls).await, leaf_of(&second));
}

#[tokio::test]
async fn a_pair_that_does_not_belong_together_keeps_it_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let mixed = SelfSigned {
        key_pem: made().key_pem,
        ..made()
    };
    let (_, receiver) = watch::channel(hints(&[]));
    let options = Options {
        certificate: Some(write(directory.path(), &mixed)),
        ..Options::default()
    };
    let error = Tls::start(options, receiver).await.unwrap_err();
    assert!(
        matches!(error, TlsError::Pair(PairError::Mismatch(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_self_signed_pair_is_kept_in_its_directory() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("certificates");
    let options = || Options {
        directory: Some(directory.clone()),
        ..Options::default()
    };
    let first = shown(&start(options()).await).await;
    assert_eq!(shown(&start(options()).await).await, first, "made once");
    let key = directory.join("apiserver.key");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_file(key).unwrap();
    let (_, receiver) = watch::channel(hints(&[]));
    let error = Tls::start(options(), receiver).await.unwrap_err();
    assert!(error.to_string().contains("apiserver.key"), "{error}");
}

#[tokio::test]
async fn a_pair_in_memory_is_vouched_for_by_its_authority() {
    use rustls::pki_types::pem::PemObject as _;

    let tls = start(in_memory()).await;
    let authority = CertificateDer::from_pem_slice(tls.authority_pem().unwrap().as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for name in ["localhost", "127.0.0.1"] {
        let (here, there) = tokio::io::duplex(1 << 16);
        let acceptor = tls.acceptor();
        let server = tokio::spawn(async move { acceptor.accept(there).await.map(drop) });
        let name = ServerName::try_from(name).unwrap();
        let connector = TlsConnector::from(Arc::new(config.clone()));
        let _open = connector.connect(name, here).await.unwrap();
        server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_name_has_its_own_certificate_and_the_oldest_version_is_a_choice() {
    let directory = tempfile::tempdir().unwrap();
    let other = self_signed(&["other.example.com".to_owned()], &[]).unwrap();
    let tls = start(Options {
        sni: vec![SniPair {
            files: write(directory.path(), &other),
            names: Vec::new(),
        }],
        min_version: MinVersion::Tls13,
        ..in_memory()
    })
    .await;
    let caller = |name| Caller {
        name,
        ..Caller::default()
    };
    let shown = shake(&tls, caller("other.example.com")).await.unwrap().shown;
    assert_eq!(shown[0], leaf_of(&other));
    assert_ne!(
        shake(&tls, caller("localhost")).await.unwrap().shown[0],
        leaf_of(&other)
    );
    let old = Caller {
        versions: vec![&rustls::version::TLS12],
        ..Caller::default()
    };
    assert!(shake(&tls, old).await.is_err());
}
