//! What client input costs, in instructions: of each decoder, patch, selector, validator and message at most five times as much
//! for four times the input. A loop in a loop shows as sixteen times as much.
//!
//! Instructions are counted by callgrind (Debian: `valgrind`), so that neither the machine's speed nor its load matters: this
//! test runs its own binary under it. [`cost_mark`] is where callgrind writes down what was counted since the mark before.
//! With `ANNEX_COSTS_ONLY=patch` in the environment only the cases whose names contain `patch` are counted.

mod cases;
mod inputs;
mod managed_fields;

use std::path::Path;
use std::process::Command;

use cases::CASES;
use inputs::{Case, Prepared};

/// Small and large input.
const SMALL: usize = 1000;
const LARGE: usize = 4 * SMALL;

/// Linear is 4; what is sorted or found in a tree on the way costs a little more.
const MOST: f64 = 5.0;

/// Set for a run that is counted: which share of the cases it is.
const SHARE: &str = "ANNEX_COSTS_SHARE";
/// Set by who looks at some cases only: what their names contain.
const ONLY: &str = "ANNEX_COSTS_ONLY";
/// Runs side by side: callgrind has one processor only. More than there may be processors, for shares are not alike.
const SHARES: usize = 4;

/// Callgrind writes a part of its profile whenever this is entered.
#[inline(never)]
fn cost_mark() {
    std::hint::black_box(());
}

#[test]
fn four_times_the_input_costs_at_most_five_times_as_much() {
    if let Ok(share) = std::env::var(SHARE) {
        run(&share_of(share.parse().unwrap()));
        return;
    }
    let ratios: Vec<(f64, String)> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..SHARES)
            .map(|share| scope.spawn(move || ratios(share)))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().unwrap())
            .collect()
    });
    assert_eq!(ratios.len(), wanted().count());
    let report: Vec<&str> = ratios.iter().map(|(_, line)| line.as_str()).collect();
    println!("{}", report.join("\n"));
    let failed: Vec<&str> = ratios
        .iter()
        .filter(|(ratio, _)| *ratio > MOST)
        .map(|(_, line)| line.as_str())
        .collect();
    assert!(failed.is_empty(), "not linear:\n{}", failed.join("\n"));
}

fn share_of(share: usize) -> Vec<&'static (&'static str, Case)> {
    wanted().skip(share).step_by(SHARES).collect()
}

fn wanted() -> impl Iterator<Item = &'static (&'static str, Case)> {
    let only = std::env::var(ONLY).unwrap_or_default();
    CASES.iter().filter(move |(name, _)| name.contains(&only))
}

/// Every case with little and with much input.
fn run(cases: &[&(&str, Case)]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Lazy tables are made before anything is counted.
    cases::decode_unknown_fields(&runtime, 1)();
    for (_, case) in cases {
        for size in [SMALL, LARGE] {
            let prepared: Prepared<'_> = case(&runtime, size);
            cost_mark();
            prepared();
            cost_mark();
        }
    }
}

/// Of each case of a share how much more much input costs than little, and a line that says so.
fn ratios(share: usize) -> Vec<(f64, String)> {
    let directory = tempfile::tempdir().unwrap();
    count(share, directory.path());
    // The first part ends at the first mark: of each two that follow one is a run, and one what prepares the next.
    let run = |number: usize| totals(&directory.path().join(format!("part.{}", 2 * number + 2)));
    let cases = share_of(share).into_iter().enumerate();
    cases
        .map(|(number, (name, _))| {
            let (small, large) = (run(2 * number), run(2 * number + 1));
            #[expect(clippy::cast_precision_loss, reason = "a ratio of two figures")]
            let ratio = large as f64 / small.max(1) as f64;
            (ratio, format!("{ratio:6.2} {small:>12} {large:>12}  {name}"))
        })
        .collect()
}

fn count(share: usize, directory: &Path) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-before=*cost_mark*", "--quiet"])
        .arg(format!(
            "--callgrind-out-file={}",
            directory.join("part").display()
        ))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads=1", "--nocapture"])
        .arg("costs::four_times_the_input_costs_at_most_five_times_as_much")
        .env(SHARE, share.to_string())
        .output()
        .expect("valgrind is there (Debian: apt-get install valgrind)");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What was counted in one part.
fn totals(part: &Path) -> u64 {
    let text = std::fs::read_to_string(part).unwrap_or_else(|error| panic!("{}: {error}", part.display()));
    text.lines()
        .find_map(|line| line.strip_prefix("totals:"))
        .and_then(|totals| totals.trim().parse().ok())
        .unwrap_or_else(|| panic!("{} says no total", part.display()))
}
