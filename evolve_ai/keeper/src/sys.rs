//! The calls to the C library, declared by hand, each behind a safe function.
//! Numbers are those of 64-bit Linux; comments name manual pages with more detail.

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, CStr, CString};
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::ptr;
use std::time::Duration;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the keeper needs 64-bit Linux");

pub const O_NONBLOCK: c_int = 0o4000;
#[cfg(any(target_arch = "aarch64", target_arch = "powerpc64"))]
pub const O_NOFOLLOW: c_int = 0o100000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "powerpc64")))]
pub const O_NOFOLLOW: c_int = 0o400000;

#[cfg(not(target_arch = "sparc64"))]
pub const O_NOATIME: c_int = 0o1000000;
#[cfg(target_arch = "sparc64")]
pub const O_NOATIME: c_int = 0x200000;

pub const EPERM: c_int = 1;
pub const ENOENT: c_int = 2;
pub const EINTR: c_int = 4;
pub const EAGAIN: c_int = 11;
pub const EACCES: c_int = 13;
pub const EBUSY: c_int = 16;
pub const EINVAL: c_int = 22;
pub const ENOMEM: c_int = 12;
pub const ENOTTY: c_int = 25;
pub const ENOSPC: c_int = 28;
pub const ENOLCK: c_int = 37;
pub const ENOSYS: c_int = 38;
pub const ELOOP: c_int = 40;
pub const EOPNOTSUPP: c_int = 95;

pub const O_PATH: c_int = 0o10000000;

pub const POLLIN: i16 = 1;
pub const POLLOUT: i16 = 4;

const ECHILD: c_int = 10;
const F_SETFD: c_int = 2;
const F_SETFL: c_int = 4;
const F_SETLKW: c_int = 7;
const F_WRLCK: i16 = 1;
const F_UNLCK: i16 = 2;
const FD_CLOEXEC: c_int = 1;
const SYS_CLOSE_RANGE: c_long = 436;
const CLOSE_RANGE_CLOEXEC: c_uint = 4;
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;
const PR_SET_PDEATHSIG: c_int = 1;
const PR_SET_CHILD_SUBREAPER: c_int = 36;
pub const SIGKILL: c_int = 9;
const SIGPIPE: c_int = 13;
pub const SIGHUP: c_int = 1;
pub const SIGINT: c_int = 2;
pub const SIGTERM: c_int = 15;
pub const SIGCHLD: c_int = 17;
const SIGXFSZ: c_int = 25;
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;
const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
const SFD_CLOEXEC_NONBLOCK: c_int = 0o2000000 | 0o4000;
const P_ALL: c_int = 0;
const P_PID: c_int = 1;
const WNOHANG: c_int = 1;
const WEXITED: c_int = 4;
const WNOWAIT: c_int = 0x0100_0000;
const CLD_EXITED: c_int = 1;

/// sigset_t of glibc and musl.
type Signals = [c_ulong; 16];

/// siginfo_t as waitid(2) fills it in.
#[repr(C)]
struct Told {
    signal: c_int,
    error: c_int,
    code: c_int,
    padding: c_int,
    pid: c_int,
    user: c_uint,
    status: c_int,
    rest: [c_int; 25],
}

#[repr(C)]
pub struct Watched {
    handle: c_int,
    events: i16,
    found: i16,
}

impl Watched {
    pub fn new(handle: &impl AsRawFd, events: i16) -> Watched {
        Watched { handle: handle.as_raw_fd(), events, found: 0 }
    }

    pub fn is_ready(&self) -> bool {
        self.found != 0
    }

    /// Whether there is something to read; the end of a stream does not count.
    pub fn is_readable(&self) -> bool {
        self.found & POLLIN != 0
    }
}

extern "C" {
    fn setsid() -> c_int;
    fn umask(mask: c_uint) -> c_uint;
    fn close(handle: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn fcntl(handle: c_int, command: c_int, ...) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn flock(handle: c_int, operation: c_int) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn waitid(kind: c_int, id: c_uint, told: *mut Told, options: c_int) -> c_int;
    fn signal(number: c_int, disposition: usize) -> usize;
    fn sigemptyset(set: *mut Signals) -> c_int;
    fn sigaddset(set: *mut Signals, number: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const Signals, old: *mut Signals) -> c_int;
    fn signalfd(handle: c_int, set: *const Signals, flags: c_int) -> c_int;
    fn poll(watched: *mut Watched, count: c_ulong, milliseconds: c_int) -> c_int;
    fn execve(
        file: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
    fn _exit(code: c_int) -> !;
}

pub fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

pub fn start_session() -> io::Result<()> {
    // SAFETY: takes nothing.
    checked(unsafe { setsid() }).map(drop)
}

pub fn set_umask(mask: u32) {
    // SAFETY: takes a number, and cannot fail.
    unsafe { umask(mask) };
}

/// Gives the file a second number, which exec does not close.
pub fn duplicate(file: &impl AsRawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: takes numbers. Callers name numbers that nothing else here owns.
    checked(unsafe { dup2(file.as_raw_fd(), number) }).map(drop)
}

/// Clears O_NONBLOCK and all other flags but these.
pub fn let_it_block(file: &File, flags: c_int) -> io::Result<()> {
    // SAFETY: takes numbers; the file is open.
    checked(unsafe { fcntl(file.as_raw_fd(), F_SETFL, flags) }).map(drop)
}

/// Closes the inherited descriptors from `first` on, except `kept`; nothing here owns them yet.
pub fn close_from(first: RawFd, kept: Option<RawFd>) -> io::Result<()> {
    let close_between = |first, last| {
        for_each_between(first, last, 0, |number| {
            // SAFETY: takes a number that no value here owns. The listing's own is closed already.
            unsafe { close(number) };
        })
    };
    match kept.filter(|&kept| kept >= first) {
        Some(kept) if kept > first => {
            close_between(first, kept - 1)?;
            close_between(kept + 1, RawFd::MAX)
        }
        Some(kept) => close_between(kept + 1, RawFd::MAX),
        None => close_between(first, RawFd::MAX),
    }
}

/// Lets exec close the descriptors from `first` on.
pub fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    for_each_between(first, RawFd::MAX, CLOSE_RANGE_CLOEXEC, |number| {
        let _ = close_on_exec(number);
    })
}

/// An error if the descriptor is not open.
pub fn close_on_exec(number: RawFd) -> io::Result<()> {
    // SAFETY: takes numbers.
    checked(unsafe { fcntl(number, F_SETFD, FD_CLOEXEC) }).map(drop)
}

/// By close_range(2) or, before Linux 5.11, one by one.
fn for_each_between(
    first: RawFd,
    last: RawFd,
    flags: c_uint,
    apply: impl Fn(RawFd),
) -> io::Result<()> {
    // SAFETY: takes numbers; callers answer for what is closed.
    if unsafe { syscall(SYS_CLOSE_RANGE, first as c_uint, last as c_uint, flags) } != 0 {
        let are_meant = |number: &RawFd| (first..=last).contains(number);
        open_descriptors()?.into_iter().filter(are_meant).for_each(apply);
    }
    Ok(())
}

fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let names = fs::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// Locks the file; false when another process has locked it (flock(2)).
pub fn lock(file: &File) -> io::Result<bool> {
    // SAFETY: takes numbers; the file is open.
    match checked(unsafe { flock(file.as_raw_fd(), LOCK_EX | LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// struct flock (fcntl_locking(2)): the whole file, from its beginning.
#[repr(C)]
struct Region {
    kind: i16,
    whence: i16,
    start: i64,
    length: i64,
    pid: c_int,
}

/// While this lives, other processes wait that want the same for the same file. The end of this
/// process ends it, too. Where the file system knows no such locks, nobody waits.
pub struct Alone<'a>(&'a File);

impl Alone<'_> {
    pub fn with(file: &File) -> Alone<'_> {
        lock_for_process(file, F_WRLCK);
        Alone(file)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        lock_for_process(self.0, F_UNLCK);
    }
}

fn lock_for_process(file: &File, kind: i16) {
    let region = Region { kind, whence: 0, start: 0, length: 0, pid: 0 };
    // SAFETY: struct flock, which lives through the call; the file is open.
    unsafe { fcntl(file.as_raw_fd(), F_SETLKW, &region) };
}

/// Makes orphaned descendants children of this process.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: this option takes one number.
    checked(unsafe { prctl(PR_SET_CHILD_SUBREAPER, 1 as c_ulong) }).map(drop)
}

/// Sets whether this process is killed when the thread that made it ends.
pub fn die_with_parent(wanted: bool) -> io::Result<()> {
    hear_of_parents_death(if wanted { SIGKILL } else { 0 })
}

/// Sets the signal (0: none) that tells this process that the thread that made it has ended.
pub fn hear_of_parents_death(number: c_int) -> io::Result<()> {
    // SAFETY: this option takes one number.
    checked(unsafe { prctl(PR_SET_PDEATHSIG, number as c_ulong) }).map(drop)
}

pub fn end(pid: i32) {
    send(pid, SIGKILL);
}

/// Callers name an unreaped child, so no other process can have the pid.
pub fn send(pid: i32, number: c_int) {
    // SAFETY: takes numbers.
    unsafe { kill(pid, number) };
}

/// Ends the process group that a child leads or led.
pub fn end_group(pid: i32) {
    end(-pid);
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// The result of waitid(2).
pub enum Found {
    Ended(i32, Exit),
    AllLive,
    NoChild,
}

/// A child that has ended. It is not reaped, and stays a zombie until `reap`.
pub fn ended_child() -> io::Result<Found> {
    // SAFETY: all zeros is a valid value of these numbers.
    let mut told: Told = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: `told` has the size and the layout of siginfo_t.
    let result = unsafe { waitid(P_ALL, 0, &mut told, WEXITED | WNOHANG | WNOWAIT) };
    match checked(result) {
        Ok(_) if told.pid == 0 => Ok(Found::AllLive),
        Ok(_) if told.code == CLD_EXITED => Ok(Found::Ended(told.pid, Exit::Code(told.status))),
        Ok(_) => Ok(Found::Ended(told.pid, Exit::Signal(told.status))),
        Err(error) if error.raw_os_error() == Some(ECHILD) => Ok(Found::NoChild),
        Err(error) => Err(error),
    }
}

pub fn reap(pid: i32) {
    // SAFETY: waitid(2) writes nothing through a null pointer.
    unsafe { waitid(P_PID, pid as c_uint, ptr::null_mut(), WEXITED | WNOHANG) };
}

/// A file that becomes readable when a child has ended, or one of these signals has come.
pub fn deaths(others: &[c_int]) -> io::Result<File> {
    let mut set: Signals = [0; 16];
    // SAFETY: `set` has the size of sigset_t, and lives through the calls.
    unsafe {
        checked(sigemptyset(&mut set))?;
        for &number in [SIGCHLD].iter().chain(others) {
            checked(sigaddset(&mut set, number))?;
        }
        checked(sigprocmask(SIG_BLOCK, &set, ptr::null_mut()))?;
        let handle = checked(signalfd(-1, &set, SFD_CLOEXEC_NONBLOCK))?;
        // The descriptor is new, so nothing else owns it.
        Ok(File::from_raw_fd(handle))
    }
}

/// Makes a file that exceeds our limits an error of write(2) instead of our end.
pub fn ignore_too_large_files() {
    // SAFETY: no handler is installed; the signal is only ignored.
    unsafe { signal(SIGXFSZ, SIG_IGN) };
}

/// Resets what exec keeps: ignored and blocked signals.
pub fn set_signals_back() -> io::Result<()> {
    let mut set: Signals = [0; 16];
    // SAFETY: `set` has the size of sigset_t; dispositions are defaults, no handlers.
    unsafe {
        signal(SIGXFSZ, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        checked(sigemptyset(&mut set))?;
        checked(sigprocmask(SIG_SETMASK, &set, ptr::null_mut())).map(drop)
    }
}

/// Waits until one of these is ready, at most so long; without a time for ever.
pub fn wait(watched: &mut [Watched], most: Option<Duration>) -> io::Result<()> {
    // Rounded up: waking a little too early would make us loop until the time has come.
    let milliseconds = most.map_or(-1, |most| most.as_millis().min(3_600_000) as c_int + 1);
    // SAFETY: the slice has as many entries as we say, laid out as struct pollfd.
    let result = unsafe { poll(watched.as_mut_ptr(), watched.len() as c_ulong, milliseconds) };
    match checked(result) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// The form that execve(2) takes; valid as long as the texts live.
pub fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Becomes another program; returns only on failure.
pub fn execute(file: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end with a null pointer; all that they point to outlives the call.
    unsafe { execve(file.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends this process at once, for a child that has failed to become a program.
pub fn exit_at_once(code: i32) -> ! {
    // SAFETY: takes a number.
    unsafe { _exit(code) }
}
