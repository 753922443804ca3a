//! What is known of the endpoints of one server, and which of them are being asked. No effects but the end of a probe
//! that nobody asks for any more.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use super::{
    Ended,
    counting::Answers,
    lanes::Lane,
    question::{Answer, Question},
    schedule,
};
use crate::{aggregated_server::endpoints::Endpoint, probe::tls::HandshakeError};

/// Who answers: an address that another pod has taken over is another endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pod: Option<String>,
}

impl Place {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            address: endpoint.address,
            pod: endpoint.pod.clone(),
        }
    }
}

/// What is known of the endpoints of one server.
pub(super) struct Server {
    name: String,
    lane: Arc<Lane>,
    endpoints: HashMap<Place, Known>,
    numbers: u64,
}

#[derive(Default)]
struct Known {
    answers: Answers,
    running: Option<Running>,
    /// Spreads the endpoints that were asked together, from 0 to 1.
    jitter: f64,
}

/// What a pass is given of an endpoint.
pub(super) struct Given {
    pub(super) answer: Arc<Answer>,
    /// How the probe after that failed, which does not count yet.
    pub(super) failed_since: Option<HandshakeError>,
}

/// A probe that is under way. Dropped, it ends.
pub(super) struct Running {
    number: u64,
    question: Arc<Question>,
    task: AbortHandle,
    ended: Ended,
    /// A pass went on without its answer.
    left: bool,
    /// And it wanted to ask something else.
    outdated: bool,
}

/// What a pass may wait for.
pub(super) struct UnderWay {
    pub(super) ended: Ended,
    /// A pass has waited for it already, and gone on.
    pub(super) left: bool,
}

impl Running {
    pub(super) fn new(number: u64, question: Arc<Question>, task: AbortHandle, ended: Ended) -> Self {
        Self {
            number,
            question,
            task,
            ended,
            left: false,
            outdated: false,
        }
    }

    /// One that no pass waits for.
    pub(super) const fn unawaited(mut self) -> Self {
        self.left = true;
        self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            lane: Arc::new(Lane::of_server()),
            endpoints: HashMap::new(),
            numbers: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many there are.
    pub(super) fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    pub(super) fn lane(&self) -> Arc<Lane> {
        Arc::clone(&self.lane)
    }

    /// Tells a probe from one of an endpoint that was forgotten meanwhile.
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Drops every other endpoint.
    pub(super) fn retain<'a>(&mut self, wanted: impl Iterator<Item = &'a Place>) {
        let wanted: HashSet<&Place> = wanted.collect();
        self.endpoints.retain(|place, _| wanted.contains(place));
    }

    /// Whether the last probe ended in a timeout.
    pub(super) fn timed_out(&self, place: &Place) -> bool {
        let known = self.endpoints.get(place);
        known
            .and_then(|known| known.answers.newest())
            .is_some_and(|(_, answer)| answer.timed_out)
    }

    /// The probe that is under way, whatever it asks: an endpoint whose questions change again and again must come to its
    /// answers too. One that failed is none.
    pub(super) fn under_way(&self, place: &Place) -> Option<UnderWay> {
        let running = self.endpoints.get(place)?.running.as_ref()?;
        (!running.task.is_finished()).then(|| UnderWay {
            ended: running.ended.clone(),
            left: running.left,
        })
    }

    /// Whether there is an answer to `question` that is not older than `age`.
    pub(super) fn is_fresh(&self, place: &Place, question: &Question, now: Instant, age: Duration) -> bool {
        let known = self.endpoints.get(place);
        known
            .and_then(|known| known.answers.newest())
            .is_some_and(|(answered, answer)| {
                question.is_answered_by(answered) && now.saturating_duration_since(answer.at) <= age
            })
    }

    /// Whom nobody is asking though it is their turn, where all servers have so many `endpoints`, with what they were asked last.
    pub(super) fn due(&self, now: Instant, endpoints: usize) -> Vec<(Place, Arc<Question>)> {
        let due = |known: &Known| {
            let (question, answer) = known.answers.newest()?;
            let idle = known
                .running
                .as_ref()
                .is_none_or(|running| running.task.is_finished());
            let turn = answer.at + schedule::pause(endpoints, known.jitter);
            let due = known.answers.second_due().map_or(turn, |second| second.min(turn));
            (idle && due <= now).then(|| Arc::clone(question))
        };
        let all = self.endpoints.iter();
        all.filter_map(|(place, known)| Some((place.clone(), due(known)?)))
            .collect()
    }

    /// A probe has begun.
    pub(super) fn run(&mut self, place: &Place, running: Running) {
        self.endpoints.entry(place.clone()).or_default().running = Some(running);
    }

    /// What counts, for a pass that goes on now.
    pub(super) fn give(&mut self, place: &Place, question: &Question) -> Option<Given> {
        let known = self.endpoints.get_mut(place)?;
        if let Some(running) = &mut known.running {
            running.left = true;
            running.outdated = !question.is_answered_by(&running.question);
        }
        let (answered, answer) = known.answers.counting()?;
        (answered.server_name == question.server_name).then(|| Given {
            answer: Arc::clone(answer),
            failed_since: known.answers.failed_since().cloned(),
        })
    }

    /// Takes the answer of the probe with this number. Says whether a pass went on without it that was given
    /// something else, or wants to know more.
    pub(super) fn answered(&mut self, place: &Place, number: u64, answer: Answer) -> bool {
        let Some(known) = self.endpoints.get_mut(place) else {
            return false;
        };
        let Some(running) = known.running.take_if(|running| running.number == number) else {
            return false;
        };
        let counts = |answers: &Answers| {
            let counting = answers.counting();
            counting.map(|(_, answer)| answer.to(&running.question))
        };
        let before = counts(&known.answers);
        known.answers.take(Arc::clone(&running.question), answer);
        known.jitter = rand::random();
        let told = match (before, counts(&known.answers)) {
            (Some(before), Some(now)) => before.says_the_same_as(&now),
            (before, now) => before.is_none() && now.is_none(),
        };
        running.left && (running.outdated || !told)
    }
}
