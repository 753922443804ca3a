//! What an evaluation does beside what Kubernetes charges for: values that are compared, walked through, written and made. Kubernetes ends
//! an evaluation with its request; here this work is bounded too, and ends as what costs too much does.
//!
//! Values compare and write themselves where nothing can be handed in, so that what is left is kept by the thread that evaluates.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use annex_re2::{Error, Pattern};

use super::Fail;

/// How much work goes with each unit of cost that an evaluation may have. A unit is a value that is looked at, or a byte that is written.
const PER_COST: u64 = 40;
/// What any evaluation may do.
const LEAST: u64 = 4_000_000;
/// What no evaluation may do.
const MOST: u64 = 400_000_000;
/// How much is done between two looks at the clock.
const BETWEEN: u64 = 20_000;
/// How many bytes are read for what looking at a value takes.
const READ: usize = 64;
/// What an element of a list takes, in bytes.
pub(crate) const ELEMENT: usize = 24;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    static CLOCK: Cell<Clock> = const { Cell::new(Clock { until: None, look_at: 0 }) };
}

/// How many patterns are kept that were compiled on the way.
const PATTERNS: usize = 4;
/// How many bytes of a compiled pattern are made for what looking at a value takes.
const COMPILED: usize = 4;

thread_local! {
    static KNOWN: RefCell<Vec<(String, Result<Pattern, Error>)>> = const { RefCell::new(Vec::new()) };
}

/// A pattern that is no constant, compiled: the last few of an evaluation are kept.
///
/// # Errors
/// Nothing more may be done.
pub(crate) fn pattern(text: &str) -> Result<Result<Pattern, Error>, Fail> {
    KNOWN.with_borrow_mut(|known| {
        if let Some(at) = known.iter().position(|(other, _)| other == text) {
            let found = known.remove(at);
            let pattern = found.1.clone();
            known.push(found);
            return Ok(pattern);
        }
        look_at_the_clock()?;
        let pattern = Pattern::new(text);
        let memory = pattern.as_ref().map_or(text.len(), Pattern::memory);
        spend(memory / COMPILED + text.len() + 1)?;
        if known.len() == PATTERNS {
            drop(known.remove(0));
        }
        known.push((text.to_owned(), pattern.clone()));
        Ok(pattern)
    })
}

/// Until when an evaluation may go on, and what is left where that is looked at next.
#[derive(Clone, Copy)]
struct Clock {
    until: Option<Instant>,
    look_at: u64,
}

/// The work of one evaluation, or of all of an object, of which each evaluation's is a part.
pub(crate) struct Work {
    given: u64,
    left_before: u64,
    clock_before: Clock,
}

impl Work {
    /// Begins what may cost this much, and go on until then.
    pub(crate) fn begin(cost: u64, until: Option<Instant>) -> Self {
        KNOWN.with_borrow_mut(Vec::clear);
        let left_before = LEFT.get();
        let given = cost.saturating_mul(PER_COST).clamp(LEAST, MOST).min(left_before);
        LEFT.set(given);
        Self {
            given,
            left_before,
            clock_before: CLOCK.replace(Clock {
                until,
                look_at: given,
            }),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let done = self.given.saturating_sub(LEFT.get());
        // Outside of all of it, nothing is counted.
        let outermost = self.left_before > MOST;
        LEFT.set(if outermost {
            u64::MAX
        } else {
            self.left_before.saturating_sub(done)
        });
        CLOCK.set(self.clock_before);
        KNOWN.with_borrow_mut(Vec::clear);
    }
}

/// Does some of the work.
///
/// # Errors
/// There is none left, or it is too late.
pub(crate) fn spend(units: usize) -> Result<(), Fail> {
    let left = LEFT.get();
    let after = left.saturating_sub(units as u64);
    LEFT.set(after);
    if after == 0 {
        return Err(Fail::TooCostly);
    }
    if after <= CLOCK.get().look_at {
        return look(after);
    }
    Ok(())
}

/// Looks at the clock.
pub(crate) fn look_at_the_clock() -> Result<(), Fail> {
    look(LEFT.get())
}

fn look(left: u64) -> Result<(), Fail> {
    let clock = CLOCK.get();
    CLOCK.set(Clock {
        look_at: left.saturating_sub(BETWEEN),
        ..clock
    });
    if clock.until.is_some_and(|until| Instant::now() >= until) {
        LEFT.set(0);
        return Err(Fail::TooCostly);
    }
    Ok(())
}

/// Reads so many bytes.
///
/// # Errors
/// As `spend`.
pub(crate) fn read(bytes: usize) -> Result<(), Fail> {
    spend(bytes / READ + 1)
}

/// Whether nothing more may be done.
pub(crate) fn is_done() -> bool {
    LEFT.get() == 0
}
