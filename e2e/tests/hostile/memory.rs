//! What the process takes of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Watches the resident memory.
pub struct Memory {
    before: u64,
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

impl Memory {
    /// Begins, on a thread that nobody else keeps from running.
    pub fn follow() -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (most.clone(), stop.clone());
        let looking = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                seen.fetch_max(resident(), Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        });
        Self {
            before: resident(),
            most,
            stop,
            looking: Some(looking),
        }
    }

    /// By how many bytes it was larger so far than at the beginning.
    pub fn grown(&self) -> u64 {
        self.most.load(Ordering::Relaxed).saturating_sub(self.before)
    }

    /// The same, at the end.
    pub fn growth(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.join().unwrap();
        }
        self.grown()
    }
}

fn resident() -> u64 {
    of_process("self", "VmRSS:")
}

/// What a process, by its number, takes now and took at most.
pub fn told(process: &str) -> String {
    let mebibytes = |field| of_process(process, field) >> 20;
    format!("{} MiB, at most {} MiB", mebibytes("VmRSS:"), mebibytes("VmHWM:"))
}

/// What a process took at most counts from now on.
pub fn forget_most(process: &str) {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// A field of /proc/PROCESS/status, in bytes.
fn of_process(process: &str, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kilobytes * 1024
}
