//! Where a client connects to, from where, and as whom.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Error;
use super::connection::{Connection, Reading};

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// A server over TLS, and what a client shows it.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    source: Option<IpAddr>,
    name: ServerName<'static>,
    roots: Arc<RootCertStore>,
    identity: Option<Arc<(String, String)>>,
    headers: HeaderMap,
}

impl Target {
    /// The server at `address`, called `name` in its certificate, which `authority` in PEM vouches for; as nobody.
    ///
    /// # Errors
    /// The name or the authority makes no sense.
    pub fn new(address: SocketAddr, name: &str, authority: &str) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
            roots.add(certificate?)?;
        }
        let name = ServerName::try_from(name.to_owned()).map_err(|_| Error::Name(name.to_owned()))?;
        Ok(Self {
            address,
            source: None,
            name,
            roots: Arc::new(roots),
            identity: None,
            headers: HeaderMap::new(),
        })
    }

    /// The same from this address of the machine.
    #[must_use]
    pub fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// The same with a bearer token.
    ///
    /// # Errors
    /// No header can hold it.
    pub fn with_token(self, token: &str) -> Result<Self, Error> {
        self.with_header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// The same with a header in each request.
    ///
    /// # Errors
    /// No header can hold it.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(value).map_err(http::Error::from)?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// The same with a client certificate, PEM both.
    #[must_use]
    pub fn with_certificate(mut self, certificate: &str, key: &str) -> Self {
        self.identity = Some(Arc::new((certificate.to_owned(), key.to_owned())));
        self
    }

    /// Headers of each request.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A TCP connection and nothing more.
    pub(super) async fn tcp(&self) -> Result<TcpStream, Error> {
        let failed = |source| Error::Connect {
            address: self.address,
            source,
        };
        let connecting = async {
            let socket = if self.address.is_ipv4() {
                TcpSocket::new_v4()
            } else {
                TcpSocket::new_v6()
            }?;
            if let Some(source) = self.source {
                socket.bind(SocketAddr::new(source, 0))?;
            }
            let stream = socket.connect(self.address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(Error::Silence(CONNECT)),
        }
    }

    /// A connection over which TLS is agreed on, for this protocol; empty: none is named, which means HTTP/1.1.
    pub(super) async fn tls(&self, protocol: &[u8]) -> Result<TlsStream<TcpStream>, Error> {
        let tcp = self.tcp().await?;
        let connector = TlsConnector::from(Arc::new(self.config(protocol)?));
        let handshake = connector.connect(self.name.clone(), tcp);
        match tokio::time::timeout(CONNECT, handshake).await {
            Ok(agreed) => agreed.map_err(|source| Error::Connect {
                address: self.address,
                source,
            }),
            Err(_) => Err(Error::Silence(CONNECT)),
        }
    }

    /// An HTTP/2 connection of its own.
    pub(super) async fn connect(&self, reading: Reading) -> Result<Connection, Error> {
        let stream = self.tls(b"h2").await?;
        Connection::open(stream, reading, self).await
    }

    // Made anew for each connection: no session is resumed.
    fn config(&self, protocol: &[u8]) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificate, key) = &**identity;
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
                builder.with_client_auth_cert(vec![certificate], key)?
            }
        };
        if !protocol.is_empty() {
            config.alpn_protocols = vec![protocol.to_vec()];
        }
        Ok(config)
    }
}
