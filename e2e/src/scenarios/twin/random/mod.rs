//! Sequences of random writes, the same to both of a pair, of which the Go server says what is right: creations, replacements, every
//! kind of patch and server-side apply by several managers, in both versions, at the object, its status and its scale.
//!
//! A sequence is made of a seed alone and is about one object, so that it can be played again. It ends at the first difference, and
//! what is not needed to come there is left out before it is told.

mod alike;
mod body;
mod sequence;
mod value;

use kube::Client;

use super::answer::Answer;
use super::pair::Pair;
use super::play::Player;
use super::request::Request;
use crate::progress;
use crate::scenarios::{Failure, ensure};

/// How many requests a sequence has.
const LENGTH: usize = 40;

/// How many differences are told at most: many have one cause.
const MOST: usize = 5;

/// A difference, and what led to it.
struct Difference {
    requests: Vec<Request>,
    go: Answer,
    ours: Answer,
}

/// Whom to ask.
pub(super) struct Sides<'a> {
    go: &'a Client,
    ours: &'a Client,
    /// Ours is asked through the aggregator.
    is_aggregated: bool,
}

impl<'a> Sides<'a> {
    /// These, which are asked directly.
    pub(super) fn new(go: &'a Client, ours: &'a Client) -> Self {
        Self {
            go,
            ours,
            is_aggregated: false,
        }
    }

    /// The same, where ours is behind the kube-apiserver.
    pub(super) fn through_the_aggregator(self) -> Self {
        Self {
            is_aggregated: true,
            ..self
        }
    }

    /// Plays sequences to both until at least so many requests were sent.
    ///
    /// # Errors
    /// The shortest sequences that were found to a difference, and their seeds.
    pub(super) async fn play(&self, pair: &Pair, seed: u64, requests: usize) -> Result<(), Failure> {
        let (mut sent, mut found) = (0, Vec::new());
        for seed in seed.. {
            if sent >= requests || found.len() >= MOST {
                break;
            }
            let sequence = sequence::of(pair, seed);
            sent += sequence.len();
            if let Some(difference) = self.attempt(&sequence, seed, 0).await? {
                let shortest = self.shrunk(difference, seed).await?;
                found.push(described(seed, &shortest));
            }
        }
        ensure(found.is_empty(), || found.join("\n"))?;
        let how = if self.is_aggregated {
            ", to ours through the aggregator"
        } else {
            ""
        };
        progress::say(format!("    {sent} random requests from seed {seed} on{how}"));
        Ok(())
    }

    /// Plays a sequence to both, about an object that no other attempt is about, to its end or the first difference.
    async fn attempt(
        &self,
        sequence: &[Request],
        seed: u64,
        number: usize,
    ) -> Result<Option<Difference>, Failure> {
        let name = format!("random-{seed}-{number}");
        let (mut go, mut ours) = (Player::new(self.go), Player::new(self.ours));
        let mut played = Vec::new();
        for request in sequence {
            let named = sequence::named(request, &name);
            let (go, ours) = futures::join!(go.ask(&named), ours.ask(&named));
            let [go, mut ours] = [go?, ours?].map(alike::answer);
            if self.is_aggregated {
                ours = alike::without_proxy(ours);
            }
            let go = alike::without_old_attempts(go, &ours);
            played.push(request.clone());
            if go != ours {
                return Ok(Some(Difference {
                    requests: played,
                    go,
                    ours,
                }));
            }
        }
        Ok(None)
    }

    /// The difference with each request left out without which there still is one, from the last but one to the first.
    async fn shrunk(&self, mut shortest: Difference, seed: u64) -> Result<Difference, Failure> {
        let mut number = 0;
        for left_out in (0..shortest.requests.len().saturating_sub(1)).rev() {
            // An attempt may have ended sooner than the one before it.
            if left_out + 1 >= shortest.requests.len() {
                continue;
            }
            let mut fewer = shortest.requests.clone();
            fewer.remove(left_out);
            number += 1;
            if let Some(difference) = self.attempt(&fewer, seed, number).await? {
                shortest = difference;
            }
        }
        Ok(shortest)
    }
}

fn described(seed: u64, difference: &Difference) -> String {
    let requests: Vec<String> = difference.requests.iter().map(sequence::text).collect();
    format!(
        "of seed {seed}, {} requests lead to a difference:\n{}\n    Go:   {}\n    ours: {}",
        requests.len(),
        requests.join("\n"),
        difference.go.shown(),
        difference.ours.shown(),
    )
}
