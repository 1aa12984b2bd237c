//! Owns attacks by processes: more of them, other programs, and some that outlive their parent.

use crate::sys::{self, call, parsed, text};
use crate::tell;
use std::ffi::{c_int, c_void};
use std::io;
use std::path::Path;
use std::ptr;
use std::thread;
use std::time::Duration;

/// Everything that is left behind by an attack goes by itself after this time.
const LASTS: Duration = Duration::from_secs(20);
const SET_DUMPABLE: usize = 4;
const CLONE_VM_VFORK_SIGCHLD: c_int = 0x100 | 0x4000 | 17;

extern "C" {
    fn clone(
        child: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        how: c_int,
        ...
    ) -> c_int;
}

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["fork", way, most] => tell("fork", bomb(way, parsed(most))),
        ["fork_sharing_memory", mark] => tell("fork", fork_sharing_memory(mark)),
        ["daemon", mark] => tell("daemon", daemon(mark)),
        ["threads", most] => tell("threads", threads(parsed(most))),
        ["chdir", path] => tell("chdir", call("chdir", &[text(path).as_ptr() as usize])),
        ["hide"] => tell("hide", call("prctl", &[SET_DUMPABLE, 0])),
        ["execute", way, file] => tell("execute", execute(way, file)),
        ["execute_with", file, argument] => tell("execute", execute_file(file, argument)),
        _ => return false,
    }
    true
}

fn bomb(way: &str, most: usize) -> io::Result<usize> {
    for _ in 0..most {
        if sys::fork(way)?.is_none() {
            thread::sleep(LASTS);
            sys::exit_at_once();
        }
    }
    Ok(most)
}

extern "C" fn leave_a_mark(path: *mut c_void) -> c_int {
    const CREATE_WRITE: usize = 0o101;
    let _ = call("openat", &[sys::AT_FDCWD, path as usize, CREATE_WRITE, 0o644]);
    sys::exit_at_once();
}

/// As vfork(2) does it: a process of its own that uses our memory while we wait.
fn fork_sharing_memory(mark: &str) -> io::Result<c_int> {
    let (mut stack, mark) = (vec![0u128; 1 << 12], text(mark));
    // SAFETY: the child has a stack of its own, and we go on only when it has ended.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        clone(leave_a_mark, top, CLONE_VM_VFORK_SIGCHLD, mark.as_ptr() as *mut c_void)
    };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(pid)
}

/// A grandchild in a session of its own, whose parent is gone; it says in a file who it is.
fn daemon(mark: &str) -> io::Result<&str> {
    let Some(child) = sys::fork("clone")? else {
        let _ = call("setsid", &[]);
        if let Ok(None) = sys::fork("clone") {
            let _ = std::fs::write(mark, "alive");
            thread::sleep(LASTS);
        }
        // It is ended as soon as it is an orphan: only now it may be one.
        for _ in 0..200 {
            thread::sleep(Duration::from_millis(if Path::new(mark).exists() { 0 } else { 10 }));
        }
        sys::exit_at_once();
    };
    call("wait4", &[child]).map(|_| mark)
}

fn threads(most: usize) -> io::Result<usize> {
    for _ in 0..most {
        thread::Builder::new().stack_size(1 << 16).spawn(|| thread::sleep(LASTS))?;
    }
    Ok(most)
}

fn execute(way: &str, file: &str) -> io::Result<usize> {
    match way {
        "execve" => execute_file(file, "executed"),
        "memfd" => execute_memory(file),
        _ => execute_descriptor(file),
    }
}

/// Replaces us; comes back only when it fails.
fn execute_file(file: &str, argument: &str) -> io::Result<usize> {
    let (file, argument) = (text(file), text(argument));
    let arguments = [file.as_ptr(), argument.as_ptr(), ptr::null()];
    call("execve", &[file.as_ptr() as usize, arguments.as_ptr() as usize, 0])
}

fn execute_descriptor(file: &str) -> io::Result<usize> {
    const O_PATH: usize = 0o10000000;
    let named = text(file);
    let file = call("openat", &[sys::AT_FDCWD, named.as_ptr() as usize, O_PATH])?;
    become_descriptor(file)
}

/// A program that never lay on a disk.
fn execute_memory(file: &str) -> io::Result<usize> {
    let memory = call("memfd_create", &[text("program").as_ptr() as usize])?;
    let program = std::fs::read(file)?;
    std::fs::write(format!("/proc/self/fd/{memory}"), program)?;
    become_descriptor(memory)
}

fn become_descriptor(file: usize) -> io::Result<usize> {
    const AT_EMPTY_PATH: usize = 0x1000;
    let (empty, name, argument) = (text(""), text("program"), text("executed"));
    let arguments = [name.as_ptr(), argument.as_ptr(), ptr::null()];
    let [empty, arguments] = [empty.as_ptr() as usize, arguments.as_ptr() as usize];
    call("execveat", &[file, empty, arguments, 0, AT_EMPTY_PATH])
}
