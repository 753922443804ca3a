//! Who may go on: the seats of requests, in the place of k8s.io/apiserver's `WithPriorityAndFairness`
//! (pkg/server/filters/priority-and-fairness.go), with the priority levels that need no configuration.
//!
//! | level | who | seats |
//! |---|---|---|
//! | `exempt` | `system:masters` | as many as they ask for |
//! | `global-default` | everybody else who said who they are | all, of which one user may hold half |
//! | `catch-all` | who did not | a few of their own, for all of them together |
//!
//! A seat is held by work. Where an answer is an error, or small, it is given back when the answer is made: who does not read
//! holds no work up. What is large, or made while it is sent, holds its seats until it is out, and of those there are fewer
//! than there are in all. `docs/adr/0007-seats-are-held-by-work.md` says why.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use prometheus_client::metrics::gauge::Gauge;

use super::permit::Permit;
use super::work_estimator;
use crate::authn;
use crate::authz::Authorized;
use crate::endpoint::{Endpoints, MOST_BODY_BYTES};
use crate::flowcontrol::{Admitted, Limits, QueueSet, Rejected, Seat};
use crate::request::{User, Verb};
use crate::server::metrics::{FlowMetrics, PriorityLevel};

/// How long a request waits for its seats.
const WAIT: Duration = Duration::from_secs(5);
/// Of so many seats one is for who did not say who they are, of whose watches there may be as many more.
const STRANGERS_SHARE: usize = 32;
/// Bytes of a body up to which it may come without asking. Also the unit in which those of larger ones are counted.
pub(super) const SMALL_BODY: usize = 64 * 1024;

/// The seats of a server.
#[derive(Debug)]
pub(in crate::server) struct FlowControl {
    exempt: Level,
    users: Level,
    strangers: Level,
    reading: Gauge,
    writing: Gauge,
}

/// Those whose requests are treated alike.
#[derive(Debug)]
struct Level {
    seats: QueueSet,
    /// What stays open: watches.
    long_running: QueueSet,
    /// Room for bodies.
    bodies: QueueSet,
    metrics: FlowMetrics,
}

/// A request that asks to be let in.
#[derive(Clone, Copy)]
pub(super) struct Flow<'a> {
    control: &'a FlowControl,
    level: &'a Level,
    user: &'a str,
    seats: usize,
    verb: Verb,
    is_resource: bool,
}

/// What is being waited for.
pub(super) type Waiting = BoxFuture<'static, Result<Seat, Rejected>>;

/// A seat, or the wait for it.
pub(super) enum Asked {
    Seated(Seat),
    Waiting(Waiting),
}

impl FlowControl {
    /// `seats` for requests (0: as many as come) and `watches` that may be open (0: any number). `body_bytes`: what bodies may
    /// hold which are still coming, or are being worked on; a smaller one than [`SMALL_BODY`] is not counted.
    pub(in crate::server) fn new(
        seats: usize,
        watches: usize,
        body_bytes: usize,
        metrics: impl Fn(PriorityLevel, usize) -> FlowMetrics,
        [reading, writing]: [Gauge; 2],
    ) -> Self {
        let of_strangers = |all: usize| {
            if all == 0 {
                0
            } else {
                (all / STRANGERS_SHARE).max(1)
            }
        };
        Self {
            exempt: Level::new(0, 0, 0, 1, metrics(PriorityLevel::Exempt, 0)),
            users: Level::new(
                seats,
                watches,
                // The largest, of everybody who may hold half of them, at least.
                body_bytes.max(2 * MOST_BODY_BYTES) / SMALL_BODY,
                2,
                metrics(PriorityLevel::GlobalDefault, seats),
            ),
            strangers: Level::new(
                of_strangers(seats),
                of_strangers(watches),
                MOST_BODY_BYTES / SMALL_BODY,
                // All of them have one name.
                1,
                metrics(PriorityLevel::CatchAll, of_strangers(seats)),
            ),
            reading,
            writing,
        }
    }

    /// The request, with the seats that it needs.
    pub(super) fn flow<'a>(
        &'a self,
        request: &'a Authorized,
        query: &str,
        endpoints: &Endpoints,
    ) -> Flow<'a> {
        let (user, info) = (request.user(), request.info());
        let level = self.level(user);
        let registry = std::cell::OnceCell::new();
        let registry = || registry.get_or_init(|| endpoints.registry_of(info)).as_ref();
        Flow {
            control: self,
            level,
            user: &user.name,
            seats: work_estimator::seats(
                info,
                query,
                || registry()?.objects(&info.namespace),
                || registry().map_or(0, |registry| registry.watchers(&info.namespace)),
            ),
            verb: info.verb,
            is_resource: info.is_resource,
        }
    }

    fn level(&self, user: &User) -> &Level {
        if user.is_in(User::MASTERS) {
            &self.exempt
        } else if authn::is_anonymous(user) {
            &self.strangers
        } else {
            &self.users
        }
    }
}

impl Level {
    /// One flow has the `share`th part of it at most.
    fn new(seats: usize, long_running: usize, bodies: usize, share: usize, metrics: FlowMetrics) -> Self {
        let queued = |seats: usize| Limits {
            seats,
            per_flow: (seats / share).max(1),
            sending: (seats - seats / 4).max(1),
            queued: seats.saturating_mul(4),
            queued_per_flow: (seats / share / 2).max(1),
            wait: WAIT,
        };
        let at_once = Limits {
            queued: 0,
            queued_per_flow: 0,
            wait: Duration::ZERO,
            ..queued(long_running)
        };
        Self {
            seats: QueueSet::new(queued(seats), metrics.gauges.clone()),
            long_running: QueueSet::new(at_once, crate::flowcontrol::Gauges::default()),
            bodies: QueueSet::new(queued(bodies), crate::flowcontrol::Gauges::default()),
            metrics,
        }
    }
}

impl Flow<'_> {
    /// Whether it is to be let in before it is worked on: a write is when its body is there, since nobody knows when that
    /// will be.
    pub(super) fn has_body(&self) -> bool {
        self.is_resource && !self.is_reading()
    }

    fn is_reading(&self) -> bool {
        matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }

    /// A place among the watches.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn long_running(&self, permit: &mut Permit) -> Result<(), Rejected> {
        match self.level.long_running.ask(self.user, 1, false) {
            Ok(Admitted::Seated(seat)) => {
                permit.hold_open(seat);
                Ok(())
            }
            Ok(Admitted::Queued(_)) | Err(_) => {
                self.level.metrics.too_many_long_running();
                Err(Rejected::QueueFull)
            }
        }
    }

    /// Its seats. `permit` counts the wait for them.
    ///
    /// # Errors
    /// There are none for it in time.
    pub(super) async fn seat(&self, permit: &mut Permit) -> Result<Seat, Rejected> {
        match self.ask()? {
            Asked::Seated(seat) => Ok(seat),
            Asked::Waiting(seat) => {
                permit.begins_to_wait();
                let seat = seat.await;
                permit.ends_waiting();
                seat
            }
        }
    }

    /// Its seats, or the wait for them.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) fn ask(&self) -> Result<Asked, Rejected> {
        // What a list reads is sent while it is made.
        let is_sending = matches!(self.verb, Verb::List | Verb::Watch) && self.is_resource;
        let metrics = &self.level.metrics;
        match self.level.seats.ask(self.user, self.seats, is_sending) {
            Ok(Admitted::Seated(seat)) => {
                metrics.dispatched(Duration::ZERO);
                Ok(Asked::Seated(seat))
            }
            Ok(Admitted::Queued(queued)) => {
                let (metrics, started) = (metrics.clone(), Instant::now());
                let waiting = async move {
                    let seat = queued.seat().await;
                    match &seat {
                        Ok(_) => metrics.dispatched(started.elapsed()),
                        Err(rejected) => metrics.rejected(*rejected, started.elapsed()),
                    }
                    seat
                };
                Ok(Asked::Waiting(waiting.boxed()))
            }
            Err(rejected) => {
                metrics.rejected(rejected, Duration::ZERO);
                Err(rejected)
            }
        }
    }

    /// Room for a body of so many bytes, or the wait for it.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) fn ask_for_body(&self, bytes: usize) -> Result<Asked, Rejected> {
        let units = bytes.min(MOST_BODY_BYTES).div_ceil(SMALL_BODY);
        Ok(match self.level.bodies.ask(self.user, units, false)? {
            Admitted::Seated(seat) => Asked::Seated(seat),
            Admitted::Queued(queued) => Asked::Waiting(queued.seat().boxed()),
        })
    }

    /// Takes note that it is being worked on.
    pub(super) fn begin(&self, seat: Seat, permit: &mut Permit) {
        let is_reading = self.is_reading();
        let gauge = if is_reading {
            &self.control.reading
        } else {
            &self.control.writing
        };
        permit.begin(seat, is_reading, gauge);
    }
}
