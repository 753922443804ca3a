//! Flags of the author's own, beside the library's: what a Go server adds with `AddFlags` of its options.

use std::ffi::OsString;

use clap::Command;

use super::{Args, command};
use crate::config::syntax;

/// Where they stand in `--help`, unless they say it themselves (`next_help_heading`).
const HEADING: &str = "This program";

/// Why a command line cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It is none, or asks for help: clap's own error, which prints itself.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// The program's own flags do not fit the library's.
    #[error("{}", listed(.0))]
    OwnFlags(Vec<FlagError>),
}

/// Why a program cannot have a flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// The library, or the Go server whose flags it knows, has a flag of this name.
    #[error("the program's own flag {flag} is one of the library's already")]
    Taken {
        /// As it is typed.
        flag: String,
    },
    /// The library has a field, or a group, of this name, in which clap would put its value.
    #[error(
        "the program's own flags cannot have a field or struct of the name {name:?}: the library has one"
    )]
    Id {
        /// Which.
        name: String,
    },
    /// Nobody could type it: names are normalised, as k8s.io/component-base does it.
    #[error("the program's own flag {flag} must have '-' for '_'")]
    Underscore {
        /// As it would be typed.
        flag: String,
    },
}

fn listed(errors: &[FlagError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The flags of a program that has none.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct NoFlags {}

/// Reads a command line, the program's name first, with flags of the program's own, which `--help` shows in a section of
/// their own.
///
/// # Errors
/// It cannot be read, or the program's own flags have names that are taken.
pub fn parse_with<A: clap::Args>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Args, A), ParseError> {
    let command = with_own::<A>(command())?;
    let matches = command.try_get_matches_from(syntax::normalise(arguments))?;
    Ok((Args::read(&matches)?, A::from_arg_matches(&matches)?))
}

/// `command` with the flags of `A`.
fn with_own<A: clap::Args>(command: Command) -> Result<Command, ParseError> {
    // clap panics over two flags of one name.
    let faults = faults(&command, &A::augment_args(Command::new("own")));
    if !faults.is_empty() {
        return Err(ParseError::OwnFlags(faults));
    }
    // A struct's comment is of its flags, and not of the program.
    let about = command.get_about().cloned().unwrap_or_default();
    let command = A::augment_args(command.next_help_heading(HEADING));
    Ok(command.about(about).long_about(None::<&str>))
}

fn faults(library: &Command, own: &Command) -> Vec<FlagError> {
    let taken = Names::of(library);
    let mut faults = Vec::new();
    for argument in own.get_arguments() {
        for long in longs(argument) {
            let flag = format!("--{long}");
            if long == "help" || taken.longs.iter().any(|taken| taken == long) {
                faults.push(FlagError::Taken { flag });
            } else if long.contains('_') {
                faults.push(FlagError::Underscore { flag });
            }
        }
        for short in shorts(argument) {
            if short == 'h' || taken.shorts.contains(&short) {
                faults.push(FlagError::Taken {
                    flag: format!("-{short}"),
                });
            }
        }
    }
    if faults.is_empty() {
        let ids = Names::of(own).ids;
        let twice = ids.into_iter().filter(|id| taken.ids.contains(id));
        faults.extend(twice.map(|name| FlagError::Id { name }));
    }
    faults
}

/// What a command calls its arguments and their groups.
struct Names {
    ids: Vec<String>,
    longs: Vec<String>,
    shorts: Vec<char>,
}

impl Names {
    fn of(command: &Command) -> Self {
        let of_arguments = command.get_arguments().map(|argument| argument.get_id());
        let of_groups = command.get_groups().map(|group| group.get_id());
        Self {
            ids: of_arguments.chain(of_groups).map(ToString::to_string).collect(),
            longs: command
                .get_arguments()
                .flat_map(longs)
                .map(str::to_owned)
                .collect(),
            shorts: command.get_arguments().flat_map(shorts).collect(),
        }
    }
}

fn longs(argument: &clap::Arg) -> impl Iterator<Item = &str> {
    let aliases = argument.get_all_aliases().unwrap_or_default();
    argument.get_long().into_iter().chain(aliases)
}

fn shorts(argument: &clap::Arg) -> impl Iterator<Item = char> {
    let aliases = argument.get_all_short_aliases().unwrap_or_default();
    argument.get_short().into_iter().chain(aliases)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom it greets.
    #[derive(Debug, clap::Args)]
    struct Greeter {
        /// What is said.
        #[arg(long, default_value = "hello")]
        greeting: String,
        /// Say it loud.
        #[arg(long, short = 'l')]
        loud: bool,
    }

    fn read<A: clap::Args>(arguments: &[&str]) -> Result<(Args, A), ParseError> {
        let all = std::iter::once("greeter").chain(arguments.iter().copied());
        parse_with(all.map(OsString::from))
    }

    fn refused<A: clap::Args>() -> String {
        read::<A>(&[]).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn flags_of_the_programs_own_are_read_beside_the_librarys() {
        let given = [
            "--standalone",
            "--greeting",
            "good day",
            "-l",
            "--secure_port=8443",
        ];
        let (args, own) = read::<Greeter>(&given).unwrap();
        assert_eq!(
            (args.process.standalone, args.serving.secure_port),
            (true, Some(8443))
        );
        assert_eq!((own.greeting.as_str(), own.loud), ("good day", true));
        assert_eq!(read::<Greeter>(&[]).unwrap().1.greeting, "hello");
        assert!(matches!(
            read::<Greeter>(&["--nope"]),
            Err(ParseError::CommandLine(_))
        ));
    }

    #[test]
    fn help_shows_them_in_a_section_of_their_own() {
        let help = read::<Greeter>(&["--help"]).unwrap_err().to_string();
        assert!(
            help.starts_with("Serves an extension API of Kubernetes\n"),
            "{help}"
        );
        let (library, own) = help.split_once("This program:").unwrap();
        assert!(
            library.contains("--standalone") && !library.contains("--greeting"),
            "{help}"
        );
        assert!(
            own.contains("--greeting <GREETING>") && !own.contains("--standalone"),
            "{help}"
        );

        #[derive(Debug, clap::Args)]
        #[command(next_help_heading = "Greetings")]
        struct Headed {
            #[arg(long)]
            aloud: bool,
        }
        assert!(read::<Headed>(&["--aloud"]).unwrap().1.aloud);
        let help = read::<Headed>(&["--help"]).unwrap_err().to_string();
        assert!(help.contains("\nGreetings:\n      --aloud"), "{help}");
    }

    #[test]
    fn names_that_are_taken_are_an_error_with_words() {
        #[derive(Debug, clap::Args)]
        struct Flags {
            #[arg(long)]
            etcd_servers: Option<String>,
            #[arg(long = "feature-gates")]
            gates: Option<String>,
            #[arg(long, short = 'v', alias = "kubeconfig")]
            verbose: bool,
            #[arg(long = "snake_case")]
            snake: bool,
        }
        assert_eq!(
            refused::<Flags>(),
            "the program's own flag --etcd-servers is one of the library's already\n\
             the program's own flag --feature-gates is one of the library's already\n\
             the program's own flag --kubeconfig is one of the library's already\n\
             the program's own flag -v is one of the library's already\n\
             the program's own flag --snake_case must have '-' for '_'"
        );

        #[derive(Debug, clap::Args)]
        struct StorageArgs {
            #[arg(long = "address")]
            bind_address: Option<String>,
        }
        let name = |name: &str| {
            format!(
                "the program's own flags cannot have a field or struct of the name {name:?}: the library has one"
            )
        };
        assert_eq!(
            refused::<StorageArgs>(),
            format!("{}\n{}", name("bind_address"), name("StorageArgs"))
        );
    }
}
