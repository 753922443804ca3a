//! The writes to the two Secrets that [`writes`] decides about.

use annex_crds::{PAUSED_ANNOTATION, v1alpha1::Reason};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _, api::PostParams};
use tokio::time::Instant;

use super::{
    Authority, AuthorityFault, AuthorityWrite, CertificateState, IssueCause, Issued, LeafFault, Policy,
    Remembered, Replacement, Serving, ServingWrite, Waits, authority, control_plane, published, secrets,
    writes::{self, Stored},
};
use crate::aggregated_server::{
    context::{Context, Memory},
    dereference::{Source, Surroundings},
    finding::Finding,
    informers::store::Children as _,
    names::Names,
    pass_result::{EventRecord, PassResult},
};
use crate::{
    applier::{ApplyError, Ownership, is_of_an_unknown_owner},
    metrics::Rotation,
    pki::{Certificate, IssueError, TrustFault, issue_leaf, verify_chain},
};

/// Certificates could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// A Secret of that name is somebody else's.
    #[error("Secret {namespace}/{name} exists and belongs to somebody else; remove it, or name another one")]
    Foreign {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Nothing was issued.
    #[error("failed to issue a certificate")]
    Issue(#[from] IssueError),
    /// What was issued would be of no use, and was thrown away.
    #[error("the certificate that was issued would not be trusted")]
    Untrusted(#[source] TrustFault),
    /// There is no authority, and none may be made now.
    #[error("{}", .0.message)]
    HeldBack(Finding),
    /// What is to be done depends on what is there now, and what watches have brought may be late.
    #[error("what watches have brought is not enough")]
    NotLive,
    /// It is not certain that the AggregatedServer is there still.
    #[error("failed to read the AggregatedServer")]
    Owner(#[source] Box<ApplyError>),
    /// A Secret could not be written.
    #[error("failed to write Secret {namespace}/{name}")]
    Write {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The cause.
        source: kube::Error,
    },
}

impl CertificatesError {
    /// Somebody wrote at the same time, or the API server does not know the kind of the owner yet: the next pass sees what.
    #[must_use]
    pub fn is_race(&self) -> bool {
        match self {
            Self::Write {
                source: kube::Error::Api(status),
                ..
            } => {
                // 404: what was read is gone, by the garbage collector for example.
                matches!(status.code, 404 | 409) || is_of_an_unknown_owner(status)
            }
            Self::Owner(error) => matches!(**error, ApplyError::Raced { .. }),
            _ => false,
        }
    }

    /// What it is called in status.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Foreign { .. } => Reason::Conflict,
            Self::HeldBack(finding) => finding.reason,
            Self::Issue(_) | Self::Untrusted(_) | Self::NotLive | Self::Owner(_) | Self::Write { .. } => {
                Reason::ApplyFailed
            }
        }
    }
}

/// Keeps the certificates of one server in this pass.
pub struct SecretsApplier<'a> {
    /// Shared.
    pub ctx: &'a Context,
    /// Of the server.
    pub names: &'a Names,
    /// What it asks for.
    pub policy: &'a Policy,
    /// What is there.
    pub surroundings: &'a Surroundings,
    /// Now.
    pub now: Timestamp,
    /// Nothing is to be written.
    pub paused: bool,
}

impl SecretsApplier<'_> {
    /// Issues what is due, publishes the bundle beside the leaf, and says where that leaves the certificates.
    ///
    /// # Errors
    /// See [`CertificatesError`]. Whatever was written before is found again by the next pass.
    pub async fn keep(
        &self,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Result<CertificateState, CertificatesError> {
        if let Some(authority) = &self.surroundings.authority {
            let keys = self.unchanged(authority).ok_or(CertificatesError::NotLive)?;
            self.ctx.fleet.not_due(&self.names.uid);
            return Ok(keys);
        }
        let live = self
            .owned(self.surroundings.authority_secret.as_ref(), outcome)
            .await?;
        let (authority, authority_secret) = self.authority(live.as_ref(), memory, outcome).await?;
        if !authority.previous.is_empty() {
            self.require_live()?;
        }
        let bundle = authority.bundle();
        let live = self
            .owned(self.surroundings.serving_secret.as_ref(), outcome)
            .await?;
        let live = live.as_ref();
        let serving = Serving::read(live, &authority, &bundle, self.policy, self.now);
        if let Err(fault @ LeafFault::Unusable(_)) = &serving.read {
            let message = format!(
                "Secret {}/{}: {fault}",
                self.names.namespace, self.names.serving_secret
            );
            outcome.find(Reason::ServingSecretInvalid, message);
        }
        let waits = self.waits(&serving, &bundle, memory, outcome).await;
        let write = serving.write(live, &bundle, waits.any());
        let written = match &write {
            ServingWrite::Issue(cause) => Some(self.issue(live, &authority, &bundle, *cause, outcome).await?),
            ServingWrite::Republish(secret) if !self.paused => Some(self.write(secret).await?),
            ServingWrite::Republish(_) | ServingWrite::None => None,
        };
        if matches!(write, ServingWrite::Issue(_)) {
            memory.leaves_issued.note(Instant::now());
            self.remember_issued(memory);
        }
        Ok(CertificateState::new(
            (authority, authority_secret),
            (&serving, &write),
            written.as_ref().or(live),
            waits,
            self.policy,
            self.now,
        ))
    }

    /// The certificates beside the authority that a watch has brought, where nothing is to be done about them.
    fn unchanged(&self, authority: &Authority) -> Option<CertificateState> {
        let published = published::authorities(&self.surroundings.own_api_services(self.names));
        let (policy, now) = (self.policy, self.now);
        let read = || {
            let secret = self.surroundings.serving_secret.as_ref();
            let secret = secret.filter(|secret| self.names.ownership(*secret) == Ownership::Ours)?;
            let bundle = authority.clone().with_published(&published, policy).bundle();
            Remembered::read(secret, &bundle, policy, now, Instant::now())
        };
        match &self.surroundings.serving {
            Some(remembered) => remembered.keys(authority, &published, policy, now),
            None => read()?.keys(authority, &published, policy, now),
        }
    }

    /// What a leaf that is due, or will be, has to wait for.
    async fn waits(
        &self,
        serving: &Serving,
        bundle: &[Certificate],
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Waits {
        let mut waits = Waits::default();
        // Where nothing that is served is trusted, nobody loses by a leaf that is known to some of the control planes only, and one
        // of them that does not answer must not keep all others without.
        let lost = matches!(serving.read, Err(LeafFault::Expired)) && memory.trusted == Some(false);
        if serving.widens && !lost {
            let api_services = self.surroundings.own_api_services(self.names);
            let (client, clients) = (&self.ctx.client, &self.ctx.control_planes);
            waits.widening = control_plane::widening(client, clients, memory, bundle, &api_services).await;
        }
        if serving.cause.is_some()
            && waits.widening.is_none()
            && let Some(finding) = self.hold_leaf_back(memory).await
        {
            waits.held_back = Some(finding.message.clone());
            outcome.findings.push(finding);
        }
        waits
    }

    /// Why no leaf may be issued now.
    async fn hold_leaf_back(&self, memory: &mut Memory) -> Option<Finding> {
        let secret = (&self.names.namespace, &self.names.serving_secret);
        self.hold_back(
            Reason::ServingSecretInvalid,
            secret,
            Some(&mut memory.leaves_issued),
        )
        .await
    }

    /// Why no authority may be made now.
    async fn hold_authority_back(&self, of_no_use: bool, memory: &mut Memory) -> Option<Finding> {
        let secret = (&self.names.operator_namespace, &self.names.ca_secret());
        // One that follows another comes as often as people ask for it.
        let issued = of_no_use.then_some(&mut memory.authorities_issued);
        self.hold_back(Reason::CaSecretInvalid, secret, issued).await
    }

    /// Why nothing may be issued into this Secret now; `issued` where that has a rate.
    async fn hold_back(
        &self,
        reason: Reason,
        secret: (&String, &String),
        issued: Option<&mut Issued>,
    ) -> Option<Finding> {
        if self.paused {
            return Some(paused());
        }
        match issued.and_then(|issued| self.too_often(reason, secret, issued)) {
            Some(finding) => Some(finding),
            None => self.clocks_differ().await,
        }
    }

    async fn clocks_differ(&self) -> Option<Finding> {
        let why = self.ctx.clocks_differ().await?;
        let message = format!("{why}; no certificate is issued until they agree");
        Some(Finding::new(Reason::ClockSkewed, message))
    }

    fn too_often(
        &self,
        reason: Reason,
        (namespace, name): (&String, &String),
        issued: &mut Issued,
    ) -> Option<Finding> {
        let at = issued.pause(Instant::now(), self.now)?;
        let message = format!(
            "Secret {namespace}/{name} was issued anew {} times within an hour, for what is spoilt, removed or asked for again and again; the next time is {at}",
            issued.count()
        );
        Some(Finding::new(reason, message))
    }

    /// At once, since a pass may be cut off before its end.
    fn remember_issued(&self, memory: &Memory) {
        self.ctx.change_memory(&self.names.uid, |kept| {
            kept.authorities_issued = memory.authorities_issued.clone();
            kept.leaves_issued = memory.leaves_issued.clone();
        });
    }

    /// Drops the authorities that the current one follows: from the Secret first, where they stand there, so that what is
    /// published narrows only after that.
    ///
    /// # Errors
    /// See [`CertificatesError`].
    pub async fn narrow(
        &self,
        keys: &CertificateState,
        outcome: &mut PassResult,
    ) -> Result<(), CertificatesError> {
        // Where the Secret holds none it is what is published that narrows, in this pass or a later one: told once, by the Secret.
        if let Some(narrowed) = keys.narrowed_secret(self.names) {
            self.write(&narrowed).await?;
            outcome.event_records.push(EventRecord::normal(
                "RotationCompleted",
                "Narrow",
                "every endpoint serves a certificate of the new authority; the old one is no longer trusted",
            ));
        }
        outcome.hurry = true;
        Ok(())
    }

    async fn authority(
        &self,
        live: Option<&Secret>,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Result<Stored, CertificatesError> {
        let published = published::authorities(&self.surroundings.own_api_services(self.names));
        let (replacement, there) = match writes::of_authority(live, &published, self.policy, self.now) {
            AuthorityWrite::None(stored) => {
                self.ctx.fleet.not_due(&self.names.uid);
                return Ok(*stored);
            }
            AuthorityWrite::Replace { replacement, there } => (replacement, there),
        };
        if let Ok(stored) = &there
            && replacement.why == authority::NEARS_END
            && !self.paused
            && !stored.0.is_urgent(self.policy, self.now)
            && let Err(wait) = self.ctx.begin_rotation(&self.names.uid)
        {
            tracing::debug!(server = self.names.server, %wait, "the authority's rotation waits");
            return Ok(stored.as_ref().clone());
        }
        match (self.hold_authority_back(there.is_err(), memory).await, there) {
            // What is there serves on.
            (Some(finding), Ok(stored)) => {
                outcome.findings.push(finding);
                Ok(*stored)
            }
            (Some(finding), Err(_)) => Err(CertificatesError::HeldBack(finding)),
            (None, there) => {
                let was_of_no_use = there.is_err();
                let made = self.replace(replacement, there.err(), live, outcome).await?;
                // What was refused is not there, and is tried again at once.
                if was_of_no_use {
                    memory.authorities_issued.note(Instant::now());
                    self.remember_issued(memory);
                }
                Ok(made)
            }
        }
    }

    async fn replace(
        &self,
        replacement: Replacement,
        fault: Option<AuthorityFault>,
        live: Option<&Secret>,
        outcome: &mut PassResult,
    ) -> Result<Stored, CertificatesError> {
        let why = replacement.why;
        let authority = Authority::issue(self.policy, replacement, self.now)?;
        let written = self
            .write(&secrets::authority_secret(live, &authority, self.names))
            .await?;
        let name = authority
            .current
            .certificate()
            .subject_cn
            .clone()
            .unwrap_or_default();
        let note = format!("certificate authority {name} was made: {why}");
        let event_record = match fault {
            Some(AuthorityFault::Unusable(fault)) => Some(EventRecord::warning(
                Reason::CaSecretInvalid.as_str(),
                "IssueAuthority",
                format!("{note}: {fault}"),
            )),
            // The Event of its first certificate names it.
            _ if why == authority::FIRST => None,
            _ => Some(EventRecord::normal("AuthorityIssued", "IssueAuthority", note)),
        };
        outcome.event_records.extend(event_record);
        outcome.hurry = true;
        Ok((authority, written))
    }

    async fn issue(
        &self,
        live: Option<&Secret>,
        authority: &Authority,
        bundle: &[Certificate],
        cause: IssueCause,
        outcome: &mut PassResult,
    ) -> Result<Secret, CertificatesError> {
        let leaf = issue_leaf(
            &authority.current,
            authority.leaf_names(self.policy),
            self.now,
            self.policy.duration,
        )?;
        // What no client would take is not given to a server, and not written again in each pass.
        verify_chain(
            std::slice::from_ref(&leaf.certificate.der),
            std::slice::from_ref(authority.current.certificate()),
            &self.policy.server_name,
            self.now,
        )
        .map_err(CertificatesError::Untrusted)?;
        let secret = secrets::serving_secret(live, &leaf, cause, bundle, self.policy, self.names, self.now);
        let written = self.write(&secret).await?;
        let note = format!(
            "serving certificate issued by {}, valid until {}",
            authority
                .current
                .certificate()
                .subject_cn
                .as_deref()
                .unwrap_or("its authority"),
            leaf.certificate.not_after
        );
        outcome.event_records.push(match cause {
            IssueCause::SecretInvalid => {
                let why = format!("Secret {} was not usable; {note}", self.names.serving_secret);
                EventRecord::warning(Reason::ServingSecretInvalid.as_str(), "IssueCertificate", why)
            }
            _ => EventRecord::normal(
                "CertificateIssued",
                "IssueCertificate",
                format!("{note} ({})", cause.as_str()),
            ),
        });
        if live.is_some() {
            let kind = if cause == IssueCause::NewAuthority {
                Rotation::Ca
            } else {
                Rotation::Leaf
            };
            self.ctx.metrics.count_rotation(&self.names.server, kind);
        }
        outcome.hurry = true;
        Ok(written)
    }

    /// The Secret `live` as this server's. One of an earlier server of this name, such as from a backup, is taken up before the
    /// garbage collector has it; the precondition of the write keeps it from being another server's by then.
    async fn owned(
        &self,
        live: Option<&Secret>,
        outcome: &mut PassResult,
    ) -> Result<Option<Secret>, CertificatesError> {
        let Some(live) = live else { return Ok(None) };
        let (namespace, name) = (live.namespace().unwrap_or_default(), live.name_any());
        match self.names.ownership(live) {
            Ownership::Ours => Ok(Some(live.clone())),
            Ownership::Foreign => Err(CertificatesError::Foreign { namespace, name }),
            Ownership::Former if self.paused => Ok(Some(live.clone())),
            Ownership::Former => {
                let confirmed = self.ctx.applier.confirm(&self.names.owner_reference()).await;
                confirmed.map_err(|error| CertificatesError::Owner(Box::new(error)))?;
                let adopted = match self.write(&secrets::adopted(live, self.names)).await {
                    // To change who owns an object takes the right to delete it (OwnerReferencesPermissionEnforcement), which
                    // the operator does not have on Secrets. It serves until it is collected.
                    Err(CertificatesError::Write {
                        source: kube::Error::Api(status),
                        ..
                    }) if status.code == 403 => {
                        return Ok(Some(live.clone()));
                    }
                    adopted => adopted?,
                };
                let note = format!(
                    "Secret {namespace}/{name} of an earlier AggregatedServer of this name was taken up again"
                );
                outcome
                    .event_records
                    .push(EventRecord::normal("Adopted", "Apply", note));
                Ok(Some(adopted))
            }
        }
    }

    /// Every step of a rotation follows from what is there now.
    fn require_live(&self) -> Result<(), CertificatesError> {
        match self.surroundings.source {
            Source::Live => Ok(()),
            Source::Stored | Source::New => Err(CertificatesError::NotLive),
        }
    }

    /// Creates the Secret, or replaces the very one that was read.
    async fn write(&self, secret: &Secret) -> Result<Secret, CertificatesError> {
        // What is not there can be made without a look: it is refused where it is.
        let is_made_unseen = self.surroundings.source == Source::New && secret.resource_version().is_none();
        if !is_made_unseen {
            self.require_live()?;
        }
        let namespace = secret.namespace().unwrap_or_default();
        let name = secret.name_any();
        let api: Api<Secret> = Api::namespaced(self.ctx.client.clone(), &namespace);
        let params = PostParams {
            field_manager: Some(annex_crds::MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = match secret.resource_version() {
            Some(_) => api.replace(&name, &params, secret).await,
            None => api.create(&params, secret).await,
        };
        self.ctx.metrics.count_apply_write("Secret");
        if is_made_unseen && matches!(&written, Err(kube::Error::Api(status)) if status.code == 409) {
            return Err(CertificatesError::NotLive);
        }
        let written = written.map_err(|source| CertificatesError::Write {
            namespace,
            name,
            source,
        })?;
        self.tell(&written);
        Ok(written)
    }

    /// What was written of the authority is known to the next pass, as a child is.
    fn tell(&self, written: &Secret) {
        if written.namespace().as_ref() == Some(&self.names.operator_namespace)
            && written.name_any() == self.names.ca_secret()
            && let Ok(secret) = serde_json::to_value(written)
        {
            self.ctx.informers.authorities.answered(&secret);
        }
    }
}

/// What keeps everything as it is while somebody wants it so.
#[must_use]
pub fn paused() -> Finding {
    let message =
        format!("annotation {PAUSED_ANNOTATION} is set: nothing that belongs to this server is written");
    Finding::new(Reason::Paused, message)
}

/// How long a repair is told at least. Who asks once in a while, or follows a watch, must be able to see it.
const TOLD: SignedDuration = SignedDuration::from_secs(10);

/// Whether what was issued at `issued` is so new that its cause is still told.
fn recent(issued: Option<Timestamp>, now: Timestamp) -> bool {
    issued.is_some_and(|issued| (SignedDuration::ZERO..TOLD).contains(&now.duration_since(issued)))
}

/// Findings about the certificates themselves.
#[must_use]
pub fn findings(keys: &CertificateState, not_serving: &[String], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(leaf) = &keys.leaf else {
        return vec![Finding::new(
            Reason::NotIssued,
            "there is no serving certificate yet",
        )];
    };
    // What the Secret lost is cured only once it is served again.
    let unserved = !not_serving.is_empty();
    if leaf.cause == Some(IssueCause::SecretInvalid) && (unserved || recent(leaf.issued_at, now)) {
        let mut message = "the serving Secret was not usable and was issued anew".to_owned();
        if unserved {
            message.push_str("; not yet served by: ");
            message.push_str(&not_serving.join("; "));
        }
        findings.push(Finding::new(Reason::ServingSecretInvalid, message));
    }
    if keys.authority.issued_because.as_deref() == Some(authority::LOST)
        && (keys.is_replacing() || recent(keys.authority.issued_at, now))
    {
        findings.push(Finding::new(
            Reason::CaSecretInvalid,
            "the authority's Secret was missing or unusable; a new authority is being brought in",
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
