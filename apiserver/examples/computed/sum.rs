//! The command of a machine: `sum` reads numbers from its standard input, a line each, and writes their sum so far.

use annex_apiserver::rest::remote_command::{Exit, Input, Streams};

/// Bytes of the longest line.
const LONGEST_LINE: usize = 64 * 1024;

/// Runs `command`, to its end or that of its input.
pub(crate) async fn run(command: Vec<String>, mut streams: Streams) -> Exit {
    let output = streams.output();
    if command != ["sum"] {
        let _ = output
            .stderr(format!("{}: not found\n", command.join(" ")).as_bytes())
            .await;
        return Exit::Code(127);
    }
    let (mut sum, mut read) = (0_i64, Vec::new());
    while let Some(input) = streams.input().await {
        match input {
            Input::Stdin(bytes) if read.len() + bytes.len() > LONGEST_LINE => {
                return Exit::Failed("a line is too long".into());
            }
            Input::Stdin(bytes) => read.extend_from_slice(&bytes),
            Input::StdinClosed => break,
            Input::Resize(_) => {}
        }
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            let number = String::from_utf8_lossy(&line).trim().parse::<i64>();
            sum = sum.saturating_add(number.unwrap_or_default());
            if output.stdout(format!("{sum}\n").as_bytes()).await.is_err() {
                break;
            }
        }
    }
    Exit::Code(0)
}
