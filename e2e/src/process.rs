//! Long-running programs: recognised by process id, start time and boot, since ids are reused.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::files;

/// How often a process that is to end is looked at.
const POLL: Duration = Duration::from_millis(50);

/// A process of ours, as it is remembered in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
    /// Which boot that was.
    pub boot_id: String,
}

impl Record {
    /// What identifies the process of this id; nothing if there is none.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self {
            pid,
            start_time: running_since(&stat)?,
            boot_id: boot_id(),
        })
    }

    /// Reads a record; nothing if there is none.
    ///
    /// # Errors
    /// When the file is there, but is no record.
    pub fn read(path: &Path) -> Result<Option<Self>, files::Error> {
        files::read_json(path)
    }

    /// Whether the process that was recorded still runs: another one with its id does not count.
    #[must_use]
    pub fn alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Asks the process to end, and ends it when it has not within `patience`. Returns when it is gone.
    pub async fn stop(&self, patience: Duration) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(patience, self.gone()).await.is_err() {
            self.signal(Signal::SIGKILL);
            self.gone().await;
        }
    }

    /// Sends a signal to the process, and to none that merely has its id.
    pub fn signal(&self, signal: Signal) {
        if self.alive() {
            // It may end in this very moment, which is no failure.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Waits until the process is gone.
    pub async fn gone(&self) {
        while self.alive() {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The start time in a `/proc/PID/stat`; none for a zombie, which has ended already.
fn running_since(stat: &str) -> Option<u64> {
    // The second field, the program's name in parentheses, may hold spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Record, running_since};

    #[test]
    fn reads_the_start_time_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 77123 1000 2000";
        assert_eq!(running_since(stat), Some(77_123));
    }

    #[test]
    fn a_zombie_does_not_run() {
        let stat = "42 (sh) Z 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 77123 1000 2000";
        assert_eq!(running_since(stat), None);
    }

    #[tokio::test]
    async fn a_recycled_id_is_left_alone() {
        let mut child = tokio::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let real = Record::of(pid).unwrap();
        let earlier = Record {
            start_time: real.start_time - 1,
            ..real.clone()
        };
        earlier.stop(Duration::ZERO).await;
        assert!(real.alive(), "stopped a process by its id alone");
        real.stop(Duration::from_secs(60)).await;
        assert!(!real.alive());
        child.wait().await.unwrap();
    }
}
