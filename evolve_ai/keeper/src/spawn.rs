//! Turns a child into an agent: everything between fork and exec, and the report of failures.

use crate::confine::{at, Confinement, Failure, Protection};
use crate::journal::{self, Journal, Process};
use crate::wire::Launch;
use crate::{limits, process, share, sys};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{parent_id, CommandExt};
use std::process::{Command, Stdio};

/// The descriptors by which an agent receives and sends. The keeper occupies both numbers, so that
/// no other file has one of them between fork and exec.
pub const FRAMES_IN: RawFd = 3;
pub const FRAMES_OUT: RawFd = 4;

/// Start an agent; an error if its program was not executed.
pub fn spawn(
    launch: Launch,
    programs: &BTreeMap<String, File>,
    journal: &Journal,
) -> Result<Process, Failure> {
    let program = programs.get(&launch.program).ok_or(io::Error::from_raw_os_error(sys::ENOENT));
    let program = at("program", program.and_then(File::try_clone))?;
    let log = at("agent.log", open_log(&launch))?;
    let errors = at("agent.log", log.try_clone())?;
    let (mut steps, step) = at("start", UnixStream::pair())?;
    // This path is never executed, since `become_agent` executes the program before.
    let mut command = Command::new("/nonexistent");
    command.current_dir(&launch.folder).stdin(Stdio::null()).stdout(log).stderr(errors);
    let journal = at("journal", journal.share())?;
    let birth = Birth { launch, program, journal, keeper: std::process::id(), step };
    // SAFETY: the keeper has one thread, so after a fork the child may do all that its parent may.
    unsafe { command.pre_exec(move || birth.become_agent()) };
    let child = command.spawn();
    drop(command);
    let pid = match child {
        Ok(child) => child.id(),
        Err(error) => {
            let mut step = String::new();
            let _ = steps.read_to_string(&mut step);
            return Err(Failure { step: step.into(), error });
        }
    };
    // Even if it has ended it is not reaped yet, so /proc has it.
    let start_time = journal::start_time(&pid.to_string()).unwrap_or(0);
    Ok(Process { pid: pid as i32, start_time })
}

fn open_log(launch: &Launch) -> io::Result<File> {
    let flags = sys::O_NOFOLLOW | sys::O_NONBLOCK;
    let mut options = OpenOptions::new();
    let log =
        options.append(true).create(true).mode(0o644).custom_flags(flags).open(&launch.log)?;
    if !log.metadata()?.is_file() {
        return Err(io::Error::from_raw_os_error(sys::EINVAL));
    }
    Ok(log)
}

/// A child between fork and exec. `step` is where it reports which step has failed.
struct Birth {
    launch: Launch,
    program: File,
    journal: Journal,
    keeper: u32,
    step: UnixStream,
}

impl Birth {
    /// Returns only on failure. We call exec ourselves: the standard library executes by name, and
    /// gives a file that is no program to a shell.
    fn become_agent(&self) -> io::Result<()> {
        let Err(failure) = self.take_steps() else { return Ok(()) };
        let _ = (&self.step).write_all(failure.step.as_bytes());
        Err(failure.error)
    }

    fn take_steps(&self) -> Result<(), Failure> {
        at("session", sys::start_session())?;
        at("session", self.die_with_keeper())?;
        at("pipes", self.open_pipes())?;
        self.limit()?;
        let program = at("program", process::above(&self.program, self.launch.descriptors))?;
        let program = program.as_raw_fd();
        let confinement = self.launch.confinement.as_ref();
        let gate = confinement.map(Confinement::prepare).transpose()?;
        if let Some(gate) = &gate {
            gate.allow_program(&self.program)?;
        }
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
        if let Some(gate) = gate {
            gate.enter(Some(program), |_| Ok(()))?;
        }
        let Launch { arguments, environment, .. } = &self.launch;
        Err(Failure {
            step: "execute".into(),
            error: process::become_program(program, arguments, environment),
        })
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

    fn open_pipes(&self) -> io::Result<()> {
        // It opens both ends of both pipes: so without an orchestrator it meets no end of input and
        // no broken pipe, but waits for the next orchestrator.
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        for (path, number) in [(&self.launch.input, FRAMES_IN), (&self.launch.output, FRAMES_OUT)] {
            let pipe = options.custom_flags(sys::O_NOFOLLOW | sys::O_NONBLOCK).open(path)?;
            if !pipe.metadata()?.file_type().is_fifo() {
                return Err(io::Error::from_raw_os_error(sys::EINVAL));
            }
            sys::let_it_block(&pipe)?;
            sys::duplicate(&pipe, number)?;
        }
        // Descriptors that report a failed exec must stay open until then.
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

    fn record(&self) -> io::Result<()> {
        let Launch { id, note, .. } = &self.launch;
        let start_time = journal::start_time("self").ok_or(io::ErrorKind::NotFound)?;
        let process = Process { pid: std::process::id() as i32, start_time };
        self.journal.append(&journal::start_line(id, note, process))
    }
}
