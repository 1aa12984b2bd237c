//! What all processes of an evaluation use together, as the kernel tells it (proc_pid_stat(5)).

use std::ffi::{c_int, c_long};
use std::fs;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(10); // USER_HZ is 100 everywhere
const SC_PAGESIZE: c_int = 30;

extern "C" {
    fn sysconf(name: c_int) -> c_long;
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub cpu: Duration,
    /// Resident bytes; what several processes share is counted for each of them.
    pub memory: u64,
    pub threads: u64,
    pub processes: u64,
}

/// Where the processes are listed: a /proc that has these alone, or one of the whole machine.
pub struct Place {
    pub proc: String,
}

impl Place {
    pub fn pids(&self) -> Vec<i32> {
        let Ok(entries) = fs::read_dir(&self.proc) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.to_str()?.parse().ok()).collect()
    }

    pub fn usage(&self, pids: &[i32]) -> Usage {
        // SAFETY: takes a number.
        let page = unsafe { sysconf(SC_PAGESIZE) }.max(1) as u64;
        let mut sum = Usage::default();
        for pid in pids {
            let stat = fs::read(format!("{}/{pid}/stat", self.proc)).unwrap_or_default();
            let Some(one) = usage_in(&stat, page) else { continue };
            sum.cpu += one.cpu;
            sum.memory += one.memory;
            sum.threads += one.threads;
            sum.processes += one.processes;
        }
        sum
    }

    /// Resident bytes, of which each process has its share of what it shares. Reading it takes
    /// long, so only do it when it matters. None where it cannot be read.
    pub fn shared_out(&self, pids: &[i32]) -> Option<u64> {
        let mut sum = 0;
        for pid in pids {
            match fs::read_to_string(format!("{}/{pid}/smaps_rollup", self.proc)) {
                Ok(text) => sum += share_in(&text)? * 1024,
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return None,
                Err(_) => {} // it has ended, or has no memory
            }
        }
        Some(sum)
    }

    /// Whether this process is a zombie or gone.
    pub fn is_dead(&self, pid: i32) -> bool {
        let stat = fs::read(format!("{}/{pid}/stat", self.proc)).unwrap_or_default();
        let state = fields(&stat).and_then(|mut fields| fields.next().map(str::to_owned));
        matches!(state.as_deref(), None | Some("Z" | "X"))
    }
}

fn share_in(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Those from the third on: the second may contain blanks and parentheses.
fn fields(stat: &[u8]) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    Some(std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_ascii_whitespace())
}

fn usage_in(stat: &[u8], page: u64) -> Option<Usage> {
    let words: Vec<&str> = fields(stat)?.collect();
    let number = |index: usize| words.get(index)?.parse::<i64>().ok().map(|n| n.max(0) as u64);
    // User and system time of itself, and of its children that were waited for.
    let ticks: u64 = (11..15).map(number).sum::<Option<u64>>()?;
    let cpu = TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
    let is_alive = !matches!(words[0], "Z" | "X");
    Some(Usage {
        cpu,
        memory: number(21)? * page,
        threads: if is_alive { number(17)? } else { 0 },
        processes: u64::from(is_alive),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] =
        b"7 (a b) c) R 1 7 7 0 -1 4 1 2 3 4 100 50 30 20 20 0 3 0 99 1000 25 18446744073709551615 1";

    #[test]
    fn fields_are_found_behind_any_name() {
        let told = usage_in(STAT, 4096).unwrap();
        assert_eq!(told.cpu, Duration::from_secs(2));
        assert_eq!((told.memory, told.threads, told.processes), (25 * 4096, 3, 1));
        assert_eq!(usage_in(b"rubbish", 4096), None);
        assert_eq!(usage_in(b"7 (a) R 1", 4096), None);
    }

    #[test]
    fn zombie_counts_only_for_its_time() {
        let zombie = String::from_utf8_lossy(STAT).replace(" R ", " Z ");
        let told = usage_in(zombie.as_bytes(), 4096).unwrap();
        assert_eq!((told.threads, told.processes), (0, 0));
        assert_eq!(told.cpu, Duration::from_secs(2));
    }

    #[test]
    fn own_process_is_found_and_measured() {
        let place = Place { proc: "/proc".into() };
        let ours = std::process::id() as i32;
        assert!(place.pids().contains(&ours));
        assert!(!place.is_dead(ours));
        let told = place.usage(&[ours]);
        assert!(told.memory > 100_000 && told.threads >= 1);
        assert!(place.shared_out(&[ours]).unwrap() <= told.memory * 2);
    }
}
