//! Owns `evolve-keeper box`: one command in a box, watched from outside until all of it is gone.
//!
//!     evolve-keeper box [--read P]… [--execute P]… [--write P]… [--threads N] [--lift NAME]…
//!         [--fork N] [--memory BYTES] [--file-size BYTES] [--descriptors N] -- FILE ARGV0 ARG…
//!
//! It ends as the command ends. Codes of its own: 123 there were more processes than --fork or more
//! threads than --threads allows, 124 it could not be started.

use crate::births::Births;
use crate::confine::{at, Confinement, Failure, Gate, Protection};
use crate::sys::{self, Exit, Found, Watched};
use crate::{descendants, handover, process};
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::time::{Duration, Instant};

pub const TOO_MANY: i32 = 123;
pub const NOT_STARTED: i32 = 124;
const LOOK: Duration = Duration::from_millis(50);
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

pub struct Command {
    pub confinement: Confinement,
    file: OsString,
    arguments: Vec<CString>,
}

impl Command {
    /// None without a command after `--`; an error names a word that nobody understands.
    pub fn from_words(words: &[OsString]) -> Result<Option<Command>, String> {
        let Some(end) = words.iter().position(|word| word == "--") else { return Ok(None) };
        let mut confinement = Confinement::from_words(words[..end].iter().cloned())?;
        let [_, file, arguments @ ..] = &words[end..] else { return Ok(None) };
        // What is to run may be run.
        confinement.executable.push(file.into());
        let arguments = arguments.iter().map(|word| text(word)).collect();
        Ok(Some(Command { confinement, file: file.clone(), arguments }))
    }

    /// Runs to its end; how this process is to end then.
    pub fn run(&self) -> Result<Exit, Failure> {
        let parent = parent_id();
        at("monitor", sys::become_subreaper())?;
        if self.confinement.holds(Protection::Descriptors) {
            at("descriptors", sys::close_from(3))?;
        }
        let gate = self.confinement.prepare()?;
        let program = self.program()?;
        let news = at("monitor", sys::deaths(&[SIGHUP, SIGINT, SIGTERM]))?;
        at("monitor", sys::hear_of_parents_death(SIGTERM))?;
        if parent_id() != parent {
            return Ok(Exit::Signal(SIGTERM));
        }
        let monitor = std::process::id();
        let (ours, theirs) = at("monitor", UnixStream::pair())?;
        let Some(first) = at("fork", process::divide())? else {
            let failure = self.become_it(&gate, program.as_ref(), monitor, &theirs);
            eprintln!("evolve-keeper: {failure}");
            sys::exit_at_once(NOT_STARTED)
        };
        drop((program, theirs));
        let (_, listener) = at("monitor", handover::receive(&ours, &mut [0]))?;
        let births = listener.map(Births::new);
        Watch { confinement: &self.confinement, news, births, first, exit: None }
            .until_nobody_is_left()
    }

    /// Held open, so that it can be executed where executing by name is no longer possible.
    fn program(&self) -> Result<Option<File>, Failure> {
        if self.confinement.processes.is_some() {
            return Ok(None);
        }
        let opened = OpenOptions::new().read(true).custom_flags(sys::O_PATH).open(&self.file);
        let program = at("program", opened)?;
        at("program", process::above(&program, self.confinement.descriptors.unwrap_or(0))).map(Some)
    }

    /// In the child; returns only if it fails.
    fn become_it(
        &self,
        gate: &Gate,
        program: Option<&File>,
        monitor: u32,
        to_monitor: &UnixStream,
    ) -> Failure {
        let environment: Vec<CString> = std::env::vars_os()
            .map(|(name, value)| text(&[name, value].join(OsStr::new("="))))
            .collect();
        let entered = at("child", sys::die_with_parent(true))
            .and_then(|()| at("child", sys::set_signals_back()))
            .and_then(|()| if parent_id() == monitor { Ok(()) } else { sys::exit_at_once(0) })
            .and_then(|()| self.confinement.limit())
            .and_then(|()| gate.enter(program.map(AsRawFd::as_raw_fd)))
            .and_then(|listener| match listener {
                Some(listener) => at("monitor", handover::send(to_monitor, &listener)),
                None => Ok(()),
            });
        if let Err(failure) = entered {
            return failure;
        }
        let error = match program {
            Some(file) => process::become_program(file.as_raw_fd(), &self.arguments, &environment),
            None => sys::execute(&text(&self.file), &self.arguments, &environment),
        };
        Failure { step: "execute".into(), error }
    }
}

/// What was a word of a command line or of the environment has no NUL.
fn text(word: &OsStr) -> CString {
    CString::new(word.as_bytes()).unwrap_or_default()
}

struct Watch<'a> {
    confinement: &'a Confinement,
    news: File,
    births: Option<Births>,
    first: i32,
    exit: Option<Exit>,
}

impl Watch<'_> {
    fn until_nobody_is_left(mut self) -> Result<Exit, Failure> {
        let mut looked_at = Instant::now();
        while self.exit.is_none() {
            let counts = self.most_processes().is_some() || self.most_threads().is_some();
            at("monitor", self.wait(counts.then_some(LOOK)))?;
            if counts && looked_at.elapsed() >= LOOK {
                looked_at = Instant::now();
                self.count();
            }
        }
        let mut patience = Duration::ZERO;
        while at("monitor", self.reap())? {
            descendants::end_all();
            at("monitor", self.wait(Some(patience)))?;
            patience = Duration::from_millis(5);
        }
        Ok(self.exit.unwrap_or(Exit::Code(NOT_STARTED)))
    }

    fn most_processes(&self) -> Option<u64> {
        self.confinement.processes.filter(|_| self.confinement.holds(Protection::Processes))
    }

    /// A limit of one thread is kept by the filter.
    fn most_threads(&self) -> Option<u64> {
        let Confinement { threads, .. } = *self.confinement;
        (threads > 1 && self.confinement.holds(Protection::Threads)).then_some(threads)
    }

    fn wait(&mut self, most: Option<Duration>) -> io::Result<()> {
        let mut watched = vec![Watched::new(&self.news, sys::POLLIN)];
        // Who asks after the first one has ended is not answered, only ended.
        let births = self.births.as_ref().filter(|_| self.exit.is_none());
        watched.extend(births.map(|births| Watched::new(births, sys::POLLIN)));
        sys::wait(&mut watched, most)?;
        if watched.get(1).is_some_and(Watched::is_readable) {
            self.attend()?;
        }
        // struct signalfd_siginfo, which begins with the number
        let mut told = [0; 128];
        while let Ok(128) = self.news.read(&mut told) {
            let number = i32::from_ne_bytes([told[0], told[1], told[2], told[3]]);
            if number != sys::SIGCHLD {
                self.exit.get_or_insert(Exit::Signal(number));
            }
        }
        self.reap().map(drop)
    }

    /// Whether there is a child left.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match sys::ended_child()? {
                Found::Ended(pid, exit) => {
                    if pid == self.first {
                        self.exit.get_or_insert(exit);
                    }
                    sys::reap(pid);
                }
                Found::AllLive => return Ok(true),
                Found::NoChild => return Ok(false),
            }
        }
    }

    fn attend(&mut self) -> io::Result<()> {
        let most = self.most_processes();
        let (Some(births), Some(most)) = (&mut self.births, most) else { return Ok(()) };
        if !births.attend(most)? {
            self.refuse(&format!("more than {most} processes"));
        }
        Ok(())
    }

    fn refuse(&mut self, reason: &str) {
        // At once, and on a line of its own: they all write there, too.
        let line = format!("\nevolve-keeper: {reason}\n");
        let _ = io::stderr().write_all(line.as_bytes());
        descendants::end_all();
        self.exit.get_or_insert(Exit::Code(TOO_MANY));
    }

    fn count(&mut self) {
        let found = descendants::all();
        let too_many =
            |&most: &u64| found.len() as u64 > most && descendants::living(&found) as u64 > most;
        let too_threaded = |&most: &u64| found.iter().any(|one| one.threads as u64 > most);
        let reason = match (self.most_processes(), self.most_threads()) {
            (Some(most), _) if too_many(&most) => format!("more than {most} processes"),
            (_, Some(most)) if too_threaded(&most) => {
                format!("more than {most} threads in one process")
            }
            _ => return,
        };
        self.refuse(&reason);
    }
}
