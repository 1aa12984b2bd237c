//! `evolve-keeper probe`: tests whether a box holds on this machine, by trying to break it.
//!
//!     evolve-keeper probe [the options of a box]…
//!
//! For each guarantee, children enter such a box and try what must be impossible; boxes kill them
//! for most of it. The output has one line each: NAME, `held` or `broken`, how that was found out,
//! separated by tabs. Call it in a folder that is writable and not part of the box.
//! Exit codes: 0 all hold, 1 not all, 124 no such box can be made.

use crate::confine::{at, Confinement, Failure};
use crate::monitor::{Command, NOT_STARTED};
use crate::process::{call, control, divide};
use crate::sys::{self, Exit, Found};
use crate::{child, limits, numbers as calls};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::process::parent_id;

/// An argument for this program itself when it runs inside of the box that it tests.
pub const INSIDE: &str = "--inside";
const MARK: &str = ".evolve-probe";
const NEW_MARK: &str = ".evolve-probe-new";
const NOT_ENTERED: i32 = 255;
const SIGSYS: i32 = 31;
const CLONE_THREAD: usize = 0x10000;
const PR_GET_NO_NEW_PRIVS: i32 = 39;
const SET_LOCK: usize = 6; // F_SETLK
const KEEP_SIZE: usize = 1; // FALLOC_FL_KEEP_SIZE
/// The errors by which a box refuses; any other error means that the call has reached the kernel.
const REFUSALS: &[i32] =
    &[sys::EPERM, sys::EACCES, sys::EAGAIN, sys::ENOSYS, sys::ENOLCK, sys::EOPNOTSUPP];

/// What an attempt from inside works with, including files that it could not open there.
struct Inside {
    oom_score: io::Result<File>,
    core_pattern: io::Result<File>,
}

/// Ok when the box did not prevent it.
type Attempt = fn(&Inside) -> io::Result<()>;

const ATTEMPTS: &[(&str, &[(&str, Attempt)])] = &[
    (
        "files",
        &[
            ("read a file of another folder", |_| File::open(MARK).map(drop)),
            ("write to it", |_| OpenOptions::new().append(true).open(MARK).map(drop)),
            ("make one there", |_| File::create(NEW_MARK).map(drop)),
            ("remove it", |_| fs::remove_file(MARK)),
        ],
    ),
    (
        "network",
        &[
            ("make a socket of the internet", |_| tried(calls::SOCKET, [2, 2, 0])),
            ("make one of this machine", |_| tried(calls::SOCKET, [1, 1, 0])),
        ],
    ),
    (
        "processes",
        &[
            ("start a process", |_| start_process()),
            ("execute another program", |_| tried(calls::EXECVE, [0, 0, 0])),
        ],
    ),
    ("threads", &[("start a thread", |_| tried(calls::CLONE, [CLONE_THREAD, 0, 0]))]),
    ("signals", &[("reach its parent", |_| tried(calls::KILL, [parent_id() as usize, 0, 0]))]),
    (
        "tracing",
        &[
            ("be traced", |_| tried(calls::PTRACE, [0, 0, 0])),
            ("read its parent's memory", |_| {
                tried(calls::PROCESS_VM_READV, [parent_id() as usize, 0, 0])
            }),
        ],
    ),
    (
        "kernel",
        &[
            ("leave a namespace", |_| tried(calls::UNSHARE, [0, 0, 0])),
            ("load a program into the kernel", |_| tried(calls::BPF, [0, 0, 0])),
            ("make a ring of io_uring", |_| tried(calls::IO_URING_SETUP, [0, 0, 0])),
        ],
    ),
    ("metadata", &[("change the mode of a file", |_| tried(calls::FCHMOD, [usize::MAX, 0, 0]))]),
    ("privileges", &[("have or get a capability", |_| have_privileges())]),
    ("limits", &[("set a limit of its own", |_| tried(calls::PRLIMIT64, [0, 7, 1]))]),
    (
        "disk",
        &[("take room that no size tells of", |_| {
            tried(calls::FALLOCATE, [usize::MAX, KEEP_SIZE, 0])
        })],
    ),
    (
        "shared",
        &[
            ("have a timer of those a user has", |_| tried(calls::TIMER_CREATE, [0, 0, 0])),
            ("have a watch of those a user has", |_| tried(calls::EPOLL_CREATE1, [0, 0, 0])),
            ("lock bytes of a file", |_| tried(calls::FCNTL, [usize::MAX, SET_LOCK, 0])),
            ("hand a descriptor over", |_| tried(calls::SENDMSG, [usize::MAX, 0, 0])),
        ],
    ),
    (
        "crashes",
        &[("start a program by a crash (needs a hard limit: ulimit -Hc)", starts_by_crash)],
    ),
    (
        "oom",
        &[
            ("be spared where memory is short", goes_not_first),
            ("say that it be spared", |_| fs::write(limits::OOM_SCORE, "0")),
        ],
    ),
    ("ending", &[("leave those that are ended together", |_| tried(calls::SETSID, [0, 0, 0]))]),
];

/// Returns the exit code.
pub fn run(words: Vec<OsString>) -> Result<i32, Failure> {
    if words.first().is_some_and(|word| word == INSIDE) {
        return Ok(inherited().into());
    }
    let confinement = Confinement::from_words(words.clone())
        .map_err(|text| Failure { step: "usage".into(), error: io::Error::other(text) })?;
    confinement.prepare()?;
    at("the working folder", File::create(MARK))?;
    let told: Result<Vec<bool>, Failure> = ATTEMPTS
        .iter()
        .map(|(name, attempts)| judged(name, attempts, &confinement))
        .chain(std::iter::once_with(|| descriptors(words)))
        .collect();
    let _ = (fs::remove_file(MARK), fs::remove_file(NEW_MARK));
    Ok(if told?.iter().all(|held| *held) { 0 } else { 1 })
}

fn judged(
    name: &str,
    attempts: &[(&str, Attempt)],
    confinement: &Confinement,
) -> Result<bool, Failure> {
    let is_counted = name == "threads" && confinement.threads > 1;
    let is_allowed = confinement.processes.is_some() && matches!(name, "processes" | "metadata");
    if is_counted || is_allowed {
        let reason = if is_counted { "counted from outside" } else { "compilers may" };
        println!("{name}\theld\t{reason}");
        return Ok(true);
    }
    let (mut held, mut words) = (true, Vec::new());
    for (deed, attempt) in attempts {
        let exit = in_a_child(confinement, *attempt)?;
        let (is_held, outcome) = match exit {
            Exit::Signal(SIGSYS) => (true, "killed".to_owned()),
            Exit::Signal(number) => (false, format!("ended by signal {number}")),
            Exit::Code(NOT_ENTERED) => {
                return Err(Failure {
                    step: "box".into(),
                    error: io::Error::other("cannot be entered"),
                })
            }
            Exit::Code(0) => (false, "done".to_owned()),
            Exit::Code(errno) => {
                let text = io::Error::from_raw_os_error(errno).to_string();
                (REFUSALS.contains(&errno), text)
            }
        };
        held &= is_held;
        words.push(format!("tried to {deed}: {outcome}"));
    }
    println!("{name}\t{}\t{}", if held { "held" } else { "broken" }, words.join("; "));
    Ok(held)
}

/// The exit code of the child is the errno of the attempt.
fn in_a_child(confinement: &Confinement, attempt: Attempt) -> Result<Exit, Failure> {
    let gate = confinement.prepare()?;
    if at("fork", divide())?.is_none() {
        let entered = limits::set_all(confinement);
        let inside = Inside {
            oom_score: File::open(limits::OOM_SCORE),
            core_pattern: File::open(limits::CORE_PATTERN),
        };
        if let Err(failure) = entered.and_then(|()| gate.enter(None, |_| Ok(()))) {
            eprintln!("evolve-keeper: {failure}");
            sys::exit_at_once(NOT_ENTERED);
        }
        let errno = match attempt(&inside) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(sys::EINVAL),
        };
        sys::exit_at_once(errno)
    }
    at("wait", ended())
}

fn ended() -> io::Result<Exit> {
    loop {
        match sys::ended_child()? {
            Found::Ended(pid, exit) => {
                sys::reap(pid);
                return Ok(exit);
            }
            Found::AllLive => std::thread::sleep(std::time::Duration::from_micros(200)),
            Found::NoChild => return Err(io::Error::from_raw_os_error(sys::EINVAL)),
        }
    }
}

fn tried(number: u32, [a, b, c]: [usize; 3]) -> io::Result<()> {
    // SAFETY: these calls are harmless: null pointers, invalid descriptors, no changes.
    unsafe { call(number, [a, b, c, 0, 0]) }.map(drop)
}

fn refused(is_refused: bool) -> io::Result<()> {
    if is_refused {
        return Err(io::Error::from_raw_os_error(sys::EPERM));
    }
    Ok(())
}

fn goes_not_first(inside: &Inside) -> io::Result<()> {
    refused(limits::goes_first(&text_of(&inside.oom_score)?))
}

fn starts_by_crash(inside: &Inside) -> io::Result<()> {
    // If the core pattern cannot be read, assume the worst.
    let pattern = text_of(&inside.core_pattern).unwrap_or("|".into());
    refused(limits::leaves_no_core(&pattern)?)
}

fn text_of(file: &io::Result<File>) -> io::Result<String> {
    let mut text = String::new();
    let mut file: &File = file.as_ref().map_err(io::Error::kind)?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

fn start_process() -> io::Result<()> {
    if divide()?.is_none() {
        sys::exit_at_once(0);
    }
    Ok(())
}

fn have_privileges() -> io::Result<()> {
    // SAFETY: this option takes numbers.
    let can_gain = unsafe { control(PR_GET_NO_NEW_PRIVS, [0; 4])? } == 0;
    if can_gain || capabilities()? != 0 {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(sys::EPERM))
}

/// Effective, permitted and inheritable capabilities, combined (capget(2)).
fn capabilities() -> io::Result<u32> {
    let (mut header, mut sets) = ([0x2008_0522u32, 0], [0u32; 6]);
    let words = [header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: struct __user_cap_header_struct, and two of struct __user_cap_data_struct.
    unsafe { call(calls::CAPGET, words)? };
    Ok(sets.iter().fold(0, |all, set| all | set))
}

/// Executes this program in a box, where it looks for more than its three descriptors.
fn descriptors(mut words: Vec<OsString>) -> Result<bool, Failure> {
    let spare = at("descriptors", File::open("/dev/null"))?;
    at("descriptors", sys::duplicate(&spare, child::FRAMES_OUT + 3))?; // not closed by exec
    let ours = at("descriptors", std::env::current_exe())?;
    words.extend(["--".into(), ours.into(), "evolve-keeper".into(), "probe".into(), INSIDE.into()]);
    if at("fork", divide())?.is_none() {
        match Command::from_words(&words) {
            Ok(Some(command)) => command.run(),
            _ => sys::exit_at_once(NOT_STARTED),
        }
    }
    let (is_held, outcome) = match at("wait", ended())? {
        Exit::Code(0) => (true, "none but its own".to_owned()),
        Exit::Code(1) => (false, "one more".to_owned()),
        other => (false, format!("it could not be executed there ({other:?})")),
    };
    let verdict = if is_held { "held" } else { "broken" };
    println!("descriptors\t{verdict}\tlooked for inherited ones: {outcome}");
    Ok(is_held)
}

fn inherited() -> bool {
    const F_GETFD: usize = 1;
    // SAFETY: takes numbers.
    (3..1024).any(|number| unsafe { call(calls::FCNTL, [number, F_GETFD, 0, 0, 0]) }.is_ok())
}
