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

    /// By how many bytes it was larger than at the beginning.
    pub fn growth(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.join().unwrap();
        }
        self.most.load(Ordering::Relaxed).saturating_sub(self.before)
    }
}

/// VmRSS of /proc/self/status, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kilobytes * 1024
}
