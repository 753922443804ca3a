//! What the process takes of the machine.

use peak_alloc::PeakAlloc;

/// Counts what is allocated. What is resident depends on how soon the allocator gives memory back as well, and on whose threads
/// have it: `program` looks at that, with the allocator that the sample program has.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Watches what is allocated.
pub struct Memory {
    before: usize,
}

impl Memory {
    pub fn follow() -> Self {
        ALLOCATED.reset_peak_usage();
        Self {
            before: ALLOCATED.current_usage(),
        }
    }

    /// By how many bytes it was more so far, at most, than at the beginning.
    pub fn grown(&self) -> usize {
        ALLOCATED.peak_usage().saturating_sub(self.before)
    }
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
