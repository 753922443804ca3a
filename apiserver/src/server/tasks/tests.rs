use std::sync::Mutex;
use std::time::Duration;

use annex_leader_election::fake::{FakeLeases, Link, LinkHandle};
use annex_leader_election::{Election, ElectionMonitor, LeaseSettings, Timings};
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};

use super::*;
use crate::config::{Backend, Config};
use crate::server::health::{Endpoint, Health, Outcome};
use crate::server::{Builder, Server};

const DEADLINE: Duration = Duration::from_secs(8);

/// What happened, and when.
#[derive(Clone)]
struct Log {
    begun: Instant,
    lines: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl Log {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            lines: Arc::default(),
        }
    }

    fn note(&self, line: impl Into<String>) {
        let at = self.begun.elapsed();
        self.lines.lock().unwrap().push((line.into(), at));
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(line, _)| line.clone()).collect()
    }

    fn at(&self, line: &str) -> Duration {
        let lines = self.lines.lock().unwrap();
        lines.iter().find(|(found, _)| found == line).unwrap().1
    }
}

/// Says when it is dropped.
struct Guard(Log, String);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note(format!("{} ends", self.1));
    }
}

fn builder() -> Builder {
    Server::builder("test")
}

fn start(builder: Builder, elected: Option<Elected>) -> Tasks {
    let (client, _) = FakeLeases::default().client();
    Tasks::start(builder.build().tasks, Vec::new(), client, elected)
}

/// A builder with a task of the leader that goes on until it is told to stop.
fn leader(log: &Log, name: &str) -> Builder {
    let (log, name) = (log.clone(), name.to_owned());
    builder().leader_task("leads", move |context| {
        let (log, name) = (log.clone(), name.clone());
        async move {
            log.note(format!("{name} leads"));
            let _guard = Guard(log, name);
            context.stopped().await;
            Ok(())
        }
    })
}

fn elected(leases: &FakeLeases, name: &str) -> (Elected, LinkHandle) {
    let (client, link) = leases.client();
    let lease = LeaseSettings::new("ns", "test", name, "test", Timings::default());
    (Elected::new(client, lease), link)
}

async fn found(health: &Health) -> Option<Outcome> {
    health.ask_one(Endpoint::Readyz, "poststarthook/fails").await
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_is_started_again_and_told_until_it_is_well() {
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    let mut builder = builder().task("fails", move |context| {
        let count = {
            let mut count = counted.lock().unwrap();
            *count += 1;
            *count
        };
        async move {
            match count {
                1 => Err("it has no upstream")?,
                2 => panic!("it fails on purpose"),
                _ => context.stopped().await,
            }
            Ok(())
        }
    });
    let health = Health::new(std::mem::take(&mut builder.server.checks));
    assert_eq!(found(&health).await, Some(Outcome::Sick("not finished".into())));
    let tasks = start(builder, None);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(
        found(&health).await,
        Some(Outcome::Sick("it has no upstream".into()))
    );
    sleep(Duration::from_millis(20)).await;
    assert_eq!(
        found(&health).await,
        Some(Outcome::Sick("it fails on purpose".into()))
    );
    sleep(Duration::from_secs(6)).await;
    assert_eq!(found(&health).await, Some(Outcome::Well));
    let told = Instant::now();
    tasks.stop(told + DEADLINE).await;
    assert_eq!((told.elapsed(), *count.lock().unwrap()), (Duration::ZERO, 3));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_dropped_and_what_waits_to_start_again_does_not() {
    let log = Log::new();
    let kept = log.clone();
    let builder = builder()
        .task("stays", move |_| {
            let guard = Guard(kept.clone(), "stays".into());
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        })
        .task("fails", |_| async { Err("always")? });
    let tasks = start(builder, None);
    sleep(Duration::from_secs(60)).await;
    let told = Instant::now();
    tasks.stop(told + DEADLINE).await;
    assert_eq!(told.elapsed(), DEADLINE);
    assert_eq!(log.lines(), ["stays ends"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_leads_and_the_other_when_it_has_ended() {
    let (leases, log) = (FakeLeases::default(), Log::new());
    let first = start(leader(&log, "first"), Some(elected(&leases, "first").0));
    sleep(Duration::from_secs(5)).await;
    let second = start(leader(&log, "second"), Some(elected(&leases, "second").0));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(log.lines(), ["first leads"]);
    assert_eq!(leases.lease()["metadata"]["name"], "test");
    first.stop(Instant::now() + DEADLINE).await;
    assert_eq!(leases.lease()["spec"]["holderIdentity"], "", "it is released");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(log.lines(), ["first leads", "first ends", "second leads"]);
    second.stop(Instant::now() + DEADLINE).await;
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_lease_ends_its_tasks_before_another_leads_and_asks_again() {
    let (leases, log) = (FakeLeases::default(), Log::new());
    let (elector, link) = elected(&leases, "first");
    let first = start(leader(&log, "first"), Some(elector));
    sleep(Duration::from_secs(5)).await;
    let second = start(leader(&log, "second"), Some(elected(&leases, "second").0));
    sleep(Duration::from_secs(5)).await;
    link.set(Link::Cut);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(log.lines(), ["first leads", "first ends", "second leads"]);
    assert!(log.at("second leads") >= log.at("first ends") + Duration::from_secs(4));
    link.set(Link::Working);
    second.stop(Instant::now() + DEADLINE).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(log.lines()[3..], ["second ends", "first leads"]);
    first.stop(Instant::now() + DEADLINE).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_without_a_cluster_runs_at_once_and_who_stands_by_is_well() {
    let log = Log::new();
    let tasks = start(leader(&log, "alone"), None);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(log.lines(), ["alone leads"]);
    tasks.stop(Instant::now() + DEADLINE).await;

    let leases = FakeLeases::default();
    let first = start(leader(&log, "first"), Some(elected(&leases, "first").0));
    sleep(Duration::from_secs(5)).await;
    let mut standby = leader(&log, "standby");
    let health = Health::new(std::mem::take(&mut standby.server.checks));
    let standby = start(standby, Some(elected(&leases, "standby").0));
    sleep(Duration::from_secs(60)).await;
    let asked = health.ask_one(Endpoint::Readyz, "poststarthook/leads").await;
    assert_eq!(asked, Some(Outcome::Well));
    let told = Instant::now();
    standby.stop(told + DEADLINE).await;
    assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
    first.stop(Instant::now() + DEADLINE).await;
}

/// What `/metrics` says of an election.
fn told(monitor: &ElectionMonitor) -> String {
    let mut registry = Registry::default();
    election::register(&mut registry, monitor.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_told_by_metrics() {
    let (leases, log) = (FakeLeases::default(), Log::new());
    let (elected, link) = elected(&leases, "first");
    link.set(Link::Failing);
    let monitor = elected.monitor().clone();
    let tasks = start(leader(&log, "first"), Some(elected));
    sleep(Duration::from_secs(1)).await;
    for line in [
        r#"leader_election_master_status{name="test"} 0"#,
        r#"leader_election_slowpath_total{name="test"} 0"#,
        r#"annex_leader_election_failures_total{name="test"} 1"#,
    ] {
        assert!(told(&monitor).contains(line), "{}", told(&monitor));
    }
    link.set(Link::Working);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(log.lines(), ["first leads"]);
    assert!(told(&monitor).contains(r#"leader_election_master_status{name="test"} 1"#));
    tasks.stop(Instant::now() + DEADLINE).await;
    assert!(told(&monitor).contains(r#"leader_election_master_status{name="test"} 0"#));
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_past_the_end_of_its_lease_is_not_alive() {
    let leases = FakeLeases::default();
    let (elected, link) = elected(&leases, "first");
    let health = Health::new(vec![election::check(elected.monitor().clone())]);
    let alive = async || health.ask_one(Endpoint::Livez, "leaderElection").await;
    assert_eq!(alive().await, Some(Outcome::Well));
    let mut election = Election::monitored(
        elected.client.clone(),
        elected.lease.clone(),
        elected.monitor.clone(),
    );
    election.leading().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(alive().await, Some(Outcome::Well));
    link.set(Link::Cut);
    election.lost().await;
    assert_eq!(alive().await, Some(Outcome::Well), "it may still stop");
    sleep(Duration::from_secs(35)).await;
    let why = "failed election to renew leadership on lease test";
    assert_eq!(alive().await, Some(Outcome::Sick(why.into())));
}

#[tokio::test]
async fn a_lease_is_for_who_has_a_cluster_and_may_have_other_replicas() {
    let directory = tempfile::tempdir().unwrap();
    let (client, _) = FakeLeases::default().client();
    let mut config = Config::for_tests(directory.path());
    let of =
        |config: &Config| Elected::of(config, "program", Some(client.clone())).map(|elected| elected.lease);
    assert!(
        Elected::of(&config, "program", None).is_none(),
        "there is no cluster"
    );
    let lease = of(&config).unwrap();
    assert_eq!(
        (lease.namespace.as_str(), lease.name.as_str()),
        ("default", "test")
    );
    assert_eq!(lease.field_manager, "program");
    config.leader_election.namespace = Some("greeter".into());
    config.leader_election.name = "other".into();
    let lease = of(&config).unwrap();
    assert_eq!(
        (lease.namespace.as_str(), lease.name.as_str()),
        ("greeter", "other")
    );
    config.leader_election.enabled = false;
    assert!(of(&config).is_none(), "it is the only one by its flag");
    config.leader_election.enabled = true;
    let data = directory.path().join("data");
    config.storage.backend = Backend::Embedded(crate::storage::embedded::Options::new(data));
    assert!(of(&config).is_none(), "nobody else can have the storage open");
}
