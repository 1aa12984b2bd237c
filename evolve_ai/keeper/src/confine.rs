//! The box of a process: what it consists of, how it is asked for, and how a process enters it.

use crate::compiled::{Compiled, Filters};
use crate::landlock::{self, Ruleset};
use crate::metadata;
use crate::privileges;
use crate::seccomp::{self, Subject};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// The parts of a box; see evolve_ai/model/sandbox.py. Tests lift one at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protection {
    Files,
    Network,
    Processes,
    Threads,
    Signals,
    Tracing,
    Kernel,
    Metadata,
    Privileges,
    Descriptors,
    Environment,
    Limits,
    Disk,
    Shared,
    Crashes,
    Oom,
    Ending,
}

const NAMES: &[(&str, Protection)] = &[
    ("files", Protection::Files),
    ("network", Protection::Network),
    ("processes", Protection::Processes),
    ("threads", Protection::Threads),
    ("signals", Protection::Signals),
    ("tracing", Protection::Tracing),
    ("kernel", Protection::Kernel),
    ("metadata", Protection::Metadata),
    ("privileges", Protection::Privileges),
    ("descriptors", Protection::Descriptors),
    ("environment", Protection::Environment),
    ("limits", Protection::Limits),
    ("disk", Protection::Disk),
    ("shared", Protection::Shared),
    ("crashes", Protection::Crashes),
    ("oom", Protection::Oom),
    ("ending", Protection::Ending),
];

/// What a process may access. With `processes` the box is for a whole build: at most so many
/// processes at a time, which may execute other programs, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confinement {
    pub readable: Vec<PathBuf>,
    pub executable: Vec<PathBuf>,
    pub writable: Vec<PathBuf>,
    pub threads: u64,
    pub processes: Option<u64>,
    /// The limit for all processes together.
    pub all_threads: Option<u64>,
    pub memory: Option<u64>,
    pub file_size: Option<u64>,
    pub descriptors: Option<u64>,
    /// Of many processes, which are not compilers: with what runtimes of languages need.
    pub is_evaluation: bool,
    pub lifted: Vec<Protection>,
}

/// Which step failed, and how.
#[derive(Debug)]
pub struct Failure {
    pub step: Cow<'static, str>,
    pub error: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.step, self.error)
    }
}

pub fn at<T>(step: &'static str, done: io::Result<T>) -> Result<T, Failure> {
    done.map_err(|error| Failure { step: step.into(), error })
}

impl Confinement {
    /// The box that these words ask for (`--read P --threads 2 …`). An error names an unknown word.
    pub fn from_words(words: impl IntoIterator<Item = OsString>) -> Result<Confinement, String> {
        let mut asked = Confinement { threads: 1, ..Confinement::default() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let name = word.to_string_lossy().into_owned();
            let value = words.next().ok_or(format!("{name} is the last word"))?;
            let number = || value.to_str()?.parse().ok();
            let numbered = || number().ok_or(format!("{name} {value:?} is no number"));
            match &*name {
                "--read" => asked.readable.push(value.into()),
                "--execute" => asked.executable.push(value.into()),
                "--write" => asked.writable.push(value.into()),
                "--threads" => asked.threads = numbered()?,
                "--all-threads" => asked.all_threads = Some(numbered()?),
                "--fork" => asked.processes = Some(numbered()?),
                "--memory" => asked.memory = Some(numbered()?),
                "--file-size" => asked.file_size = Some(numbered()?),
                "--descriptors" => asked.descriptors = Some(numbered()?),
                "--preset" if value == "evaluation" => asked.is_evaluation = true,
                "--lift" => {
                    let known = NAMES.iter().find(|(name, _)| value == **name);
                    asked.lifted.push(known.ok_or(format!("{name} {value:?}: no such thing"))?.1);
                }
                _ => return Err(format!("{name} means nothing")),
            }
        }
        Ok(asked)
    }

    pub fn holds(&self, protection: Protection) -> bool {
        !self.lifted.contains(&protection)
    }

    /// Do what can be done before there is a process to confine.
    pub fn prepare(&self) -> Result<Gate<'_>, Failure> {
        let version = at("Landlock", landlock::version_for(self))?;
        let ruleset = at("Landlock", Ruleset::of(self, version))?;
        Ok(Gate { confinement: self, ruleset, signals_stay: landlock::keeps_signals(version) })
    }
}

/// A prepared box that a process can enter.
pub struct Gate<'a> {
    confinement: &'a Confinement,
    ruleset: Ruleset,
    signals_stay: bool,
}

impl Gate<'_> {
    /// Before entering: allow the execution of this open program from inside.
    pub fn allow_program(&self, program: &File) -> Result<(), Failure> {
        if !self.confinement.holds(Protection::Files) {
            return Ok(());
        }
        at("Landlock", self.ruleset.allow_program(program))
    }

    /// Confine this process for ever; it may still become `program`. If a step fails, the earlier
    /// steps stay in force. In a box of many, `seccomp::listen` hands over its file on the way.
    pub fn enter(
        &self,
        program: Option<RawFd>,
        hand_over: impl FnOnce(File) -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.restrict()?;
        if let Some(listener) = at("seccomp", seccomp::listen(self.confinement))? {
            at("monitor", hand_over(listener))?;
        }
        let pid = std::process::id() as i32;
        let subject = Subject { pid, program, signals_stay: self.signals_stay };
        at("seccomp", seccomp::enter(self.confinement, &subject))
    }

    /// The filter for `enter_compiled`. None if the box has none, or must hand over its file.
    pub fn filter<'b>(&self, known: &'b mut Filters) -> io::Result<Option<&'b mut Compiled>> {
        match self.confinement.processes {
            None => known.filter_of(self.confinement, self.signals_stay),
            Some(_) => Ok(None),
        }
    }

    /// The same as `enter` for a box of one process. Allocates nothing.
    pub fn enter_compiled(&self, filter: &mut Compiled, program: RawFd) -> Result<(), Failure> {
        self.restrict()?;
        at("seccomp", filter.enter(std::process::id() as i32, program))
    }

    fn restrict(&self) -> Result<(), Failure> {
        if self.confinement.holds(Protection::Privileges) {
            at("privileges", privileges::give_up())?;
        }
        at("Landlock", self.ruleset.enter())?;
        metadata::set_umask(self.confinement);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<Confinement, String> {
        Confinement::from_words(words.iter().map(OsString::from))
    }

    #[test]
    fn words_are_read_as_they_are_meant() {
        let asked = told(&[
            "--read",
            "/a",
            "--execute",
            "/b",
            "--write",
            "/c d",
            "--threads",
            "3",
            "--fork",
            "9",
            "--all-threads",
            "99",
            "--memory",
            "1",
            "--file-size",
            "2",
            "--descriptors",
            "4",
            "--lift",
            "files",
        ]);
        let meant = Confinement {
            readable: vec!["/a".into()],
            executable: vec!["/b".into()],
            writable: vec!["/c d".into()],
            threads: 3,
            processes: Some(9),
            all_threads: Some(99),
            memory: Some(1),
            file_size: Some(2),
            descriptors: Some(4),
            is_evaluation: false,
            lifted: vec![Protection::Files],
        };
        assert_eq!(asked, Ok(meant));
    }

    #[test]
    fn what_nobody_understands_is_refused() {
        for words in [&["--reads", "/a"][..], &["--read"], &["--threads", "-1"], &["--lift", "x"]] {
            assert!(told(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn box_of_no_words_has_everything_and_lets_nothing() {
        let asked = told(&[]).unwrap();
        assert_eq!(asked.threads, 1);
        assert!(NAMES.iter().all(|(_, protection)| asked.holds(*protection)));
    }
}
