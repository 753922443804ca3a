//! The controller of definitions: one loop over all of them, since whether a name is free depends on all others. It looks when a
//! definition changes, when passes over servers have something to tell, when a replica has answered, and else once in a while.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use annex_crds::v1alpha1::DefinitionCondition;
use futures::{StreamExt as _, stream::BoxStream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::time::{Instant, sleep_until};

use super::{
    PLURAL,
    claims::{self, Claim},
    crds::CrdNames,
    declared::Declared,
    deletion::{self, Around, Step},
    discovery::{self, Shown},
    events,
    names::{self, Decision, Others},
    registration::{self, Registration},
    replicas::{Replicas, Serving},
    status::{self, Found},
    watched::Watched,
    writes,
};
use crate::{
    aggregated_server::{
        claimant::ListedServer, context::Context, dereference::AUTOMANAGED_LABEL, informers::group_index,
        names::owner_reference,
    },
    applier::Ownership,
    error_chain::error_chain,
};

mod asking;
#[cfg(test)]
mod tests;

use asking::Asking;

/// How long a watch lasts, in seconds, and how many definitions a list brings at once: a definition has up to 1.5 MB.
const WATCH_SECONDS: u32 = 60;
const PAGE: u32 = 5;
/// How many definitions are looked at before others have their turn.
const AT_A_TIME: usize = 100;
/// Changes that come together are looked at together.
const SETTLE: Duration = Duration::from_millis(20);
/// When it is looked again while something is under way.
const HURRY: Duration = Duration::from_millis(250);
/// The same where it has been under way for longer than [`PATIENCE`].
const PAUSE: Duration = Duration::from_secs(2);
/// How long something may be under way before nobody hurries any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// When it is looked again in any case: CustomResourceDefinitions and APIServices tell nobody here of their changes.
const RESYNC: Duration = Duration::from_secs(10);

/// Runs until it is dropped.
pub async fn run(ctx: Arc<Context>, watch_client: Client) {
    let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS);
    let watch = watcher(Api::<Watched>::all(watch_client), config)
        .default_backoff()
        .boxed();
    let mut controller = Controller::new(ctx);
    controller.follow(watch).await;
}

/// What is known of all definitions.
struct Controller {
    ctx: Arc<Context>,
    definitions: BTreeMap<String, Declared>,
    /// While they are listed: those of before that the list has not brought so far.
    unlisted: HashSet<String>,
    /// Whether they were listed once, or are known not to be there.
    are_listed: bool,
    crds: CrdNames,
    asking: Asking,
    /// When each was seen first as it is now.
    changed: HashMap<String, Instant>,
    /// What was under way at the last look, and since when.
    under_way: (HashSet<String>, Instant),
    /// What failed at the last look, by what it was about; each is logged once.
    failures: BTreeMap<String, String>,
}

impl Controller {
    fn new(ctx: Arc<Context>) -> Self {
        Self {
            asking: Asking::new(Arc::clone(&ctx)),
            ctx,
            definitions: BTreeMap::new(),
            unlisted: HashSet::new(),
            are_listed: false,
            crds: CrdNames::default(),
            changed: HashMap::new(),
            under_way: (HashSet::new(), Instant::now()),
            failures: BTreeMap::new(),
        }
    }

    async fn follow(&mut self, mut watch: BoxStream<'static, watcher::Result<watcher::Event<Watched>>>) {
        let ctx = Arc::clone(&self.ctx);
        let mut next = Instant::now() + RESYNC;
        let mut settled: Option<Instant> = None;
        loop {
            let at = settled.unwrap_or(next);
            tokio::select! {
                event = watch.next() => match event {
                    Some(event) => self.observe(event).await,
                    None => return,
                },
                () = ctx.definitions.told() => {}
                () = self.asking.answered() => {}
                () = sleep_until(at) => {
                    settled = None;
                    let pause = self.look().await;
                    next = Instant::now() + pause;
                    continue;
                }
            }
            settled.get_or_insert_with(|| Instant::now() + SETTLE);
        }
    }

    async fn observe(&mut self, event: watcher::Result<watcher::Event<Watched>>) {
        match event {
            Ok(watcher::Event::Init) => self.unlisted = self.definitions.keys().cloned().collect(),
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => self.take(object),
            Ok(watcher::Event::Delete(object)) => drop(self.definitions.remove(&object.name_any())),
            Ok(watcher::Event::InitDone) => {
                for name in std::mem::take(&mut self.unlisted) {
                    self.definitions.remove(&name);
                }
                self.are_listed = true;
            }
            Err(error) => {
                let is_absent = is_not_found(&error) && self.crd_is_going().await == Ok(Going::Absent);
                if is_absent {
                    self.definitions.clear();
                    self.are_listed = true;
                } else {
                    let error = error_chain(&error);
                    tracing::warn!(watch = PLURAL, error, "a watch failed and is begun again");
                }
            }
        }
    }

    fn take(&mut self, object: Watched) {
        let name = object.name_any();
        self.unlisted.remove(&name);
        let before = self.definitions.get(&name);
        let declared = Declared::of(object, before);
        let is_same =
            |before: &Declared| (&before.uid, before.generation) == (&declared.uid, declared.generation);
        if !before.is_some_and(is_same) {
            self.changed.insert(name.clone(), Instant::now());
        }
        self.definitions.insert(name, declared);
    }

    /// Looks at all of them, and says when to look again.
    async fn look(&mut self) -> Duration {
        // Whether a server exists, or a group-version is free, is not known before all was listed.
        let informers = &self.ctx.informers;
        let listings = [informers.api_services.listing(), informers.crds.listing()];
        let are_listed = listings.iter().all(|listing| listing.borrow().has(""));
        if !self.are_listed || !are_listed || !self.ctx.servers.are_listed() {
            return HURRY;
        }
        let (under_way, failures) = self.look_at_all().await;
        for (what, error) in &failures {
            if self.failures.get(what) != Some(error) {
                tracing::warn!(what, error, "definitions are looked at again");
            }
        }
        self.failures = failures;
        self.pause(under_way)
    }

    fn pause(&mut self, under_way: HashSet<String>) -> Duration {
        if under_way.is_empty() {
            self.under_way.0.clear();
            return RESYNC;
        }
        if self.under_way.0 != under_way {
            self.under_way = (under_way, Instant::now());
        }
        if self.under_way.1.elapsed() < PATIENCE {
            HURRY
        } else {
            PAUSE
        }
    }

    /// Says what is under way: names, each with what it waits for; and what failed. Whatever fails is one definition's, or one group's,
    /// affair: the others go on.
    async fn look_at_all(&mut self) -> (HashSet<String>, BTreeMap<String, String>) {
        let ctx = Arc::clone(&self.ctx);
        let groups: HashSet<String> = self
            .definitions
            .values()
            .map(|it| it.group().to_owned())
            .collect();
        let mut failures = BTreeMap::new();
        let crds = self.crds.of(&ctx.client, &ctx.informers, &groups).await;
        failures.extend(crds.unread);
        let crds = crds.names;
        let definitions: Vec<&Declared> = self.definitions.values().collect();
        // Whether a name is free is not known where the names of the group are not.
        let decidable = definitions.iter().filter(|it| crds.contains_key(it.group()));
        let of_kubernetes: HashSet<&String> = groups
            .iter()
            .filter(|group| is_of_kubernetes(&ctx, group))
            .collect();
        let decisions = names::decide(
            &decidable.copied().collect::<Vec<_>>(),
            &Others {
                kubernetes: &|group| of_kubernetes.contains(&group.to_owned()),
                holder: &|server, group, version| holder(&ctx, server, group, version),
                crds: &crds,
            },
        );
        let servers: HashSet<&str> = definitions.iter().map(|it| it.server.as_str()).collect();
        let replicas: HashMap<String, Replicas> = servers
            .iter()
            .map(|server| ((*server).to_owned(), self.asking.replicas(server)))
            .collect();
        let registered: HashMap<String, Vec<Registration>> = servers
            .iter()
            .map(|server| ((*server).to_owned(), registrations(&ctx, server)))
            .collect();
        let mut claims = claims::claims(
            &definitions,
            &claims::Known {
                decisions: &decisions,
                replicas: &replicas,
                registered: &registered,
            },
        );
        let lost = claims::lost(&claims_before(&ctx), &claims);
        let going = going(&ctx, &definitions, &lost).await.unwrap_or_else(|error| {
            failures.insert(PLURAL.to_owned(), error_chain(&error));
            None
        });
        // Definitions that go with their CustomResourceDefinition go by accident: without an APIService their objects are unknown to
        // the garbage collector, which deletes what they own.
        if going != Some(Going::No) {
            for (server, lost) in lost {
                let claims = claims.entry(server).or_default();
                claims.extend(lost);
                claims.sort();
            }
        }
        self.changed.retain(|name, _| self.definitions.contains_key(name));
        let looked = Looked {
            ctx: &ctx,
            decisions: &decisions,
            replicas: &replicas,
            claims: &claims,
            registered: &registered,
            changed: &self.changed,
            shown: shown(&ctx, &definitions, &replicas).await,
            going,
        };
        let mut under_way = HashSet::new();
        let mut hurried: HashSet<String> = HashSet::new();
        for (number, declared) in definitions.iter().enumerate() {
            if number % AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
            let waits = looked.at(declared).await.unwrap_or_else(|error| {
                failures.insert(declared.name.clone(), error_chain(&error));
                Some("write")
            });
            if let Some(what) = waits {
                hurried.insert(declared.server.clone());
                under_way.insert(format!("{} {what}", declared.name));
            }
        }
        drop(looked);
        let servers: HashSet<String> = servers.into_iter().map(str::to_owned).collect();
        ctx.metrics.set_definitions(&count(&self.definitions));
        ctx.definitions.set_claims(claims);
        self.asking.ask(&servers, &hurried).await;
        (under_way, failures)
    }

    async fn crd_is_going(&self) -> Result<Going, ()> {
        crd_is_going(&self.ctx.client).await.map_err(drop)
    }
}

/// How many definitions are in each state, as metrics name it.
fn count(definitions: &BTreeMap<String, Declared>) -> [(&'static str, usize); 5] {
    let count = |is: fn(&Declared) -> bool| definitions.values().filter(|declared| is(declared)).count();
    [
        ("known", definitions.len()),
        ("established", count(|it| it.is(DefinitionCondition::Established))),
        ("served", count(|it| it.is(DefinitionCondition::Served))),
        ("invalid", count(|it| it.said.is_err())),
        ("terminating", count(|it| it.deleting)),
    ]
}

/// What is with the CustomResourceDefinition of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// It stays.
    No,
    /// It is being deleted: its objects are deleted with it, which nobody wanted of each.
    Yes,
    /// It is not there.
    Absent,
}

/// By a read of now: its deletion is written before that of its objects, so that who has seen one of those sees it.
async fn crd_is_going(client: &Client) -> Result<Going, kube::Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = api
        .get_metadata_opt(&format!("{PLURAL}.{}", annex_crds::GROUP))
        .await?;
    Ok(match crd {
        None => Going::Absent,
        Some(crd) if crd.metadata.deletion_timestamp.is_some() => Going::Yes,
        Some(_) => Going::No,
    })
}

/// `None` where nobody needs to know, or nobody knows.
async fn going(
    ctx: &Context,
    definitions: &[&Declared],
    lost: &BTreeMap<String, Vec<Claim>>,
) -> Result<Option<Going>, kube::Error> {
    if lost.is_empty() && !definitions.iter().any(|it| it.deleting && it.is_kept()) {
        return Ok(None);
    }
    crd_is_going(&ctx.client).await.map(Some)
}

/// What definitions have asked for so far of the servers that there are; where nobody knows, what is registered.
fn claims_before(ctx: &Context) -> BTreeMap<String, Vec<Claim>> {
    let mut before = ctx.definitions.claims().unwrap_or_else(|| {
        let of_server = |server: String| {
            let registered = registrations(ctx, &server).into_iter();
            let claims = registered.map(|it| Claim {
                group: it.group,
                version: it.version,
                digest: None,
            });
            (server, claims.collect())
        };
        ctx.servers.names().into_iter().map(of_server).collect()
    });
    before.retain(|server, _| ctx.servers.get(server).is_some());
    before
}

fn registrations(ctx: &Context, server: &str) -> Vec<Registration> {
    let uid = ctx.servers.get(server).and_then(|server| server.uid());
    registration::of(&ctx.informers, server, uid.as_deref())
}

/// What discovery shows, where a definition waits for that alone; asked for where it is served everywhere.
async fn shown(ctx: &Context, definitions: &[&Declared], replicas: &HashMap<String, Replicas>) -> Shown {
    let waiting = definitions.iter().filter(|declared| {
        let of_server = replicas.get(&declared.server);
        let served = of_server.is_some_and(|replicas| {
            replicas.serving(&declared.name, &declared.uid, declared.generation) == Serving::Everywhere
        });
        served && !declared.deleting && !declared.is(DefinitionCondition::Established)
    });
    let groups: HashSet<&str> = waiting.map(|declared| declared.group()).collect();
    if groups.is_empty() {
        return Shown::new();
    }
    let asked = discovery::shown(&ctx.client, &groups).await;
    asked.unwrap_or_else(|error| {
        tracing::debug!(error = error_chain(&error), "discovery is not answered");
        Shown::new()
    })
}

/// What one look knows of all.
struct Looked<'a> {
    ctx: &'a Context,
    decisions: &'a HashMap<String, Decision>,
    replicas: &'a HashMap<String, Replicas>,
    claims: &'a BTreeMap<String, Vec<Claim>>,
    registered: &'a HashMap<String, Vec<Registration>>,
    changed: &'a HashMap<String, Instant>,
    shown: Shown,
    going: Option<Going>,
}

impl Looked<'_> {
    /// Writes what is to be written of one; says what it waits for.
    async fn at(&self, declared: &Declared) -> Result<Option<&'static str>, kube::Error> {
        let client = &self.ctx.client;
        let nobody = Replicas::default();
        let replicas = self.replicas.get(&declared.server).unwrap_or(&nobody);
        let decision = self.decisions.get(&declared.name);
        let has_server = self.ctx.servers.get(&declared.server).is_some();
        let registered = self
            .registered
            .get(&declared.server)
            .map_or(&[][..], Vec::as_slice);
        let step = deletion::step(
            declared,
            &Around {
                has_server,
                is_registered: registered.iter().any(|it| it.group == declared.group()),
                decision,
                replicas,
            },
        );
        let is_going = matches!(self.going, Some(Going::Yes | Going::Absent));
        match step {
            Step::Keep => {
                writes::keep(client, declared).await?;
                return Ok(Some("finalizer"));
            }
            Step::AllowDeletion | Step::Wait if is_going => {
                writes::release(client, declared).await?;
                return Ok(Some("release"));
            }
            Step::Release => {
                // The watch may be late, and objects of a server that is there would stay.
                if has_server || !exists(client, &declared.server).await? {
                    writes::release(client, declared).await?;
                }
                return Ok(Some("release"));
            }
            // Without a read of now there is no word.
            Step::AllowDeletion if self.going.is_none() => return Ok(Some("deletion")),
            Step::AllowDeletion => {
                writes::allow_deletion(client, declared).await?;
                return Ok(Some("deletion"));
            }
            Step::Wait | Step::Stay => {}
        }
        let Some(decision) = decision else {
            return Ok(Some("names"));
        };
        let serving = replicas.serving(&declared.name, &declared.uid, declared.generation);
        let found = Found {
            decision,
            has_server,
            has_place: self.has_place(declared, &serving),
            serving,
            is_shown: self.is_shown(declared) && self.is_available(declared, registered),
            stored_versions: replicas.stored_versions(&declared.name, &declared.uid),
            objects: replicas.objects_left(&declared.name, &declared.uid),
        };
        let status = status::compute(declared, &found, self.ctx.clock.now());
        if status != declared.status {
            let is_stored = writes::status(client, declared, &status).await?;
            let told = events::transitions(&declared.status.conditions, &status.conditions);
            if is_stored {
                events::publish(self.ctx, declared, told).await;
            }
        }
        let is_served = found.serving == Serving::Everywhere;
        let is_right = declared.said.is_ok() && decision.conflict.is_none() && has_server;
        Ok(match step {
            Step::Wait => Some("deletion"),
            _ if !is_right || declared.deleting => None,
            // Another definition has to go, which is seen.
            _ if !found.has_place => None,
            // Another generation has to come, or another replica. What is told at first may be said of the one before.
            _ if matches!(found.serving, Serving::Failed(_)) && !self.is_new(declared) => None,
            _ if !is_served => Some("replicas"),
            _ if !declared.is(DefinitionCondition::Established) => Some("discovery"),
            _ => None,
        })
    }

    fn has_place(&self, declared: &Declared, serving: &Serving) -> bool {
        let Ok(said) = &declared.said else { return true };
        let claims = self
            .claims
            .get(&declared.server)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_claimed = |version: &String| {
            let mut claims = claims.iter();
            claims.any(|claim| (&claim.group, &claim.version) == (&said.group, version))
        };
        *serving != Serving::Everywhere || claims.len() < claims::MOST || said.served.iter().all(is_claimed)
    }

    /// Whether it has been as it is for a short time only.
    fn is_new(&self, declared: &Declared) -> bool {
        let changed = self.changed.get(&declared.name);
        changed.is_some_and(|changed| changed.elapsed() < PATIENCE)
    }

    /// Whether the aggregator sends requests for each of its versions to its server, and was told what is served now.
    fn is_available(&self, declared: &Declared, registered: &[Registration]) -> bool {
        let Ok(said) = &declared.said else { return false };
        let claims = self.claims.get(&declared.server);
        said.served.iter().all(|version| {
            let mut claims = claims.into_iter().flatten();
            let claim = claims.find(|it| (&it.group, &it.version) == (&said.group, version));
            let digest = claim.and_then(|claim| claim.digest.as_ref());
            let mut registered = registered.iter();
            let registered = registered.find(|it| (&it.group, &it.version) == (&said.group, version));
            registered.is_some_and(|it| {
                it.is_ours && it.is_available && digest.is_none_or(|digest| *digest == it.digest)
            })
        })
    }

    fn is_shown(&self, declared: &Declared) -> bool {
        let Ok(said) = &declared.said else { return false };
        said.served.iter().all(|version| {
            let key = (said.group.clone(), version.clone(), said.names.plural.clone());
            self.shown.contains(&key)
        })
    }
}

/// Whether there is an AggregatedServer of this name now.
async fn exists(client: &Client, server: &str) -> Result<bool, kube::Error> {
    let api: Api<ListedServer> = Api::all(client.clone());
    api.get_metadata_opt(server).await.map(|found| found.is_some())
}

/// Whether the kube-apiserver serves a group itself: an APIService of it that it keeps since its start.
fn is_of_kubernetes(ctx: &Context, group: &str) -> bool {
    let services = ctx.informers.api_services.indexed(&group_index(group));
    let mut services = services.iter().filter_map(|kept| kept.object.get().0.ok());
    services.any(|service| {
        service
            .labels()
            .get(AUTOMANAGED_LABEL)
            .is_some_and(|how| how == "onstart")
    })
}

/// Who else has a group-version, in words.
fn holder(ctx: &Context, server: &str, group: &str, version: &str) -> Option<String> {
    let name = format!("{version}.{group}");
    let claimants = ctx.servers.of_api_service(&name);
    // What it claims itself is judged as a claim.
    if claimants.iter().any(|claimant| claimant.name == server) {
        return None;
    }
    if let Some(kept) = ctx.informers.api_services.get("", &name) {
        let uid = ctx.servers.get(server).and_then(|server| server.uid());
        let owner = owner_reference(server, uid.as_deref().unwrap_or_default());
        if Ownership::of(&kept.known.owners, &owner) != Ownership::Foreign {
            return None;
        }
        let service = kept.object.get().0.ok();
        let of_crd = service.is_some_and(|service| service.labels().contains_key(AUTOMANAGED_LABEL));
        return Some(if of_crd {
            "a CustomResourceDefinition serves it".to_owned()
        } else {
            format!("APIService {name:?} is somebody else's")
        });
    }
    let first = claimants.first()?;
    Some(format!("AggregatedServer {:?} claims it", first.name))
}

fn is_not_found(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source)
    | watcher::Error::WatchStartFailed(source)
    | watcher::Error::WatchFailed(source)) = error
    else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if status.code == 404)
}
