//! The resource limits of a boxed process, and its order of ending when memory is short
//! (getrlimit(2), core(5), proc_pid_oom_score_adj(5)).

use crate::confine::{at, Confinement, Failure, Protection};
use crate::share;
use std::fs;
use std::io;

/// A limit of one byte keeps the kernel from piping a core to a program outside of the box. A limit
/// of 0 would not.
const NO_CORE: u64 = 1;
/// The maximum: when memory is short, boxed processes are ended before all others.
pub const FIRST: &str = "1000";
pub const OOM_SCORE: &str = "/proc/self/oom_score_adj";
pub const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// The kernel counts these for all processes of a user together, but compares the sum with the
/// limit of the process that asks: with a limit of 0 it cannot use them up for the others. They are
/// signals with a value and timers (timer_create(2)), locked memory, and message queues.
const OF_THE_USER: [i32; 3] =
    [share::RLIMIT_SIGPENDING, share::RLIMIT_MEMLOCK, share::RLIMIT_MSGQUEUE];

/// Sets the limits of all boxed processes. This is separate from entering the box, since a process
/// may need more until then.
pub fn set(holds: impl Fn(Protection) -> bool) -> Result<(), Failure> {
    if holds(Protection::Crashes) {
        at("limits", no_core())?;
    }
    if holds(Protection::Shared) {
        for kind in OF_THE_USER {
            at("limits", share::limit(kind, 0))?;
        }
    }
    if holds(Protection::Oom) {
        // Useful but optional: some systems forbid it, which the probe reports.
        let _ = fs::write(OOM_SCORE, FIRST);
    }
    Ok(())
}

/// Sets those limits and the requested ones.
pub fn set_all(confinement: &Confinement) -> Result<(), Failure> {
    set(|protection| confinement.holds(protection))?;
    if !confinement.holds(Protection::Limits) {
        return Ok(());
    }
    for (kind, wanted) in [
        (share::RLIMIT_AS, confinement.memory),
        (share::RLIMIT_FSIZE, confinement.file_size),
        (share::RLIMIT_NOFILE, confinement.descriptors),
    ] {
        if let Some(wanted) = wanted {
            at("limits", share::limit(kind, wanted))?;
        }
    }
    Ok(())
}

/// If our hard limit is 0 already, only root can set 1.
pub fn no_core() -> io::Result<()> {
    share::set_limit(share::RLIMIT_CORE, NO_CORE)
        .or_else(|_| share::limit(share::RLIMIT_CORE, NO_CORE))
}

/// Whether a crash of this process, which cannot raise its limits, leaves no file and starts no
/// program. With a limit of 0 that depends on `pattern`: it holds for files, not for pipes or
/// sockets.
pub fn leaves_no_core(pattern: &str) -> io::Result<bool> {
    Ok(match share::limits(share::RLIMIT_CORE)? {
        (NO_CORE, NO_CORE) => true,
        (0, 0) => !pattern.starts_with(['|', '@']),
        _ => false,
    })
}

pub fn goes_first(score: &str) -> bool {
    score.trim() == FIRST
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn what_is_held_is_set_and_nothing_else() {
        let told = |holds: fn(Protection) -> bool| {
            let mut child = Command::new("/bin/cat");
            child.args(["/proc/self/limits", OOM_SCORE]);
            // SAFETY: only system calls are made.
            unsafe { child.pre_exec(move || set(holds).map_err(|failure| failure.error)) };
            let told = String::from_utf8(child.output().unwrap().stdout).unwrap();
            let limit = |name: &str| {
                let line = told.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_ascii_whitespace().nth(name.split(' ').count()).unwrap().to_owned()
            };
            let score = told.lines().last().unwrap().to_owned();
            (limit("Max pending signals"), limit("Max core file size"), score)
        };
        let before = told(|_| false);
        assert_ne!((&*before.0, &*before.2), ("0", "1000"));
        assert_eq!(told(|one| one == Protection::Oom).2, "1000");
        assert_eq!(told(|one| one == Protection::Shared).0, "0");
        assert_eq!(told(|one| one == Protection::Shared).2, before.2);
        assert!(before.1 == "0" || told(|one| one == Protection::Crashes).1 == "1");
    }
}
