//! A state of the model: small, so that a million of them can be told apart. Certificates are numbers of the pool.

use std::num::NonZeroU8;

/// An instant of the pool's calendar.
pub(super) type Day = u8;

/// How many days the calendar has.
pub(super) const DAYS: u8 = 6;

/// An authority of the pool: when it was made, for which names, and which of those, in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ca(NonZeroU8);

impl Ca {
    pub(super) fn new(made: Day, names: u8, number: u8) -> Self {
        let code = 1 + made + DAYS * (names + 2 * number);
        Self(NonZeroU8::new(code).expect("it is more than 0"))
    }

    pub(super) fn made(self) -> Day {
        (self.0.get() - 1) % DAYS
    }

    pub(super) fn names(self) -> u8 {
        (self.0.get() - 1) / DAYS % 2
    }
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = (self.0.get() - 1) / DAYS / 2;
        write!(f, "ca{number}@{}n{}", self.made(), self.names())
    }
}

/// A leaf of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Leaf {
    pub(super) ca: Ca,
    pub(super) made: Day,
    pub(super) number: u8,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "leaf{}@{}-of-{:?}", self.number, self.made, self.ca)
    }
}

/// Authorities in their order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Bundle([Option<Ca>; 6]);

impl Bundle {
    pub(super) fn new(authorities: impl IntoIterator<Item = Ca>) -> Self {
        let mut bundle = Self::default();
        let mut slots = bundle.0.iter_mut();
        for ca in authorities {
            *slots.next().expect("six are enough") = Some(ca);
        }
        bundle
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Ca> + '_ {
        self.0.iter().map_while(|ca| *ca)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What the AggregatedServer asks for: the values of both annotations, and which DNS names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) ca: u8,
    pub(super) leaf: u8,
    pub(super) names: u8,
}

/// The authority's Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AuthoritySecret {
    pub(super) current: Ca,
    pub(super) previous: Bundle,
    pub(super) handled: u8,
}

/// The serving Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ServingSecret {
    pub(super) leaf: Leaf,
    pub(super) bundle: Bundle,
    pub(super) handled: u8,
}

/// An APIService.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Service {
    pub(super) bundle: Bundle,
    pub(super) revision: u8,
}

/// Both APIServices.
pub(super) type Services = [Option<Service>; 2];

/// A kube-apiserver's own view of the APIServices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ControlPlane {
    /// Its watch cache.
    pub(super) cache: Services,
    /// What its proxy trusts.
    pub(super) proxy: [Option<Bundle>; 2],
}

/// What names the leaf that pods are restarted for: the leaf, and which version of the Secret had it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Template {
    pub(super) leaf: Leaf,
    pub(super) version: u8,
}

/// A pod that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Pod {
    pub(super) leaf: Leaf,
    /// What its annotation names, where it is restarted for a new leaf.
    pub(super) template: Option<Template>,
    /// A fault has made it unavoidable that it is refused, until it is accepted once.
    pub(super) excused: bool,
}

/// Where a pass stands: what it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Next {
    ReadSecrets,
    WriteAuthority,
    Ask,
    WriteServing,
    WriteTemplate,
    Probe,
    Narrow,
    Register(u8),
}

/// What a pass knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Pass {
    pub(super) next: Next,
    pub(super) now: Day,
    pub(super) asked: Asked,
    pub(super) services: Services,
    pub(super) serving: Option<ServingSecret>,
    /// Nobody has written it since.
    pub(super) serving_fresh: bool,
    pub(super) authority: Option<AuthoritySecret>,
    /// Nobody has written it since.
    pub(super) authority_fresh: bool,
    /// The authority with what is published.
    pub(super) signs: Option<AuthoritySecret>,
    /// No leaf of it may be served yet.
    pub(super) widening: bool,
    /// The serving Secret after this pass's write.
    pub(super) written: Option<ServingSecret>,
    /// What is published in the end.
    pub(super) publish: Bundle,
}

/// An operator's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Operator {
    /// Every control plane has seen this bundle; whether their proxies had their time since.
    pub(super) widened: Option<(Bundle, bool)>,
    pub(super) pass: Option<Pass>,
}

/// All there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) clock: Day,
    /// The furthest that the clock has been.
    pub(super) latest: Day,
    pub(super) asked: Asked,
    pub(super) authority: Option<AuthoritySecret>,
    pub(super) serving: Option<ServingSecret>,
    /// The serving Secret was put back by hand.
    pub(super) serving_restored: bool,
    pub(super) services: Services,
    pub(super) control_planes: [ControlPlane; 2],
    pub(super) pods: [Option<Pod>; 2],
    /// The leaf that the workload restarts its pods for.
    pub(super) template: Option<Template>,
    /// Of both Secrets.
    pub(super) backup: (Option<AuthoritySecret>, Option<ServingSecret>),
    /// The first one leads; the other one, if it stands in a pass still, comes late.
    pub(super) operators: [Operator; 2],
    pub(super) faults_left: u8,
    pub(super) requests_left: u8,
}

impl State {
    /// The same state in one form: what is alike is sorted, revisions are counted from 0.
    pub(super) fn canonical(mut self) -> Self {
        let mut revisions = Vec::with_capacity(12);
        self.for_each_service(|service| revisions.push(service.revision));
        revisions.sort_unstable();
        revisions.dedup();
        self.for_each_service(|service| {
            let rank = revisions.binary_search(&service.revision).unwrap_or(0);
            service.revision = u8::try_from(rank).expect("few");
        });
        // What an operator remembers ends with its lead, and the pass that it stands in.
        if self.operators[1].pass.is_none() {
            self.operators[1] = Operator::default();
        }
        self.control_planes.sort_unstable();
        self.pods.sort_unstable();
        self
    }

    fn for_each_service(&mut self, mut f: impl FnMut(&mut Service)) {
        let planes = self.control_planes.iter_mut().map(|plane| &mut plane.cache);
        let passes = self.operators.iter_mut().filter_map(|operator| {
            let pass = operator.pass.as_mut()?;
            Some(&mut pass.services)
        });
        let live = std::iter::once(&mut self.services);
        planes
            .chain(passes)
            .chain(live)
            .flatten()
            .flatten()
            .for_each(&mut f);
    }

    /// Every authority that anything refers to.
    pub(super) fn authorities(&self) -> Vec<Ca> {
        let mut all = Vec::new();
        let mut secret = |secret: &Option<AuthoritySecret>| {
            if let Some(secret) = secret {
                all.push(secret.current);
                all.extend(secret.previous.iter());
            }
        };
        secret(&self.authority);
        secret(&self.backup.0);
        let passes = || {
            self.operators
                .iter()
                .filter_map(|operator| operator.pass.as_ref())
        };
        for pass in passes() {
            secret(&pass.authority);
            secret(&pass.signs);
        }
        all.extend(self.leaves().iter().map(|leaf| leaf.ca));
        let serving = [&self.serving, &self.backup.1];
        let read = passes().flat_map(|pass| [&pass.serving, &pass.written]);
        let serving = serving.into_iter().chain(read);
        all.extend(serving.flatten().flat_map(|secret| secret.bundle.iter()));
        let planes = self.control_planes.iter().map(|plane| &plane.cache);
        let services = planes
            .chain([&self.services])
            .chain(passes().map(|pass| &pass.services));
        all.extend(
            services
                .flatten()
                .flatten()
                .flat_map(|service| service.bundle.iter()),
        );
        let proxies = self.control_planes.iter().flat_map(|plane| plane.proxy.iter());
        all.extend(proxies.flatten().flat_map(Bundle::iter));
        let widened = self
            .operators
            .iter()
            .filter_map(|operator| operator.widened.as_ref());
        all.extend(widened.flat_map(|(bundle, _)| bundle.iter()));
        all
    }

    /// Every leaf that anything refers to.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let passes = self
            .operators
            .iter()
            .filter_map(|operator| operator.pass.as_ref());
        let secrets = [&self.serving, &self.backup.1];
        let read = passes.flat_map(|pass| [&pass.serving, &pass.written]);
        let secrets = secrets.into_iter().chain(read);
        let mut all: Vec<Leaf> = secrets.flatten().map(|secret| secret.leaf).collect();
        all.extend(self.pods.iter().flatten().map(|pod| pod.leaf));
        all.extend(self.templates().map(|template| template.leaf));
        all
    }

    /// What pods were restarted for, and are to be.
    pub(super) fn templates(&self) -> impl Iterator<Item = Template> + '_ {
        let of_pods = self.pods.iter().flatten().filter_map(|pod| pod.template);
        of_pods.chain(self.template)
    }

    /// The authority's Secret becomes `secret`; what was read of it is old.
    pub(super) fn put_authority(&mut self, secret: Option<AuthoritySecret>) {
        self.authority = secret;
        for pass in self
            .operators
            .iter_mut()
            .filter_map(|operator| operator.pass.as_mut())
        {
            pass.authority_fresh = false;
        }
    }

    /// The serving Secret becomes `secret`; what was read of it is old.
    pub(super) fn put_serving(&mut self, secret: Option<ServingSecret>, restored: bool) {
        self.serving = secret;
        self.serving_restored = restored;
        for pass in self
            .operators
            .iter_mut()
            .filter_map(|operator| operator.pass.as_mut())
        {
            pass.serving_fresh = false;
        }
    }
}
