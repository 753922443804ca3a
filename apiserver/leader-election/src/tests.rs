//! Leader election: the decision by table, the loop against fake Leases on a clock that the test runtime moves on.

use std::time::Duration;

use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    decide::{Action, Observation, decide, held, released},
    fake::{FakeLeases, Link, LinkHandle},
    *,
};

/// Longer than any of the loop's times together; only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(300);
const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(2);

fn settings(identity: &str) -> LeaseSettings {
    LeaseSettings {
        namespace: "annex".to_owned(),
        name: "annex-operator".to_owned(),
        identity: identity.to_owned(),
        field_manager: "annex-operator".to_owned(),
        timings: Timings::default(),
    }
}

fn lease(spec: Value) -> Option<Lease> {
    Some(serde_json::from_value(json!({"metadata": {"name": "annex-operator"}, "spec": spec})).unwrap())
}

fn contend(leases: &FakeLeases, identity: &str) -> (Election, LinkHandle) {
    let (client, link) = leases.client();
    (Election::start(client, settings(identity)), link)
}

async fn leads(election: &mut Election) {
    timeout(LONG, election.leading())
        .await
        .expect("does not lead")
        .expect("lost before leading");
}

async fn lost(election: &mut Election) -> LossReason {
    timeout(LONG, election.lost())
        .await
        .expect("does not lose the lease")
}

#[tokio::test(start_paused = true)]
async fn decides_by_holder_expiry_and_role() {
    use Action::{Create, Renew, StepDown, Take, Wait};
    let other = || lease(json!({"holderIdentity": "other", "leaseDurationSeconds": 15}));
    let ours = || lease(json!({"holderIdentity": "me", "leaseDurationSeconds": 15}));
    let free = || lease(json!({"holderIdentity": "", "leaseDurationSeconds": 15}));
    for (name, observed, age, standby, leader) in [
        ("no lease", None, 0, Create, Create),
        ("another's", other(), 14, Wait, StepDown),
        ("another's, expired", other(), 15, Take, StepDown),
        (
            "another's, by no elector",
            lease(json!({"holderIdentity": "other"})),
            0,
            Take,
            StepDown,
        ),
        (
            "another's, nonsense",
            lease(json!({"holderIdentity": "other", "leaseDurationSeconds": -1})),
            0,
            Take,
            StepDown,
        ),
        ("ours", ours(), 0, Renew, Renew),
        ("ours, expired", ours(), 99, Renew, Renew),
        ("released", free(), 0, Take, StepDown),
        ("without holder", lease(json!({})), 0, Take, StepDown),
    ] {
        let since = Instant::now();
        let now = since + Duration::from_secs(age);
        let observed = Observation {
            lease: observed,
            since,
        };
        assert_eq!(decide(&observed, now, "me", false), standby, "{name}, standby");
        assert_eq!(decide(&observed, now, "me", true), leader, "{name}, leader");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_changed_spec_starts_the_time_anew() {
    let spec = json!({"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": "2020-01-01T00:00:00.000000Z"});
    let start = Instant::now();
    let first = Observation::of(None, lease(spec.clone()), start);
    let later = start + Duration::from_secs(14);

    let mut touched = lease(spec.clone()).unwrap();
    touched.metadata.resource_version = Some("7".to_owned());
    touched.metadata.labels = Some([("touched".to_owned(), "yes".to_owned())].into());
    assert_eq!(Observation::of(Some(&first), Some(touched), later).since, start);

    // The holder's clock may stand in the past: that it writes is what counts.
    let mut renewed = spec;
    renewed["renewTime"] = json!("1999-01-01T00:00:00.000000Z");
    let renewed = Observation::of(Some(&first), lease(renewed), later);
    assert_eq!(renewed.since, later);
    assert_eq!(
        Observation::of(Some(&renewed), None, later + RETRY).since,
        later + RETRY
    );
}

#[test]
fn writes_keep_what_is_not_the_electors() {
    let time = || MicroTime("2026-01-01T00:00:00Z".parse().unwrap());
    let later = || MicroTime("2026-01-01T00:00:02Z".parse().unwrap());
    let other = lease(
        json!({"holderIdentity": "other", "leaseTransitions": 4, "strategy": "OldestEmulationVersion"}),
    );
    let taken = held(other.as_ref(), &settings("me"), time());
    let spec = serde_json::to_value(&taken).unwrap()["spec"].clone();
    let expected = json!({
        "holderIdentity": "me", "leaseTransitions": 5, "leaseDurationSeconds": 15, "strategy": "OldestEmulationVersion",
        "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
    });
    assert_eq!(spec, expected);

    let renewed = held(Some(&taken), &settings("me"), later()).spec.unwrap();
    assert_eq!(
        (renewed.lease_transitions, renewed.acquire_time),
        (Some(5), Some(time()))
    );
    assert_eq!(renewed.renew_time, Some(later()));

    let free = released(taken, later()).spec.unwrap();
    assert_eq!(
        (free.holder_identity.as_deref(), free.lease_duration_seconds),
        (Some(""), Some(1))
    );
    assert_eq!(free.lease_transitions, Some(5));
}

#[test]
fn times_must_fit() {
    let seconds = Duration::from_secs;
    assert_eq!(Timings::new(LEASE, RENEW, RETRY), Ok(Timings::default()));
    for (lease, renew, retry, expected) in [
        (
            Duration::from_millis(2500),
            seconds(2),
            seconds(1),
            TimingsError::LeaseDurationNotInSeconds,
        ),
        (
            Duration::ZERO,
            seconds(2),
            seconds(1),
            TimingsError::LeaseDurationNotInSeconds,
        ),
        (
            seconds(1 << 40),
            seconds(2),
            seconds(1),
            TimingsError::LeaseDurationNotInSeconds,
        ),
        (
            seconds(10),
            seconds(10),
            seconds(2),
            TimingsError::LeaseNotLongerThanRenewDeadline,
        ),
        (
            seconds(15),
            Duration::from_millis(2400),
            seconds(2),
            TimingsError::RenewDeadlineNotLongerThanRetries,
        ),
        (
            seconds(15),
            seconds(10),
            Duration::ZERO,
            TimingsError::RetryPeriodZero,
        ),
    ] {
        assert_eq!(
            Timings::new(lease, renew, retry),
            Err(expected),
            "{lease:?} {renew:?} {retry:?}"
        );
    }
}

#[test]
fn an_identity_is_the_processs_own() {
    let identity = || {
        LeaseSettings::new(
            "annex",
            "annex-operator",
            "annex-0",
            "annex-operator",
            Timings::default(),
        )
        .identity
    };
    let (one, two) = (identity(), identity());
    assert_ne!(one, two);
    let uuid = one.strip_prefix("annex-0_").unwrap();
    let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert_eq!(uuid.as_bytes()[14], b'4');
    assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
}

#[tokio::test(start_paused = true)]
async fn the_first_creates_the_lease_and_renews_it() {
    let leases = FakeLeases::default();
    let (mut election, _) = contend(&leases, "a");
    leads(&mut election).await;
    let spec = leases.lease()["spec"].clone();
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseTransitions"]),
        (&json!("a"), &json!(0))
    );
    sleep(Duration::from_secs(60)).await;
    assert!(
        (28..=31).contains(&leases.writes()),
        "{} writes in a minute",
        leases.writes()
    );
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_standby_waits_while_the_leader_renews() {
    let leases = FakeLeases::default();
    let (mut first, _) = contend(&leases, "a");
    leads(&mut first).await;
    let (mut second, _) = contend(&leases, "b");
    assert!(timeout(LONG, second.leading()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_expired_lease_is_taken_over() {
    let leases = FakeLeases::default();
    let (mut first, _) = contend(&leases, "a");
    leads(&mut first).await;
    let (mut second, _) = contend(&leases, "b");
    sleep(Duration::from_secs(30)).await;
    // As with kill -9.
    drop(first);
    let died = Instant::now();
    leads(&mut second).await;
    let waited = died.elapsed();
    assert!(
        waited > LEASE - RETRY.mul_f64(2.2) && waited < LEASE + 3 * RETRY.mul_f64(2.2),
        "{waited:?}"
    );
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_leaders_lease_expires_though_somebody_labels_it() {
    let leases = FakeLeases::default();
    let (mut first, _) = contend(&leases, "a");
    leads(&mut first).await;
    drop(first);
    let (mut second, _) = contend(&leases, "b");
    let labels = async {
        for number in 0.. {
            sleep(Duration::from_secs(1)).await;
            leases.edit(|lease| lease["metadata"]["labels"] = json!({"touched": number.to_string()}));
        }
    };
    tokio::select! {
        () = labels => {}
        () = leads(&mut second) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_at_once() {
    let leases = FakeLeases::default();
    let (mut first, _) = contend(&leases, "a");
    leads(&mut first).await;
    let (mut second, _) = contend(&leases, "b");
    sleep(Duration::from_secs(30)).await;
    first.release().await;
    let spec = leases.lease()["spec"].clone();
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseDurationSeconds"]),
        (&json!(""), &json!(1))
    );
    let freed = Instant::now();
    leads(&mut second).await;
    assert!(freed.elapsed() <= RETRY.mul_f64(2.2), "{:?}", freed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_standby_releases_nothing() {
    let leases = FakeLeases::default();
    let (mut first, _) = contend(&leases, "a");
    leads(&mut first).await;
    let (second, _) = contend(&leases, "b");
    sleep(RETRY).await;
    second.release().await;
    assert_eq!(leases.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_release_without_an_answer_ends() {
    let leases = FakeLeases::default();
    let (mut election, link) = contend(&leases, "a");
    leads(&mut election).await;
    link.set(Link::Cut);
    let asked = Instant::now();
    timeout(LONG, election.release())
        .await
        .expect("the release does not end");
    assert!(asked.elapsed() <= RENEW / 2, "{:?}", asked.elapsed());
    assert_eq!(leases.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_another_can_lead() {
    for fault in [Link::Failing, Link::Cut] {
        let leases = FakeLeases::default();
        let (mut first, link) = contend(&leases, "a");
        leads(&mut first).await;
        let (mut second, _) = contend(&leases, "b");
        sleep(Duration::from_secs(30)).await;
        link.set(fault);
        let broke = Instant::now();
        assert_eq!(lost(&mut first).await, LossReason::RenewDeadline);
        assert!(broke.elapsed() <= RENEW, "{fault:?}: {:?}", broke.elapsed());
        assert!(
            broke.elapsed() >= RENEW - RETRY,
            "{fault:?}: {:?}",
            broke.elapsed()
        );
        assert_eq!(leases.lease()["spec"]["holderIdentity"], "a", "{fault:?}");
        leads(&mut second).await;
    }
}

#[tokio::test(start_paused = true)]
async fn short_faults_do_not_end_a_leadership() {
    let leases = FakeLeases::default();
    let (mut election, link) = contend(&leases, "a");
    leads(&mut election).await;
    for fault in [Link::Failing, Link::Cut, Link::AnswersLost] {
        link.set(fault);
        sleep(RENEW - RETRY * 2).await;
        link.set(Link::Working);
        assert!(
            timeout(Duration::from_secs(30), election.lost()).await.is_err(),
            "{fault:?}"
        );
    }
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_somebody_elses_label_is_resolved() {
    let leases = FakeLeases::default();
    let (mut election, _) = contend(&leases, "a");
    leads(&mut election).await;
    leases.edit(|lease| lease["metadata"]["labels"] = json!({"team": "storage"}));
    let before = leases.writes();
    assert!(timeout(LONG, election.lost()).await.is_err());
    assert!(leases.writes() > before);
    assert_eq!(leases.lease()["metadata"]["labels"]["team"], "storage");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_created_again() {
    let leases = FakeLeases::default();
    let (mut election, _) = contend(&leases, "a");
    leads(&mut election).await;
    leases.edit(|lease| *lease = Value::Null);
    assert!(timeout(LONG, election.lost()).await.is_err());
    assert_eq!(leases.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_names_another_or_nobody_is_lost_at_once() {
    for holder in ["b", ""] {
        let leases = FakeLeases::default();
        let (mut election, _) = contend(&leases, "a");
        leads(&mut election).await;
        leases.edit(|lease| lease["spec"]["holderIdentity"] = json!(holder));
        let taken = Instant::now();
        assert_eq!(lost(&mut election).await, LossReason::Taken);
        assert!(taken.elapsed() <= RETRY, "{:?}", taken.elapsed());
        election.release().await;
        assert_eq!(leases.lease()["spec"]["holderIdentity"], holder);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_answer_was_lost_is_found_again() {
    let leases = FakeLeases::default();
    let (mut election, link) = contend(&leases, "a");
    link.set(Link::AnswersLost);
    sleep(Duration::from_secs(30)).await;
    link.set(Link::Working);
    leads(&mut election).await;
    assert!(leases.writes() > 1);
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_contenders_never_both_lead() {
    let leases = FakeLeases::default();
    let (mut leader, mut leaders_link) = contend(&leases, "0");
    leads(&mut leader).await;
    for round in 1..=20 {
        let (mut standby, standbys_link) = contend(&leases, &round.to_string());
        sleep(Duration::from_millis(700 * round)).await;
        leaders_link.set([Link::Failing, Link::Cut, Link::AnswersLost][round as usize % 3]);
        tokio::select! {
            // When the standby leads, the leader must have lost before: its task ran first, at an earlier time.
            biased;
            _ = lost(&mut leader) => {}
            () = leads(&mut standby) => panic!("both lead in round {round}"),
        }
        // What it sent before its end may still be done, and holds the lease for one duration more.
        leads(&mut standby).await;
        (leader, leaders_link) = (standby, standbys_link);
    }
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 20);
}

fn monitored(leases: &FakeLeases, identity: &str) -> (Election, LinkHandle, ElectionMonitor) {
    let (client, link) = leases.client();
    let monitor = ElectionMonitor::new(&settings(identity));
    let election = Election::monitored(client, settings(identity), monitor.clone());
    (election, link, monitor)
}

#[tokio::test(start_paused = true)]
async fn who_leads_is_told_and_each_renewal_that_had_to_read_first() {
    let leases = FakeLeases::default();
    let (mut first, _, of_first) = monitored(&leases, "a");
    leads(&mut first).await;
    let (mut second, _, of_second) = monitored(&leases, "b");
    sleep(Duration::from_secs(60)).await;
    assert_eq!((of_first.is_leader(), of_second.is_leader()), (true, false));
    assert_eq!((of_first.slow_paths(), of_first.failures()), (0, 0));
    // Somebody else's write costs one read.
    leases.edit(|lease| lease["metadata"]["labels"] = json!({"touched": "once"}));
    sleep(Duration::from_secs(60)).await;
    assert_eq!((of_first.slow_paths(), of_first.failures()), (1, 0));
    first.release().await;
    leads(&mut second).await;
    assert_eq!((of_first.is_leader(), of_second.is_leader()), (false, true));
    leases.edit(|lease| lease["spec"]["holderIdentity"] = json!("c"));
    assert_eq!(lost(&mut second).await, LossReason::Taken);
    assert!(!of_second.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_counted_and_who_stands_by_is_well() {
    let leases = FakeLeases::default();
    let (mut election, link, monitor) = monitored(&leases, "a");
    link.set(Link::Failing);
    sleep(Duration::from_secs(60)).await;
    let failures = monitor.failures();
    assert!((13..=31).contains(&failures), "{failures} in a minute");
    link.set(Link::Cut);
    sleep(Duration::from_secs(60)).await;
    assert!(monitor.failures() > failures, "no answer is none");
    assert!(!monitor.is_leader());
    assert_eq!(monitor.check(Duration::ZERO), Ok(()));
    link.set(Link::Working);
    leads(&mut election).await;
    assert!(monitor.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_goes_on_past_the_end_of_its_lease_is_unhealthy() {
    let leases = FakeLeases::default();
    let (mut election, link, monitor) = monitored(&leases, "a");
    leads(&mut election).await;
    sleep(Duration::from_secs(300)).await;
    assert_eq!(monitor.check(Duration::ZERO), Ok(()), "it renews");
    link.set(Link::Cut);
    assert_eq!(lost(&mut election).await, LossReason::RenewDeadline);
    let tolerable = MAX_TOLERABLE_EXPIRED_LEASE;
    sleep(LEASE - RENEW + tolerable - RETRY).await;
    assert_eq!(monitor.check(tolerable), Ok(()));
    sleep(2 * RETRY).await;
    let expired = monitor.check(tolerable).unwrap_err();
    assert_eq!(
        expired.to_string(),
        "failed election to renew leadership on lease annex-operator"
    );
    // The next election begins with nothing.
    let (client, _) = leases.client();
    let _next = Election::monitored(client, settings("a"), monitor.clone());
    assert_eq!(monitor.check(tolerable), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_nobodys_health() {
    let leases = FakeLeases::default();
    let (mut election, _, monitor) = monitored(&leases, "a");
    leads(&mut election).await;
    election.release().await;
    sleep(LONG).await;
    assert_eq!(
        (monitor.is_leader(), monitor.check(Duration::ZERO)),
        (false, Ok(()))
    );
}

#[tokio::test(start_paused = true)]
async fn who_goes_without_a_word_does_not_lead_any_more() {
    let leases = FakeLeases::default();
    let (mut election, _, monitor) = monitored(&leases, "a");
    leads(&mut election).await;
    assert!(monitor.is_leader());
    drop(election);
    sleep(RETRY).await;
    assert!(!monitor.is_leader());
}
