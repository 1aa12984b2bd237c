//! Owns what a boxed process is limited to by resource limits, and that it goes first when memory is
//! short (getrlimit(2), core(5), proc_pid_oom_score_adj(5)).

use crate::confine::{at, Confinement, Failure, Protection};
use crate::share;
use std::fs;
use std::io;

/// With a limit of one byte no core is piped to a program that runs outside of every box: 0 would
/// not keep the kernel from that.
const NO_CORE: u64 = 1;
/// The most there is: of all processes those in boxes are ended first for want of memory.
const FIRST: &str = "1000";
pub const OOM_SCORE: &str = "/proc/self/oom_score_adj";
pub const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// Counted for all processes of a user together, but compared with the limit of the one that asks:
/// who may have none takes none away. These are signals with a value and timers (timer_create(2)),
/// locked memory, and message queues.
const OF_THE_USER: [i32; 3] =
    [share::RLIMIT_SIGPENDING, share::RLIMIT_MEMLOCK, share::RLIMIT_MSGQUEUE];

/// What holds for everything that is boxed. Not part of going in: until then a process may need
/// more than it has afterwards.
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
        // Good to have; some systems forbid it, and the probe says so.
        let _ = fs::write(OOM_SCORE, FIRST);
    }
    Ok(())
}

/// These, and those that were asked for.
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

/// Where our own hard limit is 0 already, only root can have 1.
pub fn no_core() -> io::Result<()> {
    share::set_limit(share::RLIMIT_CORE, NO_CORE)
        .or_else(|_| share::limit(share::RLIMIT_CORE, NO_CORE))
}

/// Whether a crash of this process, which may raise no limit, leaves nothing and starts nothing. A
/// limit of 0 is heeded where cores are files, not where `pattern` has them piped or sent.
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
