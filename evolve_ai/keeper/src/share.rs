//! The calls that set this process's share of the machine: resource limits, and scheduling.

use crate::sys::checked;
use std::ffi::c_int;
use std::io;

pub const RLIMIT_FSIZE: c_int = 1;
pub const RLIMIT_CORE: c_int = 4;
pub const RLIMIT_NOFILE: c_int = 7;
pub const RLIMIT_MEMLOCK: c_int = 8;
pub const RLIMIT_AS: c_int = 9;
pub const RLIMIT_SIGPENDING: c_int = 11;
pub const RLIMIT_MSGQUEUE: c_int = 12;

const SCHED_FIFO: c_int = 1;
const SCHED_BATCH: c_int = 3;
const SCHED_RESET_ON_FORK: c_int = 0x4000_0000;

#[repr(C)]
struct Limit {
    soft: u64,
    hard: u64,
}

extern "C" {
    fn getrlimit(kind: c_int, limit: *mut Limit) -> c_int;
    fn setrlimit(kind: c_int, limit: *const Limit) -> c_int;
    fn sched_setscheduler(pid: c_int, policy: c_int, priority: *const c_int) -> c_int;
}

/// The soft and the hard limit.
pub fn limits(kind: c_int) -> io::Result<(u64, u64)> {
    let mut limit = Limit { soft: 0, hard: 0 };
    // SAFETY: `limit` has the layout of struct rlimit, and lives through the call.
    checked(unsafe { getrlimit(kind, &mut limit) })?;
    Ok((limit.soft, limit.hard))
}

/// Sets a limit of this process, at most its hard limit.
pub fn limit(kind: c_int, wanted: u64) -> io::Result<()> {
    let (_, hard) = limits(kind)?;
    set_limit(kind, hard.min(wanted))
}

/// Sets a limit; a value above the hard limit needs the privilege to raise that.
pub fn set_limit(kind: c_int, wanted: u64) -> io::Result<()> {
    let limit = Limit { soft: wanted, hard: wanted };
    // SAFETY: `limit` has the layout of struct rlimit, and lives through the call.
    checked(unsafe { setrlimit(kind, &limit) }).map(drop)
}

/// The same share of the processor, but waking up does not interrupt other processes.
pub fn run_in_batches() {
    let priority: c_int = 0;
    // SAFETY: struct sched_param is this one number.
    unsafe { sched_setscheduler(0, SCHED_BATCH, &priority) };
}

/// Run before all other processes, where that is allowed; children do not inherit it (sched(7)). A
/// box that spins in ten thousand threads must not keep its watcher from ending it.
pub fn run_before_others() {
    let priority: c_int = 1;
    // SAFETY: struct sched_param is this one number.
    unsafe { sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) };
}
