//! The calls that set this process's share of the machine: resource limits, and scheduling.

use crate::sys::checked;
use std::ffi::{c_int, c_long, c_ulong};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::time::Duration;

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

const RUSAGE_SELF: c_int = 0;
const RUSAGE_CHILDREN: c_int = -1;

/// struct rusage
#[repr(C)]
struct Used {
    user: [c_long; 2],
    system: [c_long; 2],
    resident_kib: c_long,
    rest: [c_long; 13],
}

/// struct statvfs of 64-bit glibc and musl
#[repr(C)]
struct Room {
    block: c_ulong,
    fragment: c_ulong,
    blocks: u64,
    free: u64,
    available: u64,
    files: u64,
    free_files: u64,
    rest: [u64; 16],
}

extern "C" {
    fn getrusage(whose: c_int, used: *mut Used) -> c_int;
    fn fstatvfs(handle: c_int, room: *mut Room) -> c_int;
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

fn used_by(whose: c_int) -> Used {
    // SAFETY: all zeros is a valid value of these numbers, and `used` is laid out as struct rusage.
    unsafe {
        let mut used = MaybeUninit::zeroed().assume_init();
        getrusage(whose, &mut used);
        used
    }
}

fn time_of(whose: c_int) -> Duration {
    let Used { user, system, .. } = used_by(whose);
    let seconds = Duration::from_secs((user[0] + system[0]) as u64);
    seconds + Duration::from_micros((user[1] + system[1]) as u64)
}

/// Processor time of all children that were reaped, and of those that they have reaped.
pub fn time_of_children() -> Duration {
    time_of(RUSAGE_CHILDREN)
}

pub fn time_of_this_process() -> Duration {
    time_of(RUSAGE_SELF)
}

/// The most bytes that one of these processes had in memory.
pub fn memory_of_children() -> u64 {
    used_by(RUSAGE_CHILDREN).resident_kib as u64 * 1024
}

/// The free blocks and the free inodes of a file system.
pub fn room(place: &File) -> io::Result<(u64, u64)> {
    // SAFETY: `found` is larger than struct statvfs, begins like it, and lives through the call.
    let found: Room = unsafe {
        let mut found = MaybeUninit::zeroed().assume_init();
        checked(fstatvfs(place.as_raw_fd(), &mut found))?;
        found
    };
    Ok((found.available, found.free_files))
}
