//! What the kernel says of a process, and what is made of several measurements. No effects but reading `/proc`.

use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, 100 on every architecture that the harness runs on.
const TICKS_PER_SECOND: u64 = 100;

/// A process's processor time so far, user and system, from the text of its `/proc/PID/stat`.
#[must_use]
pub(super) fn cpu_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name, in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

/// A process's resident memory in bytes, from the text of its `/proc/PID/status`.
#[must_use]
pub(super) fn resident(status: &str) -> Option<u64> {
    bytes(status, "VmRSS:")
}

/// The most memory that a process ever had resident, in bytes, from the text of its `/proc/PID/status`.
#[must_use]
pub(super) fn peak(status: &str) -> Option<u64> {
    bytes(status, "VmHWM:")
}

fn bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The middle of the values; of an even number the mean of the two in the middle; nothing of none.
#[must_use]
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let above = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(above);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, above))
}

/// The value that so many of a hundred do not exceed; nothing of none.
#[must_use]
pub(super) fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_user_and_system_whatever_the_program_is_called() {
        let stat = "42 (a b) 7) S 1 42 42 0 -1 4194560 100 0 3 0 250 125 9 9 20 0 8 0 1000 1 1";
        assert_eq!(cpu_time(stat), Some(Duration::from_millis(3750)));
    }

    #[test]
    fn a_stat_that_ends_early_has_no_cpu_time() {
        assert_eq!(cpu_time("42 (wardle) S 1 42"), None);
        assert_eq!(cpu_time(""), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\twardle\nVmHWM:\t  200 kB\nVmRSS:\t  123 kB\nThreads:\t8\n";
        assert_eq!(resident(status), Some(123 * 1024));
        assert_eq!(peak(status), Some(200 * 1024));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn a_percentile_is_what_so_many_do_not_exceed() {
        let values: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&values[..1], 99), Some(Duration::from_millis(200)));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&[3.0, 100.0, 1.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }
}
