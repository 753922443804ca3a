//! The server: its flags, its resource, and what goes on beside the answers.

use annex_apiserver::prelude::*;

use crate::essays;
use crate::reading_times::ReadingTimes;

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Reading times")]
pub(crate) struct Flags {
    /// How fast people read.
    #[arg(long, default_value_t = 200, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) words_per_minute: u32,
}

pub(crate) fn describe(flags: &Flags) -> Server {
    let times = ReadingTimes::new(flags.words_per_minute);
    let (written, checked) = (times.written.clone(), times.clone());
    Server::builder("controller")
        .openapi("Essays", "0.1")
        .resource(essays::resource())
        .metric(
            "essays_statuses_written",
            "Statuses of essays that were written",
            written,
        )
        .readiness_check("reading-times", move || {
            let found = checked.check();
            async move { found }
        })
        .leader_task("reading-times", move |task| times.clone().run(task))
        .build()
}
