//! `kubectl auth can-i`, for everything that the charts' ServiceAccounts may do or may not.

use futures::{StreamExt as _, stream};

use super::super::{Failure, World, ensure};
use crate::charts::{AccessCheck, rbac_matrix};
use crate::install;

/// How many questions are under way at the same time.
const AT_ONCE: usize = 6;

/// Asks the whole table of the cluster.
pub(super) async fn matrix(world: &World) -> Result<(), Failure> {
    asked(world, &rbac_matrix(install::NAMESPACE)).await
}

/// Asks these questions of the cluster.
pub(super) async fn asked(world: &World, checks: &[AccessCheck]) -> Result<(), Failure> {
    let answers: Vec<Result<Option<String>, Failure>> = stream::iter(checks)
        .map(|check| ask(world, check))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut wrong = Vec::new();
    for answer in answers {
        wrong.extend(answer?);
    }
    ensure(wrong.is_empty(), || {
        format!(
            "{} of {} answers are wrong:\n    {}",
            wrong.len(),
            checks.len(),
            wrong.join("\n    ")
        )
    })
}

/// What is wrong with the answer, in a line.
async fn ask(world: &World, check: &AccessCheck) -> Result<Option<String>, Failure> {
    let arguments = check.can_i_arguments(install::NAMESPACE);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = world.tools.try_kubectl(&words, "").await?;
    let wanted = if check.allowed { "yes" } else { "no" };
    let found = output.stdout.trim();
    let right = output.success == check.allowed && found.split(' ').next() == Some(wanted);
    let line = || {
        format!(
            "kubectl {} says {found:?}, not {wanted} {}",
            arguments.join(" "),
            output.stderr
        )
    };
    Ok((!right).then(line))
}
