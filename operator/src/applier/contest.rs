//! One object that others change back again and again: when that counts as a contest, how long repairs wait then, and when it is
//! over. Pure.
//!
//! Two controllers that fight write without end: each write wakes the other. So a field is repaired at once a few times, and then
//! ever more slowly. What changes is written at once all the same: a repair writes what was written before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use tokio::time::Instant;

use super::managed_fields::Drift;

/// So many repairs of one field within [`WINDOW`] are made at once.
const AT_ONCE: usize = 3;
/// How long a repair counts.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// The pause after the last of them; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// How long a field has to stay as it was repaired for the contest to be over, unless others took half as long to come back.
const QUIET: Duration = Duration::from_secs(60);
/// How many fields of an object are counted.
const FIELDS: usize = 16;
/// How many are named.
const NAMED: usize = 3;

/// Something that others do to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dispute {
    /// The field; empty for the object as a whole.
    pub path: String,
    /// What is done to it.
    pub deed: Deed,
}

/// What is done to a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// It is changed, by these field managers; where there are none, nothing tells by whom.
    Changed(Vec<String>),
    /// It is removed, by whom nothing tells.
    Removed,
    /// The API server keeps something else than what was applied.
    AtAdmission,
}

impl Dispute {
    /// Somebody has taken a field, or removed it.
    pub(super) fn drift(drift: &Drift) -> Self {
        let managers: Vec<String> = drift.taken_by.iter().map(ToString::to_string).collect();
        Self {
            path: drift.path.clone(),
            deed: if managers.is_empty() {
                Deed::Removed
            } else {
                Deed::Changed(managers)
            },
        }
    }

    /// Somebody, of whom nothing is known, removes a field, or the object where `path` is empty.
    pub(super) fn removed(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            deed: Deed::Removed,
        }
    }

    /// Somebody, of whom nothing is known, changes a field.
    pub(super) fn changed(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            deed: Deed::Changed(Vec::new()),
        }
    }

    fn at_admission(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            deed: Deed::AtAdmission,
        }
    }
}

impl fmt::Display for Dispute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, deed } = self;
        match deed {
            Deed::Removed if path.is_empty() => write!(f, "it is deleted again and again"),
            Deed::Removed => write!(f, "{path} is removed again and again"),
            Deed::Changed(managers) if managers.is_empty() => write!(f, "{path} is changed again and again"),
            Deed::Changed(managers) => {
                write!(f, "{path} is changed again and again by {}", managers.join(", "))
            }
            Deed::AtAdmission => write!(f, "{path} is changed at admission"),
        }
    }
}

/// What is remembered of an object that was written.
#[derive(Clone, Debug)]
pub(super) struct Contest {
    /// What was applied last, see [`Desired::timeless_hash`](super::Desired::timeless_hash).
    wanted: Box<str>,
    /// When each field was repaired, the newest [`AT_ONCE`] times.
    repairs: BTreeMap<String, Vec<Instant>>,
    /// What is contested; nothing as long as repairs are made at once.
    told: BTreeSet<Dispute>,
    /// The pause that the next repair waits for.
    pause: Duration,
    written: Instant,
    /// When a pass came to it last.
    seen: Instant,
    /// It is known not to be as it was written.
    away: bool,
    /// The longest time that others took to come back.
    comeback: Duration,
}

impl Contest {
    /// An object that was written for the first time.
    pub(super) fn new(wanted: &str, now: Instant) -> Self {
        Self {
            wanted: wanted.into(),
            repairs: BTreeMap::new(),
            told: BTreeSet::new(),
            pause: FIRST_PAUSE,
            written: now,
            seen: now,
            away: false,
            comeback: Duration::ZERO,
        }
    }

    /// Whether what is wanted now is what was written last: then a write is a repair.
    pub(super) fn is_wanted(&self, wanted: &str) -> bool {
        *self.wanted == *wanted
    }

    /// Takes note whether the object is as it should be.
    pub(super) fn observe(&mut self, is_as_wanted: bool, now: Instant) {
        self.seen = now;
        if !is_as_wanted && !self.away {
            let since = now.saturating_duration_since(self.written);
            self.comeback = self.comeback.max(since.min(WINDOW));
        }
        self.away = !is_as_wanted;
    }

    /// Whether there is nothing left to be remembered. What no pass comes to any more is wanted no more, and contested by nobody.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let since = |then: Instant| now.saturating_duration_since(then);
        if self.told.is_empty() {
            return since(self.written) >= WINDOW;
        }
        let quiet = QUIET.max(self.comeback * 2);
        let is_as_written = !self.away && !self.is_at_admission();
        (is_as_written && since(self.written) >= quiet) || since(self.seen) >= quiet
    }

    /// Whether a write of `wanted` has to wait, whatever is found out about it. Where admission alone keeps something else, another field
    /// may have drifted.
    pub(super) fn waits(&self, wanted: &str, now: Instant) -> bool {
        let by_others = self.told.iter().any(|told| told.deed != Deed::AtAdmission);
        by_others && self.is_wanted(wanted) && !self.is_due(now)
    }

    /// Whether something is told of this field, or, where it is none, of any.
    pub(super) fn is_told_of(&self, path: Option<&str>) -> bool {
        self.told
            .iter()
            .any(|told| path.is_none_or(|path| told.path == path))
    }

    /// Whether it is time to see if admission still changes what is applied, which nothing else tells.
    pub(super) fn is_to_be_tried(&self, now: Instant) -> bool {
        self.is_at_admission() && self.is_due(now)
    }

    /// Whether these may be made good now. If so many others were, they are contested from now on.
    pub(super) fn may_repair(&mut self, wanted: &str, disputes: &[Dispute], now: Instant) -> bool {
        self.away = true;
        self.seen = now;
        let recent = |dispute: &&Dispute| {
            let times = self.repairs.get(&dispute.path);
            let times = times.into_iter().flatten();
            let within = |time: &&Instant| now.saturating_duration_since(**time) < WINDOW;
            times.filter(within).count() >= AT_ONCE
        };
        let is_contested = |dispute: &&Dispute| self.is_told_of(Some(&dispute.path));
        let contested: Vec<Dispute> = disputes
            .iter()
            .filter(|dispute| recent(dispute) || is_contested(dispute))
            .cloned()
            .collect();
        // Nothing that is told, and something else: that is made good by itself.
        if contested.is_empty() && !(disputes.is_empty() && self.is_told_of(None)) {
            return true;
        }
        for dispute in contested {
            self.tell(dispute);
        }
        let is_deletion = disputes.iter().any(|dispute| dispute.path.is_empty());
        self.is_due(now) || !(is_deletion || self.is_wanted(wanted))
    }

    /// Takes note of a write of `wanted` that made these good, and of the fields that its answer had otherwise, if all of it was
    /// applied.
    pub(super) fn written(
        &mut self,
        wanted: &str,
        disputes: &[Dispute],
        altered: Option<&[String]>,
        now: Instant,
    ) {
        for dispute in disputes {
            let is_counted = self.repairs.contains_key(&dispute.path);
            if !is_counted && self.repairs.len() >= FIELDS {
                self.repairs.retain(|_, times| {
                    times
                        .last()
                        .is_some_and(|last| now.saturating_duration_since(*last) < WINDOW)
                });
            }
            if is_counted || self.repairs.len() < FIELDS {
                let times = self.repairs.entry(dispute.path.clone()).or_default();
                times.push(now);
                if times.len() > AT_ONCE {
                    times.remove(0);
                }
            }
        }
        if !self.told.is_empty() && self.is_due(now) {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        if let Some(altered) = altered {
            self.told
                .retain(|told| told.deed != Deed::AtAdmission || altered.contains(&told.path));
            for path in altered {
                self.tell(Dispute::at_admission(path));
            }
        }
        if self.told.is_empty() {
            self.pause = FIRST_PAUSE;
        }
        self.wanted = wanted.into();
        self.written = now;
        self.seen = now;
        self.away = false;
    }

    /// The object was found as it should be without a write.
    pub(super) fn found_as_wanted(&mut self, now: Instant) {
        self.seen = now;
        self.told.retain(|told| told.deed != Deed::AtAdmission);
        self.away = false;
    }

    /// What is contested, in words that stay the same while it is; `None` where nothing is.
    pub(super) fn words(&self) -> Option<String> {
        if self.told.is_empty() {
            return None;
        }
        let words: Vec<String> = self.told.iter().take(NAMED).map(ToString::to_string).collect();
        let more = self.told.len().saturating_sub(NAMED);
        let words = words.join("; ");
        Some(if more > 0 {
            format!("{words}; and {more} more")
        } else {
            words
        })
    }

    fn tell(&mut self, dispute: Dispute) {
        if self.told.len() < FIELDS {
            self.told.insert(dispute);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.written) >= self.pause
    }

    fn is_at_admission(&self) -> bool {
        self.told.iter().any(|told| told.deed == Deed::AtAdmission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "spec.groupPriorityMinimum";

    struct Play {
        contest: Contest,
        began: Instant,
    }

    impl Play {
        fn new() -> Self {
            let began = Instant::now();
            Self {
                contest: Contest::new("a", began),
                began,
            }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.began + Duration::from_secs(seconds)
        }

        fn dispute(path: &str) -> Dispute {
            Dispute {
                path: path.to_owned(),
                deed: Deed::Changed(vec!["rival (Update)".to_owned()]),
            }
        }

        /// The field was changed at this second, and is repaired if it may be.
        fn changed(&mut self, path: &str, wanted: &str, seconds: u64) -> bool {
            let (now, dispute) = (self.at(seconds), [Self::dispute(path)]);
            self.contest.observe(false, now);
            if self.contest.waits(wanted, now) {
                return false;
            }
            let may = self.contest.may_repair(wanted, &dispute, now);
            if may {
                self.contest.written(wanted, &dispute, Some(&[]), now);
            }
            may
        }

        /// The field is as it should be; says whether it is over.
        fn quiet(&mut self, seconds: u64) -> bool {
            let now = self.at(seconds);
            self.contest.observe(true, now);
            self.contest.is_over(now)
        }
    }

    #[test]
    fn three_repairs_are_made_at_once_and_further_ones_ever_more_slowly() {
        let mut play = Play::new();
        let seconds = 0..4000;
        let repaired: Vec<u64> = seconds
            .filter(|second| play.changed(PATH, "a", *second))
            .collect();
        assert_eq!(
            repaired,
            [0, 1, 2, 32, 92, 212, 452, 932, 1532, 2132, 2732, 3332, 3932]
        );
        let words = "spec.groupPriorityMinimum is changed again and again by rival (Update)";
        assert_eq!(play.contest.words().as_deref(), Some(words));
    }

    #[test]
    fn what_is_changed_now_and_then_is_no_contest() {
        let mut play = Play::new();
        for repair in 0..20 {
            assert!(play.changed(PATH, "a", repair * 101));
            assert!(play.changed(&format!("spec.{repair}"), "a", repair * 101 + 1));
        }
        assert_eq!(play.contest.words(), None);
        assert!(play.contest.repairs.len() <= FIELDS);
        assert!(!play.quiet(2000) && play.quiet(19 * 101 + 302));
    }

    #[test]
    fn what_is_wanted_now_is_written_at_once() {
        let mut play = Play::new();
        let repaired = (0..10).filter(|second| play.changed(PATH, "a", *second)).count();
        assert_eq!(repaired, AT_ONCE);
        assert!(play.changed(PATH, "b", 10));
        assert!(
            !play.changed(PATH, "b", 11),
            "and what it is changed to then waits"
        );
        assert!(play.contest.words().is_some());
    }

    #[test]
    fn it_is_over_when_the_field_has_stayed_longer_than_the_other_takes_to_come_back() {
        let mut play = Play::new();
        for second in 0..20 {
            play.changed(PATH, "a", second);
        }
        assert!(!play.quiet(25), "it was not repaired yet");
        assert!(play.changed(PATH, "a", 32));
        assert!(!play.quiet(91) && play.quiet(92));

        // Every 90 s: it does not come to its end between two of them.
        let mut slow = Play::new();
        let mut told = 0;
        for round in 0..60 {
            // One that is not repaired is not as it should be.
            assert!(!slow.changed(PATH, "a", round * 90) || !slow.quiet(round * 90 + 89));
            told += u64::from(slow.contest.words().is_some());
        }
        assert!(told > 50, "{told}");
    }

    #[test]
    fn what_no_pass_comes_to_any_more_is_contested_no_longer() {
        let mut play = Play::new();
        for second in 0..20 {
            play.changed(PATH, "a", second);
        }
        assert!(play.contest.words().is_some());
        assert!(!play.contest.is_over(play.at(19 + 59)), "a pass may be late");
        assert!(play.contest.is_over(play.at(19 + 60)));
    }

    #[test]
    fn admission_is_told_at_once_and_tried_again_ever_more_slowly() {
        let mut play = Play::new();
        let altered = ["metadata.labels.tier".to_owned()];
        play.contest.written("a", &[], Some(&altered), play.at(0));
        let words = "metadata.labels.tier is changed at admission";
        assert_eq!(play.contest.words().as_deref(), Some(words));
        let mut tried = Vec::new();
        for second in 0..1000 {
            let now = play.at(second);
            assert!(!play.quiet(second));
            if play.contest.is_to_be_tried(now) {
                assert!(play.contest.may_repair("a", &[], now));
                play.contest.written("a", &[], Some(&altered), now);
                tried.push(second);
            }
        }
        assert_eq!(tried, [30, 90, 210, 450, 930]);
        play.contest.written("a", &[], Some(&[]), play.at(1530));
        assert_eq!(play.contest.words(), None);
    }

    #[test]
    fn what_admission_keeps_holds_up_no_other_field() {
        let mut play = Play::new();
        let altered = ["metadata.labels.tier".to_owned()];
        play.contest.written("a", &[], Some(&altered), play.at(0));
        let drift = [Play::dispute("spec.replicas")];
        play.contest.observe(false, play.at(5));
        assert!(!play.contest.waits("a", play.at(5)));
        assert!(play.contest.may_repair("a", &drift, play.at(5)));
        play.contest.written("a", &drift, Some(&altered), play.at(5));
        assert!(!play.contest.is_told_of(Some("spec.replicas")));
        assert!(
            !play.contest.may_repair("a", &[], play.at(6)),
            "the label waits for its turn"
        );
    }

    #[test]
    fn an_object_that_is_deleted_again_and_again_is_not_made_at_once_either() {
        let mut play = Play::new();
        let deletion = [Dispute::removed("")];
        let mut made = Vec::new();
        for second in 0..100 {
            let (now, wanted) = (play.at(second), second.to_string());
            if play.contest.may_repair(&wanted, &deletion, now) {
                play.contest.written(&wanted, &deletion, Some(&[]), now);
                made.push(second);
            }
        }
        assert_eq!(made[..4], [0, 1, 2, 32]);
        assert!(made.len() <= 6, "{made:?}");
        assert_eq!(
            play.contest.words().as_deref(),
            Some("it is deleted again and again")
        );
    }

    #[test]
    fn few_fields_are_named() {
        let mut play = Play::new();
        let altered: Vec<String> = (0..40).map(|field| format!("data.{field:02}")).collect();
        play.contest.written("a", &[], Some(&altered), play.at(0));
        let words = play.contest.words().unwrap();
        assert!(
            words.starts_with("data.00 is changed at admission; data.01"),
            "{words}"
        );
        assert!(words.ends_with("; and 13 more"), "{words}");
    }
}
