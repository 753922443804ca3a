//! The command line as it was typed.
//!
//! Flags have Go's names, defaults and syntax; the ones that the Go server does not have are Annex's own and stand under
//! their own heading in `--help`.

mod delegation;
mod own;
mod process;
mod serving;
mod storage;

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _};

pub use delegation::{AuthenticationArgs, AuthorizationArgs};
pub(crate) use own::NoFlags;
pub use own::{FlagError, ParseError, parse_with};
pub use process::{AdmissionArgs, LimitArgs, ProcessArgs};
pub use serving::ServingArgs;
pub use storage::StorageArgs;

use super::flags::{GO_FLAGS, Meaning, Value};
use super::syntax;

/// The command line of an extension apiserver.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where and how it serves.
    #[command(flatten)]
    pub serving: ServingArgs,
    /// Where objects are kept.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// How it learns who asks.
    #[command(flatten)]
    pub authentication: AuthenticationArgs,
    /// How it learns whether they may.
    #[command(flatten)]
    pub authorization: AuthorizationArgs,
    /// What else may refuse a write.
    #[command(flatten)]
    pub admission: AdmissionArgs,
    /// How much it does at once.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The process.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Flags of the Go server that were given and mean nothing here, with the reason.
    #[arg(skip)]
    pub ignored: Vec<(&'static str, &'static str)>,
    /// Flags of the Go server that were given and are refused, with the reason.
    #[arg(skip)]
    pub refused: Vec<(&'static str, &'static str)>,
}

impl Args {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// It is none, or asks for help: clap's own error, which prints itself and exits.
    pub fn parse_from(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(syntax::normalise(arguments))?;
        Self::read(&matches)
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::from_arg_matches(matches)?;
        for flag in GO_FLAGS {
            match flag.meaning {
                Meaning::Works => {}
                Meaning::Ignored(why) if is_given(matches, flag.name) => args.ignored.push((flag.name, why)),
                Meaning::Refused(why) if is_given(matches, flag.name) => args.refused.push((flag.name, why)),
                Meaning::Ignored(_) | Meaning::Refused(_) => {}
            }
        }
        Ok(args)
    }
}

/// An empty value is none, as in Go.
fn is_given(matches: &ArgMatches, name: &str) -> bool {
    matches.value_source(name) == Some(ValueSource::CommandLine)
        && matches
            .get_many::<String>(name)
            .is_some_and(|mut values| values.any(|value| !value.is_empty()))
}

/// clap's description of the whole command line.
#[must_use]
pub fn command() -> Command {
    let command = Args::augment_args(Command::new("apiserver"))
        .about("Serves an extension API of Kubernetes")
        .args_override_self(true)
        .mut_args(|argument| {
            if is_switch(&argument) {
                as_switch(argument)
            } else {
                argument
            }
        });
    GO_FLAGS
        .iter()
        .filter(|flag| flag.meaning != Meaning::Works)
        .fold(command, |command, flag| {
            command.arg(unbuilt(flag.name, flag.value))
        })
}

/// A flag of the Go server that is known, and not built.
fn unbuilt(name: &'static str, value: Value) -> Arg {
    let argument = Arg::new(name).long(name).hide(true).action(ArgAction::Append);
    match value {
        Value::Bool => as_switch(argument).value_parser(clap::value_parser!(String)),
        Value::Text => argument.num_args(1).allow_hyphen_values(true),
    }
}

fn is_switch(argument: &Arg) -> bool {
    let is_of_go = |name: &str| {
        GO_FLAGS
            .iter()
            .any(|flag| flag.name == name && flag.name != "help" && flag.value == Value::Bool)
    };
    argument
        .get_long()
        .is_some_and(|name| matches!(name, "standalone" | "leader-elect") || is_of_go(name))
}

/// `--flag`, `--flag=true`, `--flag=false`, and never `--flag false`: as Go takes booleans.
fn as_switch(argument: Arg) -> Arg {
    argument
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(syntax::go_bool)
        .hide_possible_values(true)
        .value_name("BOOL")
}

#[cfg(test)]
mod tests;
