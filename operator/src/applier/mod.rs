//! Server-side apply of children: compares first, attributes drift, writes only what differs.
//!
//! Every kind goes one way: a [`Desired`] object is planned against the live one ([`plan`], pure) and the
//! [`Applier`] carries the plan out. Guarantees:
//!
//! - an object that does not carry the owner's reference, or that of a former owner of its name, is never written
//!   ([`Plan::Foreign`]);
//! - an object that is as it should be costs no write ([`Plan::Unchanged`]), and no request either where that is known
//!   ([`Known`]) of the version that a watch has brought;
//! - what somebody else changed is named before it is repaired ([`Drift`]), and what Annex never applied is
//!   left alone, since server-side apply owns only the fields it was given.
//!
//! **Creation.** An apply makes an object where there is none, and would with `force` quietly merge into a foreign one that has
//! appeared since it was looked for, ownerReference included, which the garbage collector would later delete. So the apply that is to
//! make one carries a `metadata.resourceVersion` that no object has (`NO_VERSION`): a version is compared with that of the object
//! that is there, and refused (409), and means nothing where there is none (k8s.io/apiserver, `Store.Update` in
//! pkg/registry/generic/registry/store.go). No read has to come before it. Objects of a POST, such as earlier versions of Annex made
//! them, have an entry of operation `Update`, whose fields would outlive their removal from the desired object; it is turned into an
//! `Apply` one before they are applied, as client-go's `csaupgrade` does. What has no hash annotation was never applied as a whole.
//!
//! **Fields that are handed over.** Server-side apply removes a field that was applied and is applied no more,
//! and one with a default gets that: a Deployment that is handed to an autoscaler would have one replica at
//! once. So ownership of such a field ([`Desired::leaving`]) is given up before the apply that lacks it: a field
//! that nobody owns keeps its value.
//!
//! **A former owner.** An AggregatedServer that is deleted and made again, as from a backup, has another uid, and
//! its children name the old one until the garbage collector has them, or were restored with it. Such an object
//! is taken up again ([`Because::Adopted`]): the reference to the old uid is replaced, of the very version that was
//! read, and after the AggregatedServer was seen to be there. Labels and annotations that a restorer added stay its own.
//!
//! **Contests.** What others change back again and again is repaired ever more slowly, and told ([`Applier::contested`]); so is what
//! mutating admission makes of an apply, which leaves no field manager.
//!
//! **Updates** carry the live object's uid. The server refuses them for an object of the same name that was
//! made since (422 on `metadata.uid`, or 409 where it is gone). Those of [`Applier::apply_since`] carry its
//! resourceVersion too, and are refused where somebody has written it since (409): force is for conflicts over
//! fields, and would have a late operator overwrite what its successor has published.

mod altered;
mod contest;
mod contested;
mod contests;
mod deletion;
mod desired;
mod dry_run;
mod error;
mod known;
mod managed_fields;
mod owner;
mod plan;
mod preparation;
mod requests;
mod restored;

use std::sync::Arc;

use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::ApiResource;
use serde_json::Value;

pub use contests::Before;
pub use deletion::Deletion;
pub use desired::{Desired, DesiredError, digest};
pub use error::{ApplyError, FieldCause, ObjectName, is_of_an_unknown_owner};
pub use known::Known;
pub use managed_fields::{Drift, Taker};
pub use owner::{HELM_ANNOTATIONS, Owner, Ownership, adopted};
pub use plan::{Because, Plan, plan};

use contest::Dispute;
use contests::Contests;
use requests::metadata_text;

/// The field manager of everything that Annex applies.
pub use annex_crds::MANAGER as FIELD_MANAGER;
/// The annotation that holds the hash of the object as it was applied last.
pub const APPLIED_HASH: &str = "annex.dev/applied-hash";

/// A version that no object has: it is that of the store before anything was written to it.
const NO_VERSION: &str = "1";

/// What an [`Applier::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object did not exist.
    Created,
    /// The object was as it should be; nothing was written.
    Unchanged,
    /// The object was applied, for this reason.
    Updated(Because),
    /// It is not as it should be; others change it again and again, so that its repair waits.
    Waits,
}

/// An object after it was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The object as the server answered it last; `None` where it was known to be as it should be, and not asked for.
    pub live: Option<Value>,
    /// What was done.
    pub outcome: Outcome,
}

impl Applied {
    /// What was known to be as it should be.
    pub(crate) const UNCHANGED: Self = Self {
        live: None,
        outcome: Outcome::Unchanged,
    };

    const WAITS: Self = Self {
        live: None,
        outcome: Outcome::Waits,
    };
}

/// What an apply insists on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// That it is the very object that was read.
    Uid,
    /// And that nobody has written it since.
    ResourceVersion,
}

/// What is known of objects without asking for them. `namespace` is empty of a kind without.
pub trait Cache: Send + Sync {
    /// What is known of an object.
    fn known(&self, resource: &ApiResource, namespace: &str, name: &str) -> Option<Arc<Known>>;
    /// Takes an object as the API server has just answered it, so that the next pass knows what this one wrote.
    fn answered(&self, resource: &ApiResource, live: &Value);
    /// Takes note that the object with this uid was deleted.
    fn deleted(&self, resource: &ApiResource, namespace: &str, name: &str, uid: &str);
}

/// The only writer of children that are a pure function of their owner.
#[derive(Clone)]
pub struct Applier {
    client: Client,
    cache: Arc<dyn Cache>,
    contests: Arc<Contests>,
}

impl Applier {
    /// An applier that acts as `client`'s identity, and asks for nothing that `cache` knows to be as it should be.
    #[must_use]
    pub fn new(client: Client, cache: Arc<dyn Cache>) -> Self {
        Self {
            client,
            cache,
            contests: Arc::default(),
        }
    }

    /// Makes the live object what `desired` says, with as few requests as that takes.
    ///
    /// # Errors
    /// See [`ApplyError`]; [`ApplyError::Raced`] is worth an immediate retry.
    pub async fn apply(&self, desired: &Desired) -> Result<Applied, ApplyError> {
        match self.before(desired, self.known(desired).as_deref()) {
            Before::Unchanged => Ok(Applied::UNCHANGED),
            Before::Waits => Ok(Applied::WAITS),
            Before::Ask => {
                let live = self.get(desired).await?;
                self.carry_out(desired, live, Guard::Uid).await
            }
        }
    }

    /// The same, only while the object still has the resourceVersion that it was read with earlier: for what derives from something
    /// else that was read after it. It is read once more: who reads an object for its meaning may leave out whose its fields are.
    ///
    /// # Errors
    /// See [`ApplyError`]; [`ApplyError::Raced`] where somebody has written the object since it was read.
    pub async fn apply_since(&self, desired: &Desired, read: &str) -> Result<Applied, ApplyError> {
        let live = self.get(desired).await?;
        let version = live
            .as_ref()
            .and_then(|live| metadata_text(live, "resourceVersion"));
        if version.as_deref() != Some(read) {
            return Err(ApplyError::Raced {
                object: desired.name(),
                message: "it has changed since it was read".to_owned(),
            });
        }
        self.carry_out(desired, live, Guard::ResourceVersion).await
    }

    /// The same over what was `known` of the object, `None` where there was none; it is read once more only where it is not as it
    /// should be.
    ///
    /// # Errors
    /// See [`Applier::apply_since`].
    pub async fn apply_over(&self, desired: &Desired, known: Option<&Known>) -> Result<Applied, ApplyError> {
        match (self.before(desired, known), known) {
            (Before::Unchanged, _) => Ok(Applied::UNCHANGED),
            (Before::Waits, _) => Ok(Applied::WAITS),
            (Before::Ask, Some(known)) => self.apply_since(desired, &known.resource_version).await,
            (Before::Ask, None) => self.create(desired).await,
        }
    }

    /// Applies `desired` over what is `known`, and over that very version, without a read. For what is known to be whole as it was
    /// applied before ([`Known::is_as`] of that), and differs from it by what is applied no more, or not yet.
    ///
    /// # Errors
    /// See [`Applier::apply_since`].
    pub async fn apply_next(&self, desired: &Desired, known: &Known) -> Result<Applied, ApplyError> {
        let mut body = desired.hashed();
        body["metadata"]["uid"] = (*known.uid).into();
        body["metadata"]["resourceVersion"] = (*known.resource_version).into();
        let update = async {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            let patch = Patch::Apply(&body);
            let live = self.patch("apply", desired, &params, &patch).await?;
            Ok(Applied {
                live: Some(live),
                outcome: Outcome::Updated(Because::Changed),
            })
        };
        self.write(desired, &[], update).await
    }

    /// Makes the object, where there is none of its name.
    ///
    /// # Errors
    /// See [`ApplyError`]; [`ApplyError::Raced`] where there is one, whoever it belongs to.
    pub async fn create(&self, desired: &Desired) -> Result<Applied, ApplyError> {
        let mut body = desired.hashed();
        body["metadata"]["resourceVersion"] = NO_VERSION.into();
        let creation = async {
            let (params, patch) = (PatchParams::apply(FIELD_MANAGER), Patch::Apply(&body));
            let live = self.patch("create", desired, &params, &patch).await?;
            Ok(Applied {
                live: Some(live),
                outcome: Outcome::Created,
            })
        };
        let deletion = Dispute::removed("");
        let deleted = self.contests.was_written(desired).then_some(deletion);
        self.write(desired, deleted.as_slice(), creation).await
    }

    /// What is to be done about an object of which this is `known`.
    #[must_use]
    pub fn before(&self, desired: &Desired, known: Option<&Known>) -> Before {
        let is_as_wanted = known.is_some_and(|known| known.is_as(desired));
        self.contests.before(desired, is_as_wanted)
    }

    /// What is known of the live object without asking for it.
    #[must_use]
    pub fn known(&self, desired: &Desired) -> Option<Arc<Known>> {
        let object = desired.name();
        let namespace = object.namespace.as_deref().unwrap_or_default();
        self.cache.known(desired.resource(), namespace, &object.name)
    }

    async fn carry_out(
        &self,
        desired: &Desired,
        live: Option<Value>,
        guard: Guard,
    ) -> Result<Applied, ApplyError> {
        match (plan(desired, live.as_ref()), live) {
            (Plan::Create, _) | (_, None) => self.create(desired).await,
            (Plan::Foreign { owner }, Some(_)) => Err(ApplyError::Foreign {
                object: desired.name(),
                owner,
            }),
            (Plan::Terminating, Some(_)) => Err(ApplyError::Terminating {
                object: desired.name(),
            }),
            (Plan::Unchanged, Some(live)) => {
                self.contests.found_as_wanted(desired);
                Ok(Applied {
                    live: Some(live),
                    outcome: Outcome::Unchanged,
                })
            }
            (Plan::Apply(because), Some(live)) => {
                let disputes = self.disputes(desired, &live, &because);
                let update = async {
                    if because == Because::Adopted {
                        self.confirm(desired.owner()).await?;
                    }
                    match self.update(desired, &live, guard).await {
                        Ok(live) => Ok(Applied {
                            live: Some(live),
                            outcome: Outcome::Updated(because),
                        }),
                        Err(error) => Err(error.with_drift(&because)),
                    }
                };
                self.write(desired, &disputes, update).await
            }
        }
    }

    /// Writes, unless what is made good by it is contested and has to wait.
    async fn write(
        &self,
        desired: &Desired,
        disputes: &[Dispute],
        write: impl Future<Output = Result<Applied, ApplyError>>,
    ) -> Result<Applied, ApplyError> {
        if !self.contests.may_repair(desired, None, disputes) {
            return Ok(Applied::WAITS);
        }
        let applied = write.await?;
        let altered = match &applied.live {
            Some(live) => altered::altered(&desired.hashed(), live),
            None => Vec::new(),
        };
        self.contests.written(desired, None, disputes, Some(&altered));
        Ok(applied)
    }
}

#[cfg(test)]
mod tests;
