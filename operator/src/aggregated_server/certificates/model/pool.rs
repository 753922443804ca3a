//! Real certificates and Secrets for the model's numbers, each made once, and the real decisions about them, each asked once.

use std::{cell::RefCell, hash::Hash, rc::Rc};

use annex_crds::v1alpha1::RotationStep;
use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec},
};
use kube::core::ObjectMeta;
use tokio::time::Instant;

use super::{
    hash::Map,
    state::{Asked, AuthoritySecret, Bundle, Ca, DAYS, Day, Leaf, Service, Services, ServingSecret},
};
use crate::{
    aggregated_server::{
        certificates::{
            Authority, AuthorityWrite, CertificateState, IssueCause, Policy, Replacement, Seen, Serving,
            ServingWrite, Waits, Widening, authority,
            gate::Gate,
            published, secrets,
            testing::{at, policy},
            widening::{self, PROXY_DELAY},
            writes,
        },
        endpoints::{Endpoint, Origin, Presented, Report},
        names::Names,
        registration::{
            RegistrationState,
            decide::{self, Decision},
        },
        testing::{names, server},
        validate,
    },
    pki::{self, Certificate, bundle, issue_leaf, verify_chain},
    probe::{discovery::Discovery, tls::HandshakeError},
};

/// The days of the calendar: a year back, today, a leaf is due, its authority is due, nears its end, a year ahead.
const CALENDAR: [i64; DAYS as usize] = [-365, 0, 22, 205, 295, 365];
/// Today.
pub(super) const TODAY: Day = 1;

/// What the authority's Secret needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForAuthority {
    Nothing { follows: Bundle },
    Successor { follows: Bundle },
}

/// What the serving Secret needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForServing {
    Nothing,
    Issue(IssueCause),
    Republish,
}

/// How far a bundle has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Known,
    Unpublished,
    Ask(usize),
    Proxies,
}

/// The server's Secrets in a pass, as `CertificateState` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub(super) authority: AuthoritySecret,
    pub(super) stored: AuthoritySecret,
    /// The serving Secret as it was read.
    pub(super) before: Option<ServingSecret>,
    /// The same after the pass's write.
    pub(super) after: Option<ServingSecret>,
    pub(super) widening: bool,
    pub(super) asked: Asked,
    pub(super) now: Day,
}

type Memo<K, V> = RefCell<Map<K, V>>;
type AuthorityKey = (Option<AuthoritySecret>, [Option<Bundle>; 2], Asked, Day);
type ServingKey = (Option<ServingSecret>, AuthoritySecret, Asked, Day);
type GotKey = (Services, Bundle, Option<(Bundle, bool)>);

pub(super) struct Pool {
    names: Names,
    start: Instant,
    authorities: Memo<Ca, Rc<pki::CertificateAuthority>>,
    leaves: Memo<Leaf, Rc<pki::Leaf>>,
    ids: Memo<String, Ca>,
    verified: Memo<(Leaf, Bundle, Day), bool>,
    for_authority: Memo<AuthorityKey, ForAuthority>,
    for_serving: Memo<(ServingKey, bool), ForServing>,
    serving: Memo<ServingKey, (Option<IssueCause>, bool)>,
    bundles: Memo<(AuthoritySecret, Day), Bundle>,
    got: Memo<GotKey, Got>,
    narrows: Memo<(Kept, [Option<Leaf>; 2]), bool>,
    registers: Memo<(Bundle, [Option<Leaf>; 2], Day), bool>,
    restart: Memo<Kept, bool>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            names: names(),
            start: Instant::now(),
            authorities: Memo::default(),
            leaves: Memo::default(),
            ids: Memo::default(),
            verified: Memo::default(),
            for_authority: Memo::default(),
            for_serving: Memo::default(),
            serving: Memo::default(),
            bundles: Memo::default(),
            got: Memo::default(),
            narrows: Memo::default(),
            registers: Memo::default(),
            restart: Memo::default(),
        }
    }

    /// Whether the clock of `day` lies within the leaf's validity.
    pub(super) fn is_valid(&self, leaf: Leaf, day: Day) -> bool {
        let certificate = &self.leaf(leaf).certificate;
        (certificate.not_before..=certificate.not_after).contains(&time(day))
    }

    /// Whether the authority has ended at `day`.
    pub(super) fn has_ended(&self, ca: Ca, day: Day) -> bool {
        self.authority(ca).certificate().not_after < time(day)
    }

    /// Whether a control plane that trusts `bundle` accepts `leaf`.
    pub(super) fn accepts(&self, bundle: Bundle, leaf: Leaf, day: Day) -> bool {
        remembered(&self.verified, (leaf, bundle, day), || {
            let certificate = &self.leaf(leaf).certificate;
            let chain = std::slice::from_ref(&certificate.der);
            verify_chain(
                chain,
                &self.certificates(bundle),
                &policy().server_name,
                time(day),
            )
            .is_ok()
        })
    }

    pub(super) fn for_authority(
        &self,
        secret: Option<AuthoritySecret>,
        services: Services,
        asked: Asked,
        now: Day,
    ) -> ForAuthority {
        let bundles = services.map(|service| service.map(|service| service.bundle));
        remembered(&self.for_authority, (secret, bundles, asked, now), || {
            let objects = self.api_services(services);
            let published = published::authorities(&objects.iter().flatten().collect::<Vec<_>>());
            let secret = secret.map(|secret| self.authority_secret(secret));
            match writes::of_authority(secret.as_ref(), &published, &policy_of(asked), time(now)) {
                AuthorityWrite::None(stored) => ForAuthority::Nothing {
                    follows: self.bundle_of(&stored.0.previous),
                },
                AuthorityWrite::Replace { replacement, .. } => ForAuthority::Successor {
                    follows: self.bundle_of(&replacement.previous),
                },
            }
        })
    }

    /// Why the serving Secret should hold another leaf, and whether that is to be known everywhere first.
    pub(super) fn serving(&self, key: ServingKey) -> (Option<IssueCause>, bool) {
        remembered(&self.serving, key, || {
            let serving = self.read_serving(key).0;
            (serving.cause, serving.widens)
        })
    }

    pub(super) fn for_serving(&self, key: ServingKey, waits: bool) -> ForServing {
        remembered(&self.for_serving, (key, waits), || {
            let (serving, secret) = self.read_serving(key);
            let bundle = self.real_authority(key.1).bundle();
            match serving.write(secret.as_ref(), &bundle, waits) {
                ServingWrite::None => ForServing::Nothing,
                ServingWrite::Issue(cause) => ForServing::Issue(cause),
                ServingWrite::Republish(_) => ForServing::Republish,
            }
        })
    }

    fn read_serving(&self, (secret, authority, asked, now): ServingKey) -> (Serving, Option<Secret>) {
        let secret = secret.map(|secret| self.serving_secret(secret));
        let authority = self.real_authority(authority);
        let bundle = authority.bundle();
        let serving = Serving::read(secret.as_ref(), &authority, &bundle, &policy_of(asked), time(now));
        (serving, secret)
    }

    /// What is published of an authority.
    pub(super) fn bundle(&self, authority: AuthoritySecret, now: Day) -> Bundle {
        remembered(&self.bundles, (authority, now), || {
            self.bundle_of(&self.real_authority(authority).bundle())
        })
    }

    pub(super) fn got(&self, services: Services, wanted: Bundle, widened: Option<(Bundle, bool)>) -> Got {
        remembered(&self.got, (services, wanted, widened), || {
            let objects = self.api_services(services);
            let there: Vec<&APIService> = objects.iter().flatten().collect();
            let seen = widened.map(|(bundle, _)| Seen::new(&self.certificates(bundle), self.start));
            let passed = widened.filter(|(_, waited)| *waited).map(|_| PROXY_DELAY);
            let now = self.start + passed.unwrap_or_default();
            match widening::decide(&there, &self.certificates(wanted), seen.as_ref(), now) {
                Widening::Known => Got::Known,
                Widening::Proxies => Got::Proxies,
                Widening::Unpublished(_) => Got::Unpublished,
                Widening::Ask(newest) => {
                    let is_newest = |service: &Option<APIService>| service.as_ref() == Some(newest);
                    Got::Ask(objects.iter().position(is_newest).expect("it is one of them"))
                }
            }
        })
    }

    /// Whether the pass takes the last step, with what the pods that answer present.
    pub(super) fn narrows(&self, kept: Kept, presented: [Option<Leaf>; 2]) -> bool {
        remembered(&self.narrows, (kept, presented), || {
            let keys = self.keys(kept);
            let bundle = self.bundle_of(&keys.bundle);
            let gate = Gate {
                keys: &keys,
                policy: &policy_of(kept.asked),
                now: time(kept.now),
                looked: Some(&self.reports(presented, bundle, kept.now)),
                pods: &[],
                scale: None,
            };
            gate.progress()
                .is_some_and(|progress| progress.step == RotationStep::Narrow)
        })
    }

    /// Whether a claim that is not registered is, with what the pods that answer present.
    pub(super) fn registers(&self, bundle: Bundle, presented: [Option<Leaf>; 2], day: Day) -> bool {
        remembered(&self.registers, (bundle, presented, day), || {
            let plan = validate::plan_apis(&server()).remove(0);
            let reports = self.reports(presented, bundle, day);
            let absent = RegistrationState::Absent;
            decide::decide(&plan, &absent, &reports, None, time(day)) == Decision::Register
        })
    }

    /// What endpoints answer that present these, where `bundle` is published.
    fn reports(&self, presented: [Option<Leaf>; 2], bundle: Bundle, day: Day) -> Vec<Report> {
        let answer = |(number, leaf): (usize, Leaf)| {
            let leaf = self.leaf(leaf).certificate.clone();
            let chain = std::slice::from_ref(&leaf.der);
            let trusted = self.certificates(bundle);
            let trust = verify_chain(chain, &trusted, &policy().server_name, time(day));
            let endpoint = Endpoint {
                address: format!("10.0.0.{number}:8443").parse().expect("an address"),
                pod: None,
                ready: true,
                origin: Origin::Backend,
            };
            let claims = server().spec.apis.into_iter();
            Report {
                handshake: Ok(Presented { leaf, trust }),
                discovery: claims
                    .map(|claim| (claim.group_version(), Discovery::Served))
                    .collect(),
                ..Report::unasked(endpoint, HandshakeError::NoAnswerYet)
            }
        };
        let answering = presented
            .into_iter()
            .enumerate()
            .filter_map(|(number, leaf)| Some((number, leaf?)));
        answering.map(answer).collect()
    }

    /// Whether the pods are restarted for the leaf that the Secret holds.
    pub(super) fn restarts(&self, kept: Kept) -> bool {
        remembered(&self.restart, kept, || {
            self.keys(kept).leaf_to_restart_for(None).is_some()
        })
    }

    fn keys(&self, kept: Kept) -> CertificateState {
        let (policy, now) = (policy_of(kept.asked), time(kept.now));
        let (serving, before) = self.read_serving((kept.before, kept.authority, kept.asked, kept.now));
        let authority = self.real_authority(kept.authority);
        let waits = Waits {
            widening: kept.widening.then(|| "widening".to_owned()),
            held_back: None,
        };
        let write = serving.write(before.as_ref(), &authority.bundle(), waits.any());
        let after = kept.after.map(|secret| self.serving_secret(secret));
        let stored = (authority, self.authority_secret(kept.stored));
        CertificateState::new(stored, (&serving, &write), after.as_ref(), waits, &policy, now)
    }

    /// Whether the Secret is written when the authority is narrowed.
    pub(super) fn narrowing_writes(&self, kept: Kept) -> bool {
        self.keys(kept).narrowed_secret(&self.names).is_some()
    }

    fn authority(&self, ca: Ca) -> Rc<pki::CertificateAuthority> {
        let made = remembered(&self.authorities, ca, || {
            let first = Replacement {
                why: authority::FIRST,
                previous: Vec::new(),
            };
            let asked = Asked {
                names: ca.names(),
                ..Asked::default()
            };
            let made = Authority::issue(&policy_of(asked), first, time(ca.made())).expect("an authority");
            Rc::new(made.current)
        });
        let fingerprint = &made.certificate().fingerprint;
        if !self.ids.borrow().contains_key(fingerprint) {
            self.ids.borrow_mut().insert(fingerprint.clone(), ca);
        }
        made
    }

    fn leaf(&self, leaf: Leaf) -> Rc<pki::Leaf> {
        remembered(&self.leaves, leaf, || {
            let authority = self.authority(leaf.ca);
            let names = &authority.certificate().permitted_dns_names;
            let made = issue_leaf(&authority, names, time(leaf.made), policy().duration);
            Rc::new(made.expect("a leaf"))
        })
    }

    fn certificates(&self, bundle: Bundle) -> Vec<Certificate> {
        let authorities = bundle.iter().map(|ca| self.authority(ca));
        authorities
            .map(|authority| authority.certificate().clone())
            .collect()
    }

    fn bundle_of(&self, certificates: &[Certificate]) -> Bundle {
        let ids = self.ids.borrow();
        Bundle::new(
            certificates
                .iter()
                .map(|certificate| ids[&certificate.fingerprint]),
        )
    }

    fn real_authority(&self, secret: AuthoritySecret) -> Authority {
        Authority {
            current: (*self.authority(secret.current)).clone(),
            previous: self.certificates(secret.previous),
            handled_request: request(secret.handled),
            issued_at: Some(time(secret.current.made())),
            issued_because: None,
        }
    }

    fn authority_secret(&self, secret: AuthoritySecret) -> Secret {
        secrets::authority_secret(None, &self.real_authority(secret), &self.names)
    }

    fn serving_secret(&self, secret: ServingSecret) -> Secret {
        let policy = Policy {
            leaf_request: request(secret.handled),
            ..policy()
        };
        let cause = IssueCause::First;
        let bundle = self.certificates(secret.bundle);
        let made = time(secret.leaf.made);
        secrets::serving_secret(
            None,
            &self.leaf(secret.leaf),
            cause,
            &bundle,
            &policy,
            &self.names,
            made,
        )
    }

    fn api_services(&self, services: Services) -> [Option<APIService>; 2] {
        services.map(|service| service.map(|service| self.api_service(service)))
    }

    fn api_service(&self, service: Service) -> APIService {
        let pem = bundle::to_pem(&self.certificates(service.bundle));
        APIService {
            metadata: ObjectMeta {
                resource_version: Some(service.revision.to_string()),
                ..ObjectMeta::default()
            },
            spec: Some(APIServiceSpec {
                ca_bundle: Some(ByteString(pem.into_bytes())),
                ..APIServiceSpec::default()
            }),
            status: None,
        }
    }
}

fn remembered<K: Eq + Hash + Copy, V: Clone>(memo: &Memo<K, V>, key: K, ask: impl FnOnce() -> V) -> V {
    if let Some(answer) = memo.borrow().get(&key) {
        return answer.clone();
    }
    let answer = ask();
    memo.borrow_mut().insert(key, answer.clone());
    answer
}

fn time(day: Day) -> Timestamp {
    at(CALENDAR[usize::from(day)])
}

fn request(value: u8) -> Option<String> {
    (value > 0).then(|| value.to_string())
}

fn policy_of(asked: Asked) -> Policy {
    let mut policy = policy();
    if asked.names > 0 {
        policy.dns_names.push("wardle.example.com".into());
    }
    Policy {
        ca_request: request(asked.ca),
        leaf_request: request(asked.leaf),
        ..policy
    }
}
