//! The first process of an evaluation's namespaces: makes its files, starts the command, reaps what
//! is orphaned, and reports the command's end. When it ends, the kernel ends all others there.
//!
//! It writes to the watcher: a descriptor of its /proc, one of its scratch folder (again for each
//! `FRESH` that it reads), then lines: `failed` STEP ERRNO, `begun`, `code`|`signal` NUMBER.

use crate::confine::{at, Failure};
use crate::landlock::Ruleset;
use crate::sys::{self, Found, Watched};
use crate::trial_words::Asked;
use crate::{handover, journal, limits, mounts, namespaces, privileges, process, seccomp, share};
use crate::{trial_filter, trial_program};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What the watcher writes: its part is done, or a new scratch folder is wanted.
pub const GO: u8 = b'g';
pub const FRESH: u8 = b'f';
/// The descriptor at which a server finds its socket.
const SERVED: i32 = 3;
const RLIMIT_NPROC: i32 = 6;
/// Above the limit that is counted, so that reaching it is seen and not only felt.
const MORE: u64 = 64;

/// Descriptors that the command gets: its outputs, and the socket of a server.
pub struct Given {
    pub stdout: File,
    pub stderr: File,
    pub server: Option<OwnedFd>,
}

/// Never returns. `program` is this program, on the machine.
pub fn run(asked: &Asked, mut watcher: UnixStream, given: Given, program: &Path) -> ! {
    if let Err(failure) = stay(asked, &mut watcher, given, program) {
        let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
        let _ = writeln!(watcher, "failed\t{}\t{errno}", failure.step);
    }
    sys::exit_at_once(0)
}

fn stay(
    asked: &Asked,
    watcher: &mut UnixStream,
    given: Given,
    program: &Path,
) -> Result<(), Failure> {
    at("watcher", sys::die_with_parent(true))?;
    at("signals", sys::set_signals_back())?;
    let mut byte = [0];
    at("watcher", watcher.read_exact(&mut byte))?;
    at("limits", limits::no_core())?;
    // Some systems forbid it, which the probe reports.
    let _ = std::fs::write(limits::OOM_SCORE, limits::FIRST);
    if !asked.network {
        at("loopback", namespaces::raise_loopback())?;
    }
    let root = asked.root.as_deref().unwrap_or(Path::new("/"));
    mounts::enter(asked, root, program)?;
    at("proc", File::open("/proc").and_then(|proc| handover::send(watcher, &proc)))?;
    at("scratch", hand_scratch(watcher))?;
    let news = at("signals", sys::deaths(&[]))?;
    let first = start(asked, given)?;
    at("watcher", writeln!(watcher, "begun"))?;
    serve(asked, watcher, &news, first)
}

fn hand_scratch(watcher: &UnixStream) -> io::Result<()> {
    handover::send(watcher, &File::open(mounts::SCRATCH)?)
}

fn serve(asked: &Asked, watcher: &mut UnixStream, news: &File, first: i32) -> Result<(), Failure> {
    loop {
        let mut watched = [Watched::new(news, sys::POLLIN), Watched::new(watcher, sys::POLLIN)];
        at("wait", sys::wait(&mut watched, None))?;
        if watched[1].is_ready() {
            let mut byte = [0];
            at("watcher", watcher.read_exact(&mut byte))?;
            at("scratch", mounts::drop_scratch())?;
            mounts::fresh_scratch(asked)?;
            at("watcher", hand_scratch(watcher))?;
        }
        let mut told = [0; 128];
        let mut news = news;
        while let Ok(128) = news.read(&mut told) {}
        while let Found::Ended(pid, exit) = at("wait", sys::ended_child())? {
            sys::reap(pid);
            if pid == first {
                let (kind, number) = journal::told(exit);
                return at("watcher", writeln!(watcher, "{kind}\t{number}"));
            }
        }
    }
}

/// Returns the pid of the command once it is executed.
fn start(asked: &Asked, given: Given) -> Result<i32, Failure> {
    let filter = seccomp::known(trial_filter::program(asked.cost == "instructions"));
    let filter = at("seccomp", filter)?;
    let (mut ours, theirs) = at("command", UnixStream::pair())?;
    let theirs = File::from(OwnedFd::from(theirs));
    let Some(first) = at("fork", process::divide())? else {
        drop(ours);
        if let Err(failure) = become_it(asked, &given, &filter) {
            let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
            let _ = (&theirs).write_all(format!("{}\t{errno}", failure.step).as_bytes());
        }
        sys::exit_at_once(1)
    };
    drop((theirs, given));
    let mut words = String::new();
    at("command", ours.read_to_string(&mut words))?;
    match words.rsplit_once('\t') {
        None => Ok(first),
        Some((step, errno)) => Err(Failure {
            step: step.to_owned().into(),
            error: io::Error::from_raw_os_error(errno.parse().unwrap_or(sys::EINVAL)),
        }),
    }
}

fn become_it(
    asked: &Asked,
    given: &Given,
    filter: &[crate::filter::Instruction],
) -> Result<(), Failure> {
    at("signals", sys::set_signals_back())?;
    at("session", sys::start_session())?;
    let nothing = at("input", File::open("/dev/null"))?;
    at("input", sys::duplicate(&nothing, 0))?;
    at("output", sys::duplicate(&given.stdout, 1))?;
    at("output", sys::duplicate(&given.stderr, 2))?;
    if let Some(server) = &given.server {
        // Those at 3 and above are closed by exec; this one's copy is not.
        let copy = File::from(at("server", server.try_clone())?);
        let high = at("server", process::above(&copy, 64))?;
        at("server", sys::duplicate(&high, SERVED))?;
    }
    at("folder", std::env::set_current_dir(mounts::TASK))?;
    let owner = at("limits", std::fs::metadata("/proc/self"))?.uid();
    if owner != 0 {
        at("limits", share::limit(RLIMIT_NPROC, asked.most.processes + MORE))?;
    }
    at("privileges", privileges::give_up())?;
    if asked.network {
        // In the network of the machine its abstract sockets are in reach, too.
        if let Some(scopes) = at("Landlock", Ruleset::of_scopes())? {
            at("Landlock", scopes.enter())?;
        }
    }
    at("seccomp", seccomp::install(filter, 0))?;
    let environment: Vec<CString> = trial_program::environment();
    let error = trial_program::execute(&asked.file, &asked.arguments, &environment);
    Err(Failure { step: "execute".into(), error })
}
