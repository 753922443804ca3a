//! The figures of all rounds, and the table that they make.

use std::fmt::Write as _;

use super::figures::median;
use super::load::Sample;
use super::subject::Subject;

/// What is in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Rates and processor time.
    Work,
    /// Megabytes, or milliseconds: less is better.
    Amount(&'static str),
}

/// All rounds' figures of one row and subject.
struct Cell {
    row: String,
    unit: Unit,
    subject: Subject,
    samples: Vec<Sample>,
}

/// Rows in the order in which they were first measured.
#[derive(Default)]
pub(super) struct Table {
    cells: Vec<Cell>,
}

impl Table {
    /// Adds a measurement of work.
    pub(super) fn work(&mut self, row: &str, subject: Subject, sample: Sample) {
        self.add(row, Unit::Work, subject, sample);
    }

    /// Adds an amount, and that of the store beside it.
    pub(super) fn amount(
        &mut self,
        row: &str,
        unit: &'static str,
        subject: Subject,
        server: f64,
        store: f64,
    ) {
        let sample = Sample {
            rate: 0.0,
            server,
            store,
        };
        self.add(row, Unit::Amount(unit), subject, sample);
    }

    fn add(&mut self, row: &str, unit: Unit, subject: Subject, sample: Sample) {
        let found = self
            .cells
            .iter_mut()
            .find(|cell| cell.row == row && cell.subject == subject);
        match found {
            Some(cell) => cell.samples.push(sample),
            None => self.cells.push(Cell {
                row: row.to_owned(),
                unit,
                subject,
                samples: vec![sample],
            }),
        }
    }

    /// The medians, one line for each row and each of Annex's subjects, beside Go.
    pub(super) fn render(&self) -> String {
        let mut text = String::from(
            "| row | Annex with | Go | Annex | ratio | CPU Go (+ etcd) | CPU Annex (+ etcd) | ratio | with etcd |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for go in self.cells.iter().filter(|cell| cell.subject == Subject::Go) {
            let others = self
                .cells
                .iter()
                .filter(|cell| cell.row == go.row && cell.subject != Subject::Go);
            for ours in others {
                let _infallible = writeln!(text, "{}", line(go, ours));
            }
        }
        text
    }
}

impl Cell {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let values: Vec<f64> = self.samples.iter().map(of).collect();
        median(&values).unwrap_or(f64::NAN)
    }
}

fn line(go: &Cell, ours: &Cell) -> String {
    let rates = (go.median(|sample| sample.rate), ours.median(|sample| sample.rate));
    let servers = (
        go.median(|sample| sample.server),
        ours.median(|sample| sample.server),
    );
    let whole = |sample: &Sample| sample.server + sample.store;
    let wholes = (go.median(whole), ours.median(whole));
    let stores = (
        go.median(|sample| sample.store),
        ours.median(|sample| sample.store),
    );
    let start = format!("| {} | {} |", go.row, ours.subject.store());
    let end = format!(
        "{} | {} |",
        ratio(servers.0, servers.1),
        ratio(wholes.0, wholes.1)
    );
    match go.unit {
        Unit::Work => format!(
            "{start} {}/s | {}/s | {} | {} (+{}) µs | {} (+{}) µs | {end}",
            short(rates.0),
            short(rates.1),
            ratio(rates.1, rates.0),
            short(servers.0),
            short(stores.0),
            short(servers.1),
            short(stores.1),
        ),
        Unit::Amount(unit) => format!(
            "{start} {} (+{}) {unit} | {} (+{}) {unit} | | | | {end}",
            short(servers.0),
            short(stores.0),
            short(servers.1),
            short(stores.1),
        ),
    }
}

fn ratio(large: f64, small: f64) -> String {
    format!("{:.1}", large / small)
}

/// About three digits.
fn short(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64, server: f64, store: f64) -> Sample {
        Sample { rate, server, store }
    }

    #[test]
    fn a_row_has_medians_and_ratios_so_that_more_is_better() {
        let mut table = Table::default();
        for rate in [1000.0, 900.0, 5000.0] {
            table.work("GET", Subject::Go, sample(rate, 300.0, 100.0));
        }
        table.work("GET", Subject::Embedded, sample(4000.0, 20.0, 0.0));
        let text = table.render();
        let line = text.lines().nth(2).unwrap();
        let wanted =
            "| GET | embedded | 1000/s | 4000/s | 4.0 | 300 (+100) µs | 20.0 (+0.00) µs | 15.0 | 20.0 |";
        assert_eq!(line, wanted);
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn an_amount_has_no_rate() {
        let mut table = Table::default();
        table.amount("idle", "MB", Subject::Go, 70.0, 30.0);
        table.amount("idle", "MB", Subject::Etcd, 10.0, 30.0);
        let text = table.render();
        let line = text.lines().nth(2).unwrap();
        let wanted = "| idle | etcd | 70.0 (+30.0) MB | 10.0 (+30.0) MB | | | | 7.0 | 2.5 |";
        assert_eq!(line, wanted);
    }
}
