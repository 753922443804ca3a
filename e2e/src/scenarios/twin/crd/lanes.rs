//! Many sequences at once, each in a namespace that no other one uses meanwhile.

use std::cell::RefCell;
use std::collections::VecDeque;

use futures::future::{join_all, try_join_all};

use super::super::request::Request;
use super::play::{self, Said};
use super::sequence::Sequence;
use super::side::Side;
use crate::scenarios::{Failure, failure};

/// How many at once, and one more of those that are about all namespaces.
const LANES: usize = 8;

/// A sequence, and what each side said.
pub(super) struct Played {
    pub(super) title: String,
    pub(super) requests: Vec<Request>,
    pub(super) said: Vec<Vec<Said>>,
}

/// The namespaces of all lanes.
pub(super) fn namespaces() -> Vec<String> {
    (0..=LANES).map(|lane| format!("twin-{lane}")).collect()
}

/// Plays sequences to all sides at the same time; their order is kept.
///
/// # Errors
/// A side gives no answer.
pub(super) async fn play(sides: &[Side], sequences: &[Sequence]) -> Result<Vec<Played>, Failure> {
    let namespaces = namespaces();
    for side in sides {
        try_join_all(namespaces.iter().map(|name| side.namespace(name))).await?;
    }
    let numbered = || sequences.iter().enumerate();
    let alone: VecDeque<_> = numbered().filter(|(_, sequence)| sequence.alone).collect();
    let beside: VecDeque<_> = numbered().filter(|(_, sequence)| !sequence.alone).collect();
    let queues = [RefCell::new(beside), RefCell::new(alone)];
    let lane = async |number: usize| {
        let queue = &queues[usize::from(number == LANES)];
        let mut outcomes = Vec::new();
        loop {
            let next = queue.borrow_mut().pop_front();
            let Some((place, sequence)) = next else {
                return outcomes;
            };
            outcomes.push((place, play_one(sides, &namespaces[number], sequence).await));
        }
    };
    let mut outcomes = join_all((0..=LANES).map(lane))
        .await
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    outcomes.sort_by_key(|(place, _)| *place);
    let mut played = Vec::new();
    let mut failed = Vec::new();
    for (_, outcome) in outcomes {
        match outcome {
            Ok(one) => played.push(one),
            Err(error) => failed.push(error.to_string()),
        }
    }
    if failed.is_empty() {
        Ok(played)
    } else {
        Err(failure(failed.join("\n")))
    }
}

/// Plays one sequence to all sides, and leaves its namespace empty.
///
/// # Errors
/// A side gives no answer.
pub(super) async fn play_one(
    sides: &[Side],
    namespace: &str,
    sequence: &Sequence,
) -> Result<Played, Failure> {
    let one = async |side: &Side| {
        let said = play::play(side, namespace, sequence).await;
        side.sweep(namespace, sequence.alone).await.and(said)
    };
    // None is dropped for the failure of another: its objects would stay.
    let said = join_all(sides.iter().map(one)).await;
    Ok(Played {
        title: sequence.title.clone(),
        requests: sequence.steps.iter().map(|step| step.request.clone()).collect(),
        said: said.into_iter().collect::<Result<_, _>>()?,
    })
}
