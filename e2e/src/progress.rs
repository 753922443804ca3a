//! Telling the person who waits what is going on, on stderr.

use std::future::Future;
use std::time::{Duration, Instant};

/// How often a step that takes long says that it still runs.
const REMINDER: Duration = Duration::from_secs(15);

/// A step shorter than this needs no word about its length.
const WORTH_SAYING: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// Whose work it is, where several work at once.
    static TELLER: &'static str;
}

/// Says one thing, all of it together. Within [`of`], each line begins with whose it is.
pub fn say(what: impl AsRef<str>) {
    let what = what.as_ref();
    match TELLER.try_with(|teller| attributed(teller, what)) {
        Ok(text) => eprintln!("{text}"),
        Err(_) => eprintln!("{what}"),
    }
}

fn attributed(teller: &str, what: &str) -> String {
    let lines: Vec<String> = what.lines().map(|line| format!("[{teller}] {line}")).collect();
    lines.join("\n")
}

/// Does work, and attributes what it says.
pub async fn of<T>(teller: &'static str, work: impl Future<Output = T>) -> T {
    TELLER.scope(teller, work).await
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

#[cfg(test)]
mod tests {
    use super::attributed;

    #[test]
    fn each_line_says_whose_it_is() {
        assert_eq!(
            attributed("fault/pods", "one\n  two"),
            "[fault/pods] one\n[fault/pods]   two"
        );
    }
}
