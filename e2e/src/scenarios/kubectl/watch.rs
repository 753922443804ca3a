//! `kubectl get -w`, beside other commands.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::super::{Failure, World, failure};

/// How long an event may take to arrive.
const LIMIT: Duration = Duration::from_secs(60);

/// A running `kubectl get -w`; it ends with this value.
pub(super) struct Watch {
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    _child: Child,
}

impl Watch {
    /// Starts it in the namespace.
    ///
    /// # Errors
    /// kubectl could not be run.
    pub(super) fn start(world: &World, resource: &str) -> Result<Self, Failure> {
        let arguments = [
            "get",
            resource,
            "--watch",
            "--output-watch-events",
            "--no-headers",
        ];
        let mut child = world
            .tools
            .kubectl_command(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| failure("kubectl has no output"))?;
        Ok(Self {
            lines: BufReader::new(output).lines(),
            seen: Vec::new(),
            _child: child,
        })
    }

    /// Reads on to the next event of this type about this object.
    ///
    /// # Errors
    /// It did not come.
    pub(super) async fn expect(&mut self, event: &str, name: &str) -> Result<(), Failure> {
        let found = tokio::time::timeout(LIMIT, self.read_to(event, name)).await;
        match found {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) | Err(_) => Err(failure(format!(
                "`kubectl get -w` has not shown {event} {name}, but: {:?}",
                self.seen
            ))),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    async fn read_to(&mut self, event: &str, name: &str) -> Result<bool, std::io::Error> {
        while let Some(line) = self.lines.next_line().await? {
            let mut words = line.split_whitespace();
            let found = words.next() == Some(event) && words.next() == Some(name);
            self.seen.push(line);
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
