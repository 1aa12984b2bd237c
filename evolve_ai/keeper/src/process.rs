//! The calls by which a process is made, becomes an open program, and ends.

use crate::limits;
use crate::numbers::EXECVEAT;
use crate::sys::{self, checked, Exit};
use std::ffi::{c_int, c_long, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

const F_DUPFD_CLOEXEC: c_int = 1030;
const AT_EMPTY_PATH: usize = 0x1000;
const SIG_DFL: usize = 0;
const PIDFD_OPEN: u32 = 434;
const PIDFD_SEND_SIGNAL: u32 = 424;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn prctl(option: c_int, ...) -> c_int;
    fn fcntl(handle: c_int, command: c_int, value: c_int) -> c_int;
    fn fork() -> c_int;
    fn signal(number: c_int, disposition: usize) -> usize;
    fn raise(number: c_int) -> c_int;
}

/// A system call for which the C library has no function.
///
/// # Safety
/// Arguments that the call takes for pointers must be valid pointers.
pub unsafe fn call(number: u32, [a, b, c, d, e]: [usize; 5]) -> io::Result<usize> {
    // SAFETY: guaranteed by the caller.
    match unsafe { syscall(number as c_long, a, b, c, d, e) } {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result as usize),
    }
}

/// prctl(2)
///
/// # Safety
/// Arguments that the option takes for pointers must be valid pointers.
pub unsafe fn control(option: c_int, [a, b, c, d]: [usize; 4]) -> io::Result<c_int> {
    // SAFETY: guaranteed by the caller.
    checked(unsafe { prctl(option, a, b, c, d) })
}

/// fork(2): None in the child. Only for a process of one thread; its child may do all that it may.
pub fn divide() -> io::Result<Option<i32>> {
    // SAFETY: takes nothing.
    let pid = checked(unsafe { fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// The same file under a free number, at least `least` if possible. A process whose limit of
/// descriptors is `least` cannot open another file under that number.
pub fn above(file: &File, least: u64) -> io::Result<File> {
    let least = c_int::try_from(least).unwrap_or(c_int::MAX);
    let copy = |least| {
        // SAFETY: takes numbers; the file is open.
        checked(unsafe { fcntl(file.as_raw_fd(), F_DUPFD_CLOEXEC, least) })
    };
    let handle = copy(least).or_else(|_| copy(0))?;
    // SAFETY: the descriptor is new.
    Ok(unsafe { File::from_raw_fd(handle) })
}

/// Becomes the program in this file, which must not be a script; returns only on failure.
pub fn become_program(program: RawFd, arguments: &[CString], environment: &[CString]) -> io::Error {
    let (arguments, environment) = (sys::pointers(arguments), sys::pointers(environment));
    let nothing = [0u8];
    let words = [
        program as usize,
        nothing.as_ptr() as usize,
        arguments.as_ptr() as usize,
        environment.as_ptr() as usize,
        AT_EMPTY_PATH,
    ];
    // SAFETY: both arrays end with a null pointer; all that they point to outlives the call.
    let _ = unsafe { call(EXECVEAT, words) };
    io::Error::last_os_error()
}

/// Ends this process in the way in which another one has ended.
pub fn end_as(exit: Exit) -> ! {
    match exit {
        Exit::Code(code) => std::process::exit(code),
        Exit::Signal(number) => end_by(number),
    }
}

fn end_by(number: c_int) -> ! {
    let _ = limits::no_core();
    let _ = sys::set_signals_back();
    // SAFETY: takes numbers.
    unsafe {
        signal(number, SIG_DFL);
        raise(number);
    }
    sys::exit_at_once(128 + number)
}

/// Ends a process that is no child of ours, if `is_it` still confirms it once its pid can no longer
/// pass to another process.
pub fn end_other(pid: i32, is_it: impl Fn() -> bool) {
    // SAFETY: takes numbers.
    let Ok(handle) = (unsafe { call(PIDFD_OPEN, [pid as usize, 0, 0, 0, 0]) }) else { return };
    // SAFETY: the descriptor is new.
    let held = unsafe { File::from_raw_fd(handle as c_int) };
    if is_it() {
        let words = [held.as_raw_fd() as usize, sys::SIGKILL as usize, 0, 0, 0];
        // SAFETY: its third argument may be a null pointer.
        let _ = unsafe { call(PIDFD_SEND_SIGNAL, words) };
    }
}
