//! What no expression, definition or object may do: bounds beside Kubernetes' own, and answers that ordinary clients' objects depend on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod answers;

use annex_cel::{Fail, PER_CALL_LIMIT, Scope};

/// What an expression without variables gives, as it is shown, or why it gives nothing.
pub(crate) fn answer(expression: &str) -> Result<String, String> {
    let compiled = Scope::default()
        .compile(expression)
        .map_err(|error| error.to_string())?;
    let evaluation = compiled.evaluate(Vec::new(), PER_CALL_LIMIT);
    match evaluation.result {
        Ok(value) => Ok(value.to_string()),
        Err(Fail::TooCostly) => Err("too costly".to_owned()),
        Err(fail) => Err(fail.to_string()),
    }
}
