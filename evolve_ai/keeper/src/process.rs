//! The calls by which a process is made, becomes an open program, and ends.

use crate::limits;
use crate::numbers::EXECVEAT;
use crate::sys::{self, checked, Exit};
use std::ffi::{c_char, c_int, c_long, c_void, CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::ptr;

const F_DUPFD_CLOEXEC: c_int = 1030;
const AT_EMPTY_PATH: usize = 0x1000;
const SIG_DFL: usize = 0;
const CLONE_VM: c_int = 0x100;
const CLONE_VFORK: c_int = 0x4000;
const PIDFD_OPEN: u32 = 434;
const PIDFD_SEND_SIGNAL: u32 = 424;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn prctl(option: c_int, ...) -> c_int;
    fn fcntl(handle: c_int, command: c_int, ...) -> c_int;
    fn fork() -> c_int;
    fn clone(
        run: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        given: *mut c_void,
        ...
    ) -> c_int;
    fn signal(number: c_int, disposition: usize) -> usize;
    fn raise(number: c_int) -> c_int;
    fn chdir(folder: *const c_char) -> c_int;
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

/// vfork(2) by clone(2): the child shares our memory and runs on this stack, and the calling thread
/// goes on when the child has executed a program or has ended. Returns the pid of the child.
///
/// # Safety
/// `run` must neither allocate, nor take a lock, nor leave our memory in a state in which it must
/// not be left: the child may be killed at any point. The stack must suffice.
pub unsafe fn divide_sharing<T>(
    stack: &mut [u8],
    subject: &mut T,
    run: fn(&mut T) -> !,
) -> io::Result<i32> {
    extern "C" fn begin<T>(given: *mut c_void) -> c_int {
        // SAFETY: the caller's `given`, which lives as long as the caller waits.
        let (subject, run) = unsafe { &mut *given.cast::<(&mut T, fn(&mut T) -> !)>() };
        run(subject)
    }
    let mut given = (subject, run);
    let top = stack.as_mut_ptr_range().end as usize & !0xf;
    let flags = CLONE_VM | CLONE_VFORK | sys::SIGCHLD;
    // SAFETY: a stack grows down from its end, which is aligned; nobody else uses it meanwhile.
    checked(unsafe {
        clone(begin::<T>, top as *mut c_void, flags, ptr::addr_of_mut!(given).cast())
    })
}

/// Makes this the working folder; unlike the library, whatever its length, without memory of its own.
pub fn go_into(folder: &CStr) -> io::Result<()> {
    // SAFETY: the text ends with NUL, and lives through the call.
    checked(unsafe { chdir(folder.as_ptr()) }).map(drop)
}

/// The same file under a free number, at least `least` if possible. A process whose limit of
/// descriptors is `least` cannot open another file under that number.
pub fn above(file: &File, least: u64) -> io::Result<File> {
    let least = c_int::try_from(least).unwrap_or(c_int::MAX);
    let copy = |least: c_int| {
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
    // SAFETY: made by `pointers` of texts that outlive the call.
    unsafe { execute_open(program, &arguments, &environment) }
}

/// The same; allocates nothing.
///
/// # Safety
/// Both must end with a null pointer, and all that they point to must be texts that end with NUL.
pub unsafe fn execute_open(
    program: RawFd,
    arguments: &[*const c_char],
    environment: &[*const c_char],
) -> io::Error {
    let nothing = [0u8];
    let words = [
        program as usize,
        nothing.as_ptr() as usize,
        arguments.as_ptr() as usize,
        environment.as_ptr() as usize,
        AT_EMPTY_PATH,
    ];
    // SAFETY: guaranteed by the caller.
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
