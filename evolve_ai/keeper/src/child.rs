//! What the process of an agent does before it becomes its program.
//!
//! Until then it shares the memory of the keeper, one of whose threads waits for it (vfork(2)): so
//! it allocates nothing, and leaves there what it has to tell.

use crate::compiled::Compiled;
use crate::confine::{at, Failure, Gate, Protection};
use crate::journal::{self, Journal, Process};
use crate::wire::Launch;
use crate::{limits, process, share, sys};
use std::ffi::{c_char, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::parent_id;

/// The descriptors by which an agent receives and sends. The keeper occupies both numbers, so that
/// no other file has one of them before exec.
pub const FRAMES_IN: RawFd = 3;
pub const FRAMES_OUT: RawFd = 4;

/// The open files that an agent gets. Its standard input is that of the keeper: /dev/null.
pub struct Files<'a> {
    pub log: File,
    pub input: File,
    pub output: File,
    pub program: &'a File,
}

/// What a child tells its parent.
#[derive(Default)]
pub struct Told {
    pub start_time: Option<u64>,
    /// The journal has at least a part of its line.
    pub is_on_record: bool,
    pub failure: Option<Failure>,
}

pub struct Birth<'a> {
    pub launch: &'a Launch,
    pub folder: CString,
    pub files: Files<'a>,
    pub gate: Option<Gate<'a>>,
    /// None if the box has no filter, or one that cannot be compiled before.
    pub filter: Option<&'a mut Compiled>,
    pub journal: &'a Journal,
    pub line: Vec<u8>,
    pub keeper: u32,
    pub arguments: Vec<*const c_char>,
    pub environment: Vec<*const c_char>,
    pub told: Told,
}

impl Birth<'_> {
    /// In the child.
    pub fn become_agent(&mut self) -> ! {
        if let Err(failure) = self.take_steps() {
            self.told.failure = Some(failure);
        }
        sys::exit_at_once(1)
    }

    /// Returns only on failure.
    fn take_steps(&mut self) -> Result<(), Failure> {
        at("session", sys::start_session())?;
        at("session", self.die_with_keeper())?;
        at("folder", process::go_into(&self.folder))?;
        at("pipes", self.take_files())?;
        self.limit()?;
        let program = at("program", process::above(self.files.program, self.launch.descriptors))?;
        at("journal", self.record())?;
        // Not earlier: the journal may be larger than an agent's file limit, and until exec this
        // process has more descriptors than an agent may have.
        if self.holds(Protection::Limits) {
            at("limits", share::limit(share::RLIMIT_FSIZE, self.launch.file_size))?;
            at("limits", share::limit(share::RLIMIT_NOFILE, self.launch.descriptors))?;
        }
        at("signals", sys::set_signals_back())?;
        // Its start is on record now, so it may outlive the keeper.
        at("session", sys::die_with_parent(false))?;
        if let Some(gate) = &self.gate {
            match &mut self.filter {
                Some(filter) => gate.enter_compiled(filter, program.as_raw_fd())?,
                None => gate.enter(Some(program.as_raw_fd()), |_| Ok(()))?,
            }
        }
        let (arguments, environment) = (&self.arguments, &self.environment);
        // SAFETY: both end with a null pointer, and what they point to outlives this process.
        let error = unsafe { process::execute_open(program.as_raw_fd(), arguments, environment) };
        Err(Failure { step: "execute".into(), error })
    }

    /// Without a box nothing is lifted: agents keep the protections that need no box.
    fn holds(&self, protection: Protection) -> bool {
        match &self.launch.confinement {
            Some(confinement) => confinement.holds(protection),
            None => true,
        }
    }

    /// A process that is not on record yet must not outlive the keeper.
    fn die_with_keeper(&self) -> io::Result<()> {
        sys::die_with_parent(true)?;
        if parent_id() != self.keeper {
            sys::exit_at_once(1);
        }
        Ok(())
    }

    fn take_files(&self) -> io::Result<()> {
        let Files { log, input, output, .. } = &self.files;
        for (file, number) in [(log, 1), (log, 2), (input, FRAMES_IN), (output, FRAMES_OUT)] {
            sys::duplicate(file, number)?;
        }
        if self.holds(Protection::Descriptors) {
            sys::close_on_exec_from(FRAMES_OUT + 1)?;
        }
        Ok(())
    }

    fn limit(&self) -> Result<(), Failure> {
        if self.holds(Protection::Limits) {
            at("limits", share::limit(share::RLIMIT_AS, self.launch.address_space))?;
        }
        share::run_in_batches(); // useful but optional: some systems forbid it
        limits::set(|protection| self.holds(protection))
    }

    fn record(&mut self) -> io::Result<()> {
        let start_time = journal::own_start_time().ok_or(io::ErrorKind::NotFound)?;
        self.told.start_time = Some(start_time);
        let process = Process { pid: std::process::id() as i32, start_time };
        journal::complete_start(&mut self.line, process);
        let is_whole = self.journal.put(&self.line)?;
        self.told.is_on_record = true;
        if is_whole {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(sys::ENOSPC))
        }
    }
}
