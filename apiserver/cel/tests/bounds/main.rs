//! What no expression, definition or object may do: bounds beside Kubernetes' own, and answers that ordinary clients' objects depend on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod answers;
mod rules;
mod work;

use annex_cel::{Fail, PER_CALL_LIMIT, Scope};

/// What an expression without variables gives, as it is shown, or why it gives nothing.
pub(crate) fn answer(expression: &str) -> Result<String, String> {
    answer_within(expression, PER_CALL_LIMIT)
}

/// The same, where it may cost so much.
pub(crate) fn answer_within(expression: &str, limit: u64) -> Result<String, String> {
    let compiled = Scope::default()
        .compile(expression)
        .map_err(|error| error.to_string())?;
    let evaluation = compiled.evaluate(Vec::new(), limit);
    match evaluation.result {
        Ok(value) => Ok(value.to_string()),
        Err(Fail::TooCostly) => Err("too costly".to_owned()),
        Err(fail) => Err(fail.to_string()),
    }
}
