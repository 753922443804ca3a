//! What a definition costs to read.

use annex_schema::resource_definition::count_values;

/// How many values a definition has at most: twice what the operator lets pass in a spec, so that it is told there first.
pub(super) const MOST_VALUES: usize = 200_000;

/// # Errors
/// It has more values than are read.
pub(super) fn check(json: &[u8]) -> Result<(), String> {
    if count_values(json) > MOST_VALUES {
        return Err(format!("it has more than {MOST_VALUES} values"));
    }
    Ok(())
}
