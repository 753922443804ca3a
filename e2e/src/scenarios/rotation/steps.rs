//! The steps of rotations as status tells them, with the time each one stood.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annex_crds::v1alpha1::{AggregatedServer, RotationStatus, RotationStep};
use futures::StreamExt as _;
use kube::Api;

use crate::scenarios::load::watches::{self, Task};

/// One state of `status.certificates.rotation`.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    rotation: Option<RotationStatus>,
}

/// Follows the rotations of one server.
pub(super) struct Steps {
    seen: Arc<Mutex<Vec<Seen>>>,
    _watch: Task,
}

/// A step that a rotation went through.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) step: RotationStep,
    took: Duration,
    waited_for: Vec<String>,
}

/// A rotation that came to its end.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub(super) steps: Vec<Step>,
    took: Duration,
}

impl Rotation {
    /// The steps alone.
    pub(super) fn names(&self) -> Vec<RotationStep> {
        self.steps.iter().map(|step| step.step).collect()
    }
}

impl std::fmt::Display for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s", self.took.as_secs_f64())?;
        for step in &self.steps {
            write!(f, "\n        {:?} {:.1} s", step.step, step.took.as_secs_f64())?;
            if let [first, rest @ ..] = step.waited_for.as_slice() {
                write!(f, ", waited for: {first}")?;
                if let Some(last) = rest.last() {
                    write!(f, "; … {last}")?;
                }
            }
        }
        Ok(())
    }
}

impl Steps {
    /// Begins to follow.
    pub(super) fn follow(api: Api<AggregatedServer>, name: &str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stream = watches::object(api, name);
        let log = Arc::clone(&seen);
        let watch = Task::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(server) = stream.next().await {
                let rotation = server.status.unwrap_or_default().certificates.rotation;
                log.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
                    at: Instant::now(),
                    rotation,
                });
            }
        });
        Self { seen, _watch: watch }
    }

    /// Forgets the past: the next rotation is the one that counts.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    /// The step that stands now, if one was seen.
    pub(super) fn now(&self) -> Option<RotationStep> {
        let seen = self.lock();
        seen.last()
            .and_then(|seen| seen.rotation.as_ref())
            .map(|rotation| rotation.step)
    }

    /// The rotation since [`Self::forget`], if it has ended.
    ///
    /// # Errors
    /// It has not begun, or stands at a step: in words.
    pub(super) fn ended(&self) -> Result<Rotation, String> {
        let seen = self.lock();
        let begun: Vec<&Seen> = seen.iter().skip_while(|seen| seen.rotation.is_none()).collect();
        let first = begun.first().ok_or("no rotation has begun")?;
        let last = begun.last().ok_or("no rotation has begun")?;
        if let Some(rotation) = &last.rotation {
            return Err(format!("it stands at {rotation:?}"));
        }
        let mut steps: Vec<Step> = Vec::new();
        for (this, next) in begun.iter().zip(begun.iter().skip(1)) {
            let Some(rotation) = &this.rotation else { continue };
            let took = next.at.duration_since(this.at);
            match steps.last_mut() {
                Some(step) if step.step == rotation.step => step.took += took,
                _ => steps.push(Step {
                    step: rotation.step,
                    took,
                    waited_for: Vec::new(),
                }),
            }
            if let (Some(step), Some(why)) = (steps.last_mut(), &rotation.blocked_by)
                && !step.waited_for.contains(why)
            {
                step.waited_for.push(why.clone());
            }
        }
        Ok(Rotation {
            steps,
            took: last.at.duration_since(first.at),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
