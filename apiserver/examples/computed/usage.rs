//! What this process and this machine use, from `/proc`. The pod's names come from the downward API.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use crate::metrics::{Container, NodeMetrics, PodMetrics, Samples, Shared, Usage};

const PERIOD: Duration = Duration::from_secs(5);
/// Nanoseconds of a tick of `/proc`'s clocks.
const TICK: u64 = 10_000_000;

/// Measures every few seconds, on a thread of its own.
pub(crate) fn measured() -> Shared {
    let shared = Shared::default();
    let samples = shared.clone();
    std::thread::spawn(move || {
        let mut last = (process_ticks(), node_ticks(), Instant::now());
        loop {
            std::thread::sleep(PERIOD);
            let now = (process_ticks(), node_ticks(), Instant::now());
            let millis = u64::try_from((now.2 - last.2).as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            let rate = |now: u64, last: u64| now.saturating_sub(last) * TICK / millis * 1000;
            let pod = usage(rate(now.0, last.0), field("/proc/self/status", "VmRSS:"));
            let available = field("/proc/meminfo", "MemAvailable:");
            let node = usage(
                rate(now.1, last.1),
                field("/proc/meminfo", "MemTotal:").saturating_sub(available),
            );
            if let Ok(mut samples) = samples.write() {
                *samples = sample(pod, node);
            }
            last = now;
        }
    });
    shared
}

fn sample(pod: Usage, node: Usage) -> Samples {
    let named = |name: &str, namespace: Option<&str>| ObjectMeta {
        name: std::env::var(name).ok(),
        namespace: namespace.and_then(|namespace| std::env::var(namespace).ok()),
        ..ObjectMeta::default()
    };
    let (timestamp, window) = (Time(Timestamp::now()), format!("{}s", PERIOD.as_secs()));
    let container = Container {
        name: "server".to_owned(),
        usage: pod,
    };
    Samples {
        nodes: vec![NodeMetrics {
            metadata: named("NODE_NAME", None),
            timestamp: timestamp.clone(),
            window: window.clone(),
            usage: node,
        }],
        pods: vec![PodMetrics {
            metadata: named("POD_NAME", Some("POD_NAMESPACE")),
            timestamp,
            window,
            containers: vec![container],
        }],
    }
}

/// CPU in nanoseconds a second, memory in kibibytes.
fn usage(cpu: u64, memory: u64) -> Usage {
    let memory = ("memory".to_owned(), Quantity(format!("{memory}Ki")));
    Usage::from([("cpu".to_owned(), Quantity(format!("{cpu}n"))), memory])
}

/// The sum of `user` and `system` in `/proc/self/stat`, which come 12th and 13th behind the program's name.
fn process_ticks() -> u64 {
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let times = behind.split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// The sum of `user`, `nice` and `system` in the first line of `/proc/stat`.
fn node_ticks() -> u64 {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    numbers(stat.lines().next().unwrap_or_default()).take(3).sum()
}

fn field(path: &str, name: &str) -> u64 {
    let text = read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    numbers(line.unwrap_or_default()).next().unwrap_or_default()
}

/// The words that are numbers.
fn numbers(text: &str) -> impl Iterator<Item = u64> + '_ {
    text.split_whitespace().filter_map(|word| word.parse().ok())
}
