//! Checks the charts with the helm given as the argument, or, with `--write`, generates what is generated in them.

use std::{error::Error, path::Path, process::ExitCode};

use annex_e2e::charts;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), charts::Error> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "helm".to_owned());
    if argument == "--write" {
        for path in charts::sync(&charts::Layout::of_workspace())? {
            println!("{}", path.display());
        }
        return Ok(());
    }
    println!("{}", charts::check(Path::new(&argument))?);
    Ok(())
}
