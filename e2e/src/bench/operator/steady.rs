//! What the operator does while nothing happens.

use std::time::{Duration, Instant};

use super::process::Operator;
use super::table::Table;
use super::{Bench, Error, audited};
use crate::progress;
use crate::scenarios::audit::Audit;

/// How long nothing may have been written before the steady state is said to have begun.
const QUIET: Duration = Duration::from_secs(15);
/// How long that may take; then the figures are of what goes on.
const QUIET_LIMIT: Duration = Duration::from_secs(180);
/// For how long it is looked at: three times the operator's resync period.
const WINDOW: Duration = Duration::from_secs(60);
/// How many writes, and kinds of reads, are named.
const NAMED: usize = 5;

const MIB: f64 = 1024.0 * 1024.0;

/// Looks at the operator of `servers` servers for a while.
pub(super) async fn measure(
    bench: &Bench<'_>,
    operator: &Operator,
    servers: usize,
    table: &mut Table,
) -> Result<(), Error> {
    if !quiet(&mut bench.audit()?).await? {
        progress::say(format!(
            "    the operator still writes {} s after all servers were Ready",
            QUIET_LIMIT.as_secs()
        ));
    }
    let mut audit = bench.audit()?;
    let (begin, before) = (Instant::now(), operator.cpu_time()?);
    tokio::time::sleep(WINDOW).await;
    let (took, after) = (begin.elapsed(), operator.cpu_time()?);
    let requests = audited(audit.requests_of_the_operator())?;
    name(&requests.writes);
    table.alone(
        servers,
        &format!("steady, {} s: writes beside the Lease", WINDOW.as_secs()),
        &requests.writes.len().to_string(),
    );
    let reads: usize = requests.reads.values().sum();
    let mut by_count: Vec<_> = requests.reads.iter().map(|(what, count)| (count, what)).collect();
    by_count.sort_unstable_by(|a, b| b.cmp(a));
    for (count, what) in by_count.into_iter().take(NAMED) {
        progress::say(format!("    read {count} times: {what}"));
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer requests than 2^52")]
    let rate = reads as f64 / took.as_secs_f64();
    table.alone(servers, "steady: reads beside the Lease", &format!("{rate:.1}/s"));
    let share = (after.saturating_sub(before)).as_secs_f64() / took.as_secs_f64() * 100.0;
    table.alone(servers, "steady: processor", &format!("{share:.1} % of a core"));
    memory(operator, "steady: memory", servers, table)
}

/// The operator's resident memory, and its peak.
pub(super) fn memory(
    operator: &Operator,
    figure: &str,
    servers: usize,
    table: &mut Table,
) -> Result<(), Error> {
    let (resident, peak) = operator.memory()?;
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let [resident, peak] = [resident, peak].map(|bytes| bytes as f64 / MIB);
    table.alone(
        servers,
        figure,
        &format!("{resident:.0} MiB (peak {peak:.0} MiB)"),
    );
    Ok(())
}

/// Says what some of the writes were.
pub(super) fn name(writes: &[String]) {
    for write in writes.iter().take(NAMED) {
        progress::say(format!("    wrote: {write}"));
    }
}

/// Waits until nothing was written for a while. Whether that came.
async fn quiet(audit: &mut Audit) -> Result<bool, Error> {
    let deadline = Instant::now() + QUIET_LIMIT;
    while Instant::now() < deadline {
        tokio::time::sleep(QUIET).await;
        if audited(audit.writes_of_the_operator())?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
