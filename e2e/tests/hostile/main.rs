//! The attacks of `annex_e2e::attack` against a server of the library in this process, on loopback.
//!
//! The server has a runtime of its own with two workers, and a cluster that answers as many reviews as a busy
//! kube-apiserver does. OwnThread come from another address of loopback than everybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::field_reassign_with_default,
    missing_docs,
    unreachable_pub,
    reason = "what does not hold is a test that fails; the resources are those of the example program"
)]

mod callers;
mod cluster;
mod memory;
mod program;
#[path = "../../../apiserver/examples/wardle/resources.rs"]
mod resources;
mod served;
mod surroundings;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use annex_e2e::attack::{self, Attack, Limits, OwnThread, Victim};

use tokio::runtime::Runtime;

use callers::NAMESPACE;
use memory::Memory;
use served::Served;

/// One attack at a time: they share the machine, and each is to be seen by itself.
static ALONE: Mutex<()> = Mutex::new(());

/// An unoptimized server on a busy machine; what is looked for takes tens of seconds, or refuses.
const LIMITS: Limits = Limits {
    period: Duration::from_millis(500),
    probe: Duration::from_secs(10),
    request: Duration::from_secs(10),
};

/// What the process, attackers and all, may allocate: half the memory that the server is told it has. An allocator keeps much of
/// the rest for a while.
const MOST_GROWTH: usize = served::MEMORY as usize / 2;

pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn withstands(name: &str) {
    withstands_all(name, std::slice::from_ref(find(name)));
}

fn withstands_all(name: &str, attacks: &'static [Attack]) {
    let _alone = alone();
    attack::many_files().unwrap();
    let others = runtime(1);
    let began = Instant::now();
    let verdict = others.block_on(fight(attacks));
    // What is stuck is not waited for.
    others.shutdown_background();
    println!(
        "{name}: {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        verdict.as_ref().unwrap_or_else(|words| words)
    );
    if let Err(words) = verdict {
        panic!("{name}: {words}");
    }
}

pub fn runtime(workers: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

/// One after the other, on one server.
async fn fight(attacks: &'static [Attack]) -> Result<String, String> {
    let served = Served::start().await;
    let words = |error: attack::Error| error.to_string();
    let objects = attacks.iter().map(|attack| attack.objects).max();
    attack::fill(&served.callers.owner(), NAMESPACE, objects.unwrap_or_default())
        .await
        .map_err(words)?;
    let attackers = OwnThread::new().unwrap();
    let (mut report, mut faults) = (Vec::new(), Vec::new());
    let memory = Memory::follow();
    for attack in attacks {
        let callers = &served.callers;
        let victim = Victim::begin(callers.kubelet(), callers.users(), NAMESPACE.to_owned(), LIMITS).await;
        let told = attackers.begin(attack, callers.arena()).await;
        let seen = victim.end().await;
        report.push(told.as_ref().map_or_else(ToString::to_string, Clone::clone));
        report.push(format!("{seen}"));
        report.push(format!("at most {} MiB more", memory.grown() >> 20));
        faults.extend(told.err().map(words));
        faults.extend(seen.unharmed().err().map(words));
    }
    let growth = memory.grown();
    if growth > MOST_GROWTH {
        faults.push(format!("the process has grown by {} MiB", growth >> 20));
    }
    served.stop();
    let report = report.join("\n    ");
    if faults.is_empty() {
        Ok(report)
    } else {
        Err(format!("{}\n    {report}", faults.join("\n    ")))
    }
}

/// What a pod is given to end in.
const GRACE: Duration = Duration::from_secs(30);

#[test]
fn a_server_ends_beside_those_who_do_not_read() {
    let _alone = alone();
    let others = runtime(1);
    let took = others.block_on(async {
        let served = Served::start().await;
        let attack = find("unread-watches");
        let owner = served.callers.owner();
        attack::fill(&owner, NAMESPACE, attack.objects).await.unwrap();
        let mut arena = served.callers.arena();
        let begun = arena.scale.hold;
        arena.scale.hold = 3 * GRACE;
        let attackers = OwnThread::new().unwrap();
        drop(attackers.begin(attack, arena));
        tokio::time::sleep(begun).await;
        let took = served.shutdown(GRACE).await;
        drop(attackers);
        took
    });
    others.shutdown_background();
    println!("a shutdown beside unread watches took {took:?}");
    assert!(took.is_some(), "the server runs on after {} s", GRACE.as_secs());
}

fn find(name: &str) -> &'static Attack {
    attack::ALL.iter().find(|attack| attack.name == name).unwrap()
}

/// What one leaves behind, in histories and in the allocator, is still there when the next begins.
#[test]
fn a_server_withstands_one_attack_after_the_other() {
    withstands_all("all", attack::ALL);
}

macro_rules! attacks {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                withstands($name);
            }
        )*

        #[test]
        fn every_attack_is_tried() {
            let tried = [$($name),*];
            let all: Vec<&str> = attack::ALL.iter().map(|attack| attack.name).collect();
            assert_eq!(all, tried);
        }
    };
}

attacks! {
    unread_answers: "unread-answers",
    silent_connections: "silent-connections",
    selectors: "selectors",
    accept_clauses: "accept-clauses",
    creates: "creates",
    patches: "patches",
    unsent_bodies: "unsent-bodies",
    unread_lists: "unread-lists",
    unread_watches: "unread-watches",
    large_headers: "large-headers",
    random_tokens: "random-tokens",
    random_names: "random-names",
    resource_names: "resource-names",
}
