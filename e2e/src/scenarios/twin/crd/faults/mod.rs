//! Faults sown into the answers of one side, to see that the comparison finds each and names the request.

mod proxy;
mod sown;

use super::lanes;
use super::sequence::Sequence;
use super::side::Side;
use super::{Failure, judge};
use crate::progress;
use crate::scenarios::{ensure, failure};
use sown::{FAULTS, Fault};

/// Sows each fault into the answers of the second side.
///
/// # Errors
/// The faults that were not found, or not where they are.
pub(super) async fn find(sides: &[Side; 2], sequences: &[Sequence]) -> Result<(), Failure> {
    let mut missed = Vec::new();
    for fault in &FAULTS {
        if let Err(error) = sow(sides, sequences, fault).await {
            missed.push(format!("  {}: {error}", fault.name));
        }
    }
    ensure(missed.is_empty(), || {
        format!("faults that were not found:\n{}", missed.join("\n"))
    })?;
    progress::say(format!("    {} faults sown and found", FAULTS.len()));
    Ok(())
}

async fn sow(sides: &[Side; 2], sequences: &[Sequence], fault: &Fault) -> Result<(), Failure> {
    let sequence = fault
        .sequence(sequences)
        .ok_or_else(|| failure(format!("no request is called {:?}", fault.request)))?;
    let seen = fault
        .seen(sequence)
        .ok_or_else(|| failure("nothing looks at the events"))?;
    let [definition, other] = sides;
    let faulty = Side {
        client: proxy::client(other.client.clone(), fault),
        group: other.group.clone(),
    };
    let namespaces = lanes::namespaces();
    let namespace = namespaces.first().map(String::as_str).unwrap_or_default();
    let played = lanes::play_one(&[definition.clone(), faulty], namespace, sequence).await?;
    match judge(&[played], 1, &[]) {
        Ok(_) => Err(failure("no difference was seen")),
        Err(error) => ensure(error.to_string().contains(&format!("{seen:?}")), || {
            format!("another request was named: {error}")
        }),
    }
}
