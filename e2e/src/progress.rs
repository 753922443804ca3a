//! Telling the person who waits what is going on, on stderr.

use std::future::Future;
use std::time::{Duration, Instant};

/// How often a step that takes long says that it still runs.
const REMINDER: Duration = Duration::from_secs(15);

/// A step shorter than this needs no word about its length.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// Says one thing.
pub fn say(what: impl AsRef<str>) {
    eprintln!("{}", what.as_ref());
}

/// Does a step: says what, reminds while it takes long, and says how long it took.
///
/// # Errors
/// The step's own.
pub async fn step<T, E>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let start = Instant::now();
    say(format!("==> {what}"));
    let mut work = std::pin::pin!(work);
    let result = loop {
        match tokio::time::timeout(REMINDER, &mut work).await {
            Ok(result) => break result,
            Err(_) => say(format!("    … {what}, {} s so far", start.elapsed().as_secs())),
        }
    };
    if start.elapsed() >= WORTH_SAYING {
        let word = if result.is_ok() { "done in" } else { "failed after" };
        say(format!("    {word} {:.1} s", start.elapsed().as_secs_f64()));
    }
    result
}
