//! When endpoints are asked again that no pass asks: in turn, beside the reconciles, so that a fleet of any size costs few
//! handshakes a second.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use super::Shared;

/// How often it is looked whose turn it is.
const TICK: Duration = Duration::from_millis(500);
/// So many endpoints, of all servers, are asked often.
const FEW: usize = 100;
/// The longest time between two probes of an endpoint that is one of few.
const OFTEN: Duration = Duration::from_secs(20);
/// And of one of many.
const SELDOM: Duration = Duration::from_secs(60);
/// The part of that time by which a probe may be early, so that endpoints which were asked together are not asked together for ever.
const JITTER_PART: f64 = 0.2;

/// The longest time between two probes of an endpoint where there are so many.
pub(super) const fn period(endpoints: usize) -> Duration {
    if endpoints > FEW { SELDOM } else { OFTEN }
}

/// How old the answer of an endpoint is when it is asked again; `jitter` is from 0 to 1.
pub(super) fn pause(endpoints: usize, jitter: f64) -> Duration {
    period(endpoints).mul_f64(1.0 - JITTER_PART * jitter.clamp(0.0, 1.0))
}

/// Asks whose turn it is. Dropped, it ends its probes.
pub(super) async fn keep_asking(shared: Arc<Shared>) {
    let mut probes = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while probes.try_join_next().is_some() {}
        Shared::ask_due(&shared, &mut probes, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_endpoints_are_asked_less_often_and_not_together() {
        let seconds = |endpoints, jitter| pause(endpoints, jitter).as_secs();
        assert_eq!((seconds(100, 0.0), seconds(100, 1.0)), (20, 16));
        assert_eq!((seconds(101, 0.0), seconds(101, 1.0)), (60, 48));
    }
}
