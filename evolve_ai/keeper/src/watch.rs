//! Watches a command until all its processes are gone: counts births, sees ends, enforces limits.

use crate::births::{Births, Most};
use crate::confine::{at, Confinement, Failure, Protection};
use crate::descendants;
use crate::monitor::{NOT_STARTED, TOO_MANY};
use crate::sys::{self, Exit, Found, Watched};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(50);
/// The time that a lower watcher has to end its own processes, which it knows best.
const GRACE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// How the command ended, and which limit it was ended for, if any.
pub struct End {
    pub exit: Exit,
    pub reason: Option<String>,
}

pub struct Watch<'a> {
    confinement: &'a Confinement,
    news: File,
    births: Option<Births>,
    first: i32,
    is_many: bool,
    exit: Option<Exit>,
    reason: Option<String>,
    is_told: bool,
}

impl<'a> Watch<'a> {
    /// `first` is our child; with `is_many` it leads a group that is counted and ended as a whole.
    pub fn over(
        confinement: &'a Confinement,
        news: File,
        first: i32,
        is_many: bool,
        listener: Option<File>,
    ) -> Watch<'a> {
        let births = listener.map(Births::new);
        let (exit, reason, is_told) = (None, None, false);
        Watch { confinement, news, births, first, is_many, exit, reason, is_told }
    }

    /// Returns when no process is left, so that all are ended before anything is reported.
    pub fn until_nobody_is_left(mut self) -> Result<End, Failure> {
        let mut looked_at = Instant::now();
        while self.exit.is_none() {
            at("monitor", self.wait(self.counts().then_some(LOOK)))?;
            if self.counts() && looked_at.elapsed() >= LOOK {
                looked_at = Instant::now();
                self.count();
            }
        }
        self.end_them_all()?;
        let exit = self.exit.unwrap_or(Exit::Code(NOT_STARTED));
        Ok(End { exit, reason: self.reason })
    }

    fn end_them_all(&mut self) -> Result<(), Failure> {
        let since = Instant::now();
        let mut patience = Duration::ZERO;
        while at("monitor", self.reap())? {
            // A lower watcher is first asked to end its processes, which it does with one call.
            if self.is_many || !self.is_told || since.elapsed() >= GRACE {
                descendants::end_all();
            }
            at("monitor", self.wait(Some(patience)))?;
            patience = PAUSE;
        }
        Ok(())
    }

    fn counts(&self) -> bool {
        let is_ours = self.is_many || self.confinement.processes.is_none();
        is_ours && (self.most().is_some() || self.most_threads().is_some())
    }

    fn most(&self) -> Option<Most> {
        let processes = self.confinement.processes;
        let processes = processes.filter(|_| self.confinement.holds(Protection::Processes))?;
        let all = self.confinement.all_threads;
        let threads = all.filter(|_| self.confinement.holds(Protection::Threads));
        Some(Most { processes, threads: threads.unwrap_or(u64::MAX) })
    }

    /// None for a limit of one thread, which the filter enforces.
    fn most_threads(&self) -> Option<u64> {
        let Confinement { threads, .. } = *self.confinement;
        (threads > 1 && self.confinement.holds(Protection::Threads)).then_some(threads)
    }

    fn wait(&mut self, most: Option<Duration>) -> io::Result<()> {
        let mut watched = vec![Watched::new(&self.news, sys::POLLIN)];
        // Once the first process has ended, births are not answered: all processes are ended.
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
                self.hear(number);
            }
        }
        self.reap().map(drop)
    }

    fn hear(&mut self, number: i32) {
        if self.exit.is_none() {
            self.exit = Some(Exit::Signal(number));
            if self.is_many {
                sys::end_group(self.first); // not reaped before it has ended, so the pid is its own
            } else {
                sys::send(self.first, sys::SIGTERM);
                self.is_told = true;
            }
        }
    }

    /// Whether there is a child left.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match sys::ended_child()? {
                Found::Ended(pid, exit) => {
                    if pid == self.first {
                        self.exit.get_or_insert(exit);
                        if self.is_many {
                            // While it is a zombie, no other group can get this number.
                            sys::end_group(pid);
                        }
                    }
                    sys::reap(pid);
                }
                Found::AllLive => return Ok(true),
                Found::NoChild => return Ok(false),
            }
        }
    }

    fn attend(&mut self) -> io::Result<()> {
        let most = self.most();
        let (Some(births), Some(most)) = (&mut self.births, most) else { return Ok(()) };
        if let Some(excess) = births.attend(most)? {
            self.refuse(excess);
        }
        Ok(())
    }

    fn refuse(&mut self, reason: String) {
        if self.exit.is_none() {
            self.exit = Some(Exit::Code(TOO_MANY));
            self.reason = Some(reason);
        }
        if self.is_many {
            sys::end_group(self.first);
        }
    }

    fn count(&mut self) {
        let found = descendants::all();
        let excess = self.most().and_then(|most| most.excess(&found, 0, 0));
        let too_threaded = self
            .most_threads()
            .filter(|&most| found.iter().any(|one| one.threads as u64 > most))
            .map(|most| format!("more than {most} threads in one process"));
        if let Some(reason) = excess.or(too_threaded) {
            self.refuse(reason);
        }
    }
}
