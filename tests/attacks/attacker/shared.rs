//! Owns attacks on what all processes of a user share, and on room that no size tells of.

use crate::sys::{call, own_pid, parsed, text, AT_FDCWD};
use crate::tell;
use std::ffi::c_int;
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd};

const LOG: usize = 1;
const KEEP_SIZE: usize = 1;
const REAL_TIME_SIGNAL: usize = 40;
const SET_LOCK: usize = 6;
const SET_LOCK_OF_DESCRIPTION: usize = 37;
const SET_LEASE: usize = 1024;

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["idle"] => {}
        ["reserve", where_, bytes] => tell("reserve", reserve(where_, parsed(bytes))),
        ["nameless", bytes] => tell("nameless", nameless(parsed(bytes))),
        ["timers", most] => tell("timers", timers(parsed(most))),
        ["queue_signals", most] => tell("queue_signals", queue_signals(parsed(most))),
        ["epoll"] => tell("epoll", call("epoll_create1", &[0])),
        ["pipes", most] => tell("pipes", (0..parsed(most)).try_for_each(|_| pipe()).map(|()| most)),
        ["lock_bytes", way, most] => tell("lock_bytes", lock_bytes(way, parsed(most))),
        ["flock", path] => tell("flock", lock_whole(path)),
        ["lease"] => tell("lease", lease()),
        ["lock_memory"] => tell("lock_memory", lock_memory()),
        ["descriptors_in_flight", most] => {
            tell("descriptors_in_flight", descriptors_in_flight(parsed(most)))
        }
        ["spare_itself"] => {
            tell("spare_itself", fs::write("/proc/self/oom_score_adj", "0").map(|()| 0))
        }
        _ => return false,
    }
    true
}

/// In no folder, from the beginning on.
fn nameless(bytes: usize) -> io::Result<usize> {
    const O_TMPFILE_TO_WRITE: usize = 0o20_200_001;
    let folder = text("state");
    let at = [AT_FDCWD, folder.as_ptr() as usize, O_TMPFILE_TO_WRITE, 0o600];
    let handle = call("openat", &at)?;
    let piece = vec![1u8; bytes];
    // SAFETY: it has just been opened, and by nobody else.
    let mut file = unsafe { File::from_raw_fd(handle as c_int) };
    let done = file.write_all(&piece).map(|()| bytes);
    mem::forget(file);
    done
}

fn reserve(place: &str, bytes: usize) -> io::Result<usize> {
    let file = match place {
        "log" => LOG,
        _ => {
            let file = File::create("state/reserved")?;
            fs::remove_file("state/reserved")?;
            let handle = file.as_raw_fd();
            mem::forget(file);
            handle as usize
        }
    };
    call("fallocate", &[file, KEEP_SIZE, 0, bytes])
}

fn timers(most: usize) -> io::Result<usize> {
    for _ in 0..most {
        let mut id: c_int = 0;
        call("timer_create", &[1, 0, &mut id as *mut c_int as usize])?;
    }
    Ok(most)
}

/// To itself, who does not take them.
fn queue_signals(most: usize) -> io::Result<usize> {
    const BLOCK: c_int = 0;
    extern "C" {
        fn sigprocmask(how: c_int, set: *const u64, old: *mut u64) -> c_int;
    }
    let set = [1u64 << (REAL_TIME_SIGNAL - 1); 16];
    // SAFETY: as large as sigset_t.
    unsafe { sigprocmask(BLOCK, set.as_ptr(), std::ptr::null_mut()) };
    let mut told = [0i32; 32];
    told[0] = REAL_TIME_SIGNAL as i32;
    told[2] = -1; // SI_QUEUE
    for _ in 0..most {
        call("rt_sigqueueinfo", &[own_pid(), REAL_TIME_SIGNAL, told.as_ptr() as usize])?;
    }
    Ok(most)
}

fn pipe() -> io::Result<()> {
    let mut ends = [0; 2] as [c_int; 2];
    call("pipe2", &[ends.as_mut_ptr() as usize, 0]).map(drop)
}

/// Every other one, so that none are joined.
fn lock_bytes(way: &str, most: usize) -> io::Result<usize> {
    #[repr(C)]
    struct Lock {
        kind: i16,
        whence: i16,
        start: i64,
        length: i64,
        pid: i32,
    }
    let file = File::create("state/locked-bytes")?;
    let command = if way == "ofd" { SET_LOCK_OF_DESCRIPTION } else { SET_LOCK };
    for one in 0..most {
        let lock = Lock { kind: 1, whence: 0, start: 2 * one as i64, length: 1, pid: 0 };
        call("fcntl", &[file.as_raw_fd() as usize, command, &lock as *const Lock as usize])?;
    }
    mem::forget(file);
    Ok(most)
}

fn lock_whole(path: &str) -> io::Result<usize> {
    const EXCLUSIVE_AT_ONCE: usize = 2 | 4;
    let file = File::open(path)?;
    let done = call("flock", &[file.as_raw_fd() as usize, EXCLUSIVE_AT_ONCE]);
    mem::forget(file);
    done
}

fn lease() -> io::Result<usize> {
    const WRITE: usize = 1;
    let file = File::create("state/leased")?;
    let done = call("fcntl", &[file.as_raw_fd() as usize, SET_LEASE, WRITE]);
    mem::forget(file);
    done
}

fn lock_memory() -> io::Result<usize> {
    const READ_WRITE: usize = 3;
    const PRIVATE_ANONYMOUS_LOCKED: usize = 0x2 | 0x20 | 0x2000;
    call("mmap", &[0, 4096, READ_WRITE, PRIVATE_ANONYMOUS_LOCKED, usize::MAX, 0])
}

/// Sent to a socket that nobody reads, and closed: they are held by nobody, and count for the user.
fn descriptors_in_flight(most: usize) -> io::Result<usize> {
    let mut ends = [0; 2] as [c_int; 2];
    call("socketpair", &[1, 5, 0, ends.as_mut_ptr() as usize])?;
    let folder = call("openat", &[AT_FDCWD, text(".").as_ptr() as usize, 0])?;
    let byte = [0u8];
    for _ in 0..most {
        let piece = [byte.as_ptr() as usize, 1];
        let control = [20usize, 1 | 1 << 32, folder];
        // struct cmsghdr and one descriptor, and what fills it up
        let message = [0, 0, piece.as_ptr() as usize, 1, control.as_ptr() as usize, 24, 0];
        call("sendmsg", &[ends[0] as usize, message.as_ptr() as usize, 0x40])?;
    }
    Ok(most)
}
