//! What was measured, in the order in which it was.

use std::fmt::Write as _;
use std::time::Duration;

use crate::progress;

/// The rows so far.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<String>,
}

impl Table {
    /// A figure that only Annex has.
    pub(super) fn alone(&mut self, servers: usize, figure: &str, annex: &str) {
        self.add(format!("| {servers} | {figure} | {annex} | | |"));
    }

    /// A time that both sides took.
    pub(super) fn both(&mut self, servers: usize, figure: &str, annex: Duration, by_hand: Duration) {
        let ratio = annex.as_secs_f64() / by_hand.as_secs_f64();
        self.add(format!(
            "| {servers} | {figure} | {} | {} | {ratio:.2} |",
            seconds(annex),
            seconds(by_hand)
        ));
    }

    /// Told at once too: a later step may fail.
    fn add(&mut self, row: String) {
        progress::say(format!("    {row}"));
        self.rows.push(row);
    }

    /// All rows.
    pub(super) fn render(&self) -> String {
        let mut text = String::from("| servers | | Annex | by hand | ratio |\n|---|---|---|---|---|\n");
        for row in &self.rows {
            let _infallible = writeln!(text, "{row}");
        }
        text
    }
}

/// `1.23 s`, or `123 s` of what took long.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 100.0 {
        format!("{seconds:.0} s")
    } else if seconds >= 10.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_both_sides_has_their_ratio() {
        let mut table = Table::default();
        table.both(100, "to Ready", Duration::from_secs(30), Duration::from_secs(8));
        table.alone(100, "writes", "0");
        let rows: Vec<String> = table.render().lines().skip(2).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "| 100 | to Ready | 30.0 s | 8.00 s | 3.75 |",
                "| 100 | writes | 0 | | |"
            ]
        );
    }
}
