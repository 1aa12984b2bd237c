//! `evolve-keeper box`: runs a command in a box, and watches it until all its processes are gone.
//!
//!     evolve-keeper box [--read P]… [--execute P]… [--write P]… [--threads N] [--lift NAME]…
//!         [--fork N] [--all-threads N] [--memory BYTES] [--file-size BYTES] [--descriptors N]
//!         [--status DESCRIPTOR] -- FILE ARGV0 ARG…
//!
//! It ends like its command, after all processes of that are gone. It reports about box and command
//! only on the status descriptor (status.rs). Without one, it reports by lines on stderr and two
//! exit codes: 123 more processes or threads than allowed, 124 the command could not be started.
//!
//! A box of many has two watchers, one above the other: if one is killed, the other ends all that
//! is left.

use crate::confine::{at, Confinement, Failure, Gate, Protection};
use crate::status::Status;
use crate::sys::{self, Exit};
use crate::watch::{End, Watch};
use crate::{handover, limits, process, share};
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;

pub const TOO_MANY: i32 = 123;
pub const NOT_STARTED: i32 = 124;
const SIGNALS: [i32; 3] = [sys::SIGHUP, sys::SIGINT, sys::SIGTERM];

pub struct Command {
    pub confinement: Confinement,
    status: Option<RawFd>,
    file: OsString,
    arguments: Vec<CString>,
}

impl Command {
    /// None without a command after `--`; the error names an unknown word.
    pub fn from_words(words: &[OsString]) -> Result<Option<Command>, String> {
        let Some(end) = words.iter().position(|word| word == "--") else { return Ok(None) };
        let mut options = words[..end].to_vec();
        let status = taken(&mut options, "--status")?;
        let mut confinement = Confinement::from_words(options)?;
        let [_, file, arguments @ ..] = &words[end..] else { return Ok(None) };
        // The command itself must be executable in the box.
        confinement.executable.push(file.into());
        let arguments = arguments.iter().map(|word| text(word)).collect();
        Ok(Some(Command { confinement, status, file: file.clone(), arguments }))
    }

    /// Run the command to its end, then end this process in the same way.
    pub fn run(&self) -> ! {
        let status = Status::on(self.status).unwrap_or_else(|error| {
            eprintln!("evolve-keeper: status: {error}");
            std::process::exit(NOT_STARTED)
        });
        match self.guarded(&status) {
            Ok(exit) => process::end_as(exit),
            Err(failure) if status.is_heard() => status.tell(&["failed", &failure.to_string()]),
            Err(failure) => eprintln!("evolve-keeper: {failure}"),
        }
        std::process::exit(NOT_STARTED)
    }

    /// How the lower watcher has ended or, in that watcher, how the command has.
    fn guarded(&self, status: &Status) -> Result<Exit, Failure> {
        let parent = parent_id();
        at("monitor", sys::become_subreaper())?;
        if self.confinement.holds(Protection::Descriptors) {
            at("descriptors", sys::close_from(3, status.number()))?;
        }
        if self.confinement.processes.is_none() {
            return self.watched(parent, status);
        }
        let news = at("monitor", below(parent))?;
        let guard = std::process::id();
        let Some(monitor) = at("fork", process::divide())? else {
            drop(news);
            at("monitor", sys::become_subreaper())?;
            return self.watched(guard, status);
        };
        Watch::over(&self.confinement, news, monitor, false, None)
            .until_nobody_is_left()
            .map(|end| end.exit)
    }

    fn watched(&self, parent: u32, status: &Status) -> Result<Exit, Failure> {
        let gate = self.confinement.prepare()?;
        let program = self.program()?;
        let news = at("monitor", below(parent))?;
        let monitor = std::process::id();
        let (ours, theirs) = at("monitor", UnixStream::pair())?;
        let theirs = File::from(OwnedFd::from(theirs)); // its write(2) is allowed in the box
        let Some(first) = at("fork", process::divide())? else {
            self.become_it(&gate, program.as_ref(), monitor, &theirs);
            sys::exit_at_once(NOT_STARTED)
        };
        drop((program, theirs));
        let (listener, failure) = at("monitor", heard(&ours))?;
        if failure.is_none() {
            status.tell(&["begun", &first.to_string()]);
        }
        let is_many = self.confinement.processes.is_some();
        let end = Watch::over(&self.confinement, news, first, is_many, listener)
            .until_nobody_is_left()?;
        match failure {
            Some(failure) => Err(failure),
            None => Ok(told(end, status)),
        }
    }

    /// The open program, to be executed where executing by name is no longer possible.
    fn program(&self) -> Result<Option<File>, Failure> {
        if self.confinement.processes.is_some() {
            return Ok(None);
        }
        let opened = OpenOptions::new().read(true).custom_flags(sys::O_PATH).open(&self.file);
        let program = at("program", opened)?;
        at("program", process::above(&program, self.confinement.descriptors.unwrap_or(0))).map(Some)
    }

    /// In the child: returns only if it fails, after reporting that to the watcher.
    fn become_it(&self, gate: &Gate, program: Option<&File>, monitor: u32, told: &File) {
        let Err(failure) = self.take_steps(gate, program, monitor, told) else { return };
        let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
        let _ = (&mut &*told).write_all(format!("{}\t{errno}", failure.step).as_bytes());
    }

    fn take_steps(
        &self,
        gate: &Gate,
        program: Option<&File>,
        monitor: u32,
        told: &File,
    ) -> Result<(), Failure> {
        let environment: Vec<CString> = std::env::vars_os()
            .map(|(name, value)| text(&[name, value].join(OsStr::new("="))))
            .collect();
        at("child", sys::die_with_parent(true))?;
        at("child", sys::set_signals_back())?;
        if parent_id() != monitor {
            sys::exit_at_once(0);
        }
        // A group of its own, so that one call ends all that stay in it. A session of its own also
        // keeps it from sharing processor time with its watchers (sched(7), autogroups).
        at("child", sys::start_session())?;
        limits::set_all(&self.confinement)?;
        gate.enter(program.map(AsRawFd::as_raw_fd), |listener| handover::send(told, &listener))?;
        let error = match program {
            Some(file) => process::become_program(file.as_raw_fd(), &self.arguments, &environment),
            None => sys::execute(&text(&self.file), &self.arguments, &environment),
        };
        Err(Failure { step: "execute".into(), error })
    }
}

/// Removes an option and its number from these words.
fn taken(words: &mut Vec<OsString>, name: &str) -> Result<Option<RawFd>, String> {
    let Some(at) = words.iter().position(|word| word == name) else { return Ok(None) };
    let number = words.get(at + 1).and_then(|word| word.to_str()?.parse().ok());
    words.drain(at..words.len().min(at + 2));
    number.map(Some).ok_or(format!("{name} needs a number"))
}

/// A file that reports deaths and signals, including the death of our parent.
fn below(parent: u32) -> io::Result<File> {
    share::run_before_others();
    let news = sys::deaths(&SIGNALS)?;
    sys::hear_of_parents_death(sys::SIGTERM)?;
    if parent_id() != parent {
        process::end_as(Exit::Signal(sys::SIGTERM));
    }
    Ok(news)
}

/// Waits until the child has executed its program, or has failed. Returns where the box asks for
/// births, and the failure.
fn heard(child: &UnixStream) -> io::Result<(Option<File>, Option<Failure>)> {
    let (mut listener, mut words) = (None, Vec::new());
    loop {
        let mut piece = [0; 512];
        let (count, file) = handover::receive(child, &mut piece)?;
        if count == 0 && file.is_none() {
            break;
        }
        words.extend_from_slice(&piece[..count]);
        listener = file.or(listener);
    }
    words.retain(|&byte| byte != 0); // the byte that comes with a file means nothing
    let words = String::from_utf8_lossy(&words).into_owned();
    let failure = words.rsplit_once('\t').map(|(step, errno)| Failure {
        step: step.to_owned().into(),
        error: io::Error::from_raw_os_error(errno.parse().unwrap_or(sys::EINVAL)),
    });
    Ok((listener, failure))
}

/// Reports the end, when no process is left that could prevent it.
fn told(end: End, status: &Status) -> Exit {
    if let Some(reason) = &end.reason {
        status.tell(&["limit", reason]);
        if !status.is_heard() {
            // On a new line, since the command writes to stderr, too.
            eprintln!("\nevolve-keeper: {reason}");
        }
    }
    status.tell_end(end.exit);
    end.exit
}

/// Words of a command line or of the environment contain no NUL.
fn text(word: &OsStr) -> CString {
    CString::new(word.as_bytes()).unwrap_or_default()
}
