//! The cluster's own test.
/// Placeholder.
#[derive(Debug, thiserror::Error)]
pub enum Error {}
/// Placeholder.
///
/// # Errors
/// none
pub async fn run(_: &str) -> Result<(), Error> {
    Ok(())
}
