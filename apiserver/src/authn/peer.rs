//! The other end of a connection, and what its certificate proves.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::time::Instant;

use super::client_certificate::{self, subject_name};
use super::trust::{CertificateRejected, Trust, TrustStore};
use crate::request::User;

/// How long a verified chain is believed without another look: a certificate that expires on an open connection is
/// noticed after this time at most.
const BELIEVED: Duration = Duration::from_secs(10);

/// The client's end of one connection. A front proxy sends thousands of requests over one, and its chain is verified
/// once, not for each: make one when the handshake is done, and share it among the connection's requests.
#[derive(Debug, Default)]
pub struct Peer {
    chain: Vec<CertificateDer<'static>>,
    verdict: ArcSwapOption<Verdict>,
    /// Who it is, of this process's own.
    process: Option<User>,
}

/// What a certificate proves to whom.
#[derive(Debug)]
pub(super) struct Verdict {
    generation: u64,
    until: Instant,
    pub(super) front_proxy: Opinion<()>,
    pub(super) client: Opinion<User>,
}

/// What somebody thinks of a certificate.
#[derive(Debug)]
pub(super) enum Opinion<T> {
    /// Nothing.
    None,
    /// It proves this.
    Proved(T),
    /// It is wrong.
    Rejected(CertificateRejected),
}

/// What the certificate of a connection says of everything that will come by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the front proxy's: the requests of all users of a cluster come by it.
    FrontProxy,
    /// It names a user.
    Client,
    /// It proves nothing, or there is none.
    Unknown,
}

impl Peer {
    /// The peer that showed these certificates in the handshake, its own first; they need not be trusted, but it has
    /// proved that it holds the key.
    #[must_use]
    pub fn new(certificates: Option<&[CertificateDer<'static>]>) -> Self {
        Self {
            chain: certificates.map(<[_]>::to_vec).unwrap_or_default(),
            verdict: ArcSwapOption::empty(),
            process: None,
        }
    }

    /// This process itself, which may do everything. Go: the user of `NewLoopbackClientConfig`.
    pub(crate) fn this_process() -> Self {
        Self {
            process: Some(User {
                name: "system:apiserver".into(),
                uid: uuid::Uuid::new_v4().to_string(),
                groups: vec![User::MASTERS.into(), User::AUTHENTICATED.into()],
                ..User::default()
            }),
            ..Self::default()
        }
    }

    /// Who it is where it is no connection's other end, but this process itself.
    pub(super) fn process(&self) -> Option<&User> {
        self.process.as_ref()
    }

    /// What its certificate says of the whole connection.
    pub(super) fn standing(&self, store: &TrustStore) -> Standing {
        let Some(verdict) = self.verdict(store) else {
            return Standing::Unknown;
        };
        match (&verdict.front_proxy, &verdict.client) {
            (Opinion::Proved(()), _) => Standing::FrontProxy,
            (_, Opinion::Proved(_)) => Standing::Client,
            _ => Standing::Unknown,
        }
    }

    /// What its certificate proves now; `None`: it has none.
    pub(super) fn verdict(&self, store: &TrustStore) -> Option<Arc<Verdict>> {
        if self.chain.is_empty() {
            return None;
        }
        let current = store.current();
        let now = Instant::now();
        if let Some(known) = self.verdict.load().as_ref()
            && known.generation == current.generation
            && now < known.until
        {
            return Some(Arc::clone(known));
        }
        let (front_proxy, client) = judge(&self.chain, &current.trust, UnixTime::now());
        let verdict = Arc::new(Verdict {
            generation: current.generation,
            until: now + BELIEVED,
            front_proxy,
            client,
        });
        self.verdict.store(Some(Arc::clone(&verdict)));
        Some(verdict)
    }
}

/// What `chain` proves at `now`: that it is the front proxy's, and whom it names.
pub(super) fn judge(
    chain: &[CertificateDer<'static>],
    trust: &Trust,
    now: UnixTime,
) -> (Opinion<()>, Opinion<User>) {
    let proxy = &trust.front_proxy;
    let front_proxy = match &proxy.authorities {
        None => Opinion::None,
        Some(authorities) => match authorities
            .verify(chain, now)
            .and_then(|()| name_is_allowed(chain, &proxy.allowed_names))
        {
            Ok(()) => Opinion::Proved(()),
            Err(error) => Opinion::Rejected(error),
        },
    };
    let client = match &trust.clients {
        None => Opinion::None,
        Some(authorities) => match authorities
            .verify(chain, now)
            .and_then(|()| client_certificate::user(chain))
        {
            Ok(Some(user)) => Opinion::Proved(user),
            Ok(None) => Opinion::None,
            Err(error) => Opinion::Rejected(error),
        },
    };
    (front_proxy, client)
}

fn name_is_allowed(chain: &[CertificateDer<'static>], allowed: &[String]) -> Result<(), CertificateRejected> {
    if allowed.is_empty() {
        return Ok(());
    }
    let name = subject_name(chain)?;
    if allowed.contains(&name) {
        Ok(())
    } else {
        Err(CertificateRejected::NameNotAllowed(name))
    }
}
