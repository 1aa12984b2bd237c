//! Starts an agent: prepares all that its process needs, makes that, and tells what became of it.

use crate::child::{Birth, Files, Told};
use crate::compiled::Filters;
use crate::confine::{at, Confinement, Failure};
use crate::journal::{self, Journal, Process};
use crate::wire::Launch;
use crate::{process, sys};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The stack of a child, which begins on it and leaves it by exec.
const STACK_BYTES: usize = 1 << 18;

/// What to start. `program` is None if the client has not sent that program.
pub struct Job {
    pub launch: Launch,
    pub program: Option<Arc<File>>,
    pub journal: Journal,
}

/// What became of a job.
pub struct Started {
    pub serial: u64,
    pub id: String,
    pub note: String,
    pub process: Result<Process, Failure>,
    /// The journal may say that it was started.
    pub is_on_record: bool,
}

/// Starts one agent after the other, on one thread, which must live as long as the keeper: the
/// kernel takes its end for that of the parent (PR_SET_PDEATHSIG in prctl(2)).
pub struct Starter {
    stack: Vec<u8>,
    filters: Filters,
}

impl Starter {
    pub fn new() -> Starter {
        Starter { stack: vec![0; STACK_BYTES], filters: Filters::default() }
    }

    pub fn start(&mut self, job: Job) -> Started {
        let mut told = Told::default();
        let process = self.born(&job, &mut told);
        let is_on_record = told.is_on_record;
        let Launch { serial, id, note, .. } = job.launch;
        Started { serial, id, note, process, is_on_record }
    }

    fn born(&mut self, job: &Job, told: &mut Told) -> Result<Process, Failure> {
        let launch = &job.launch;
        let missing = || io::Error::from_raw_os_error(sys::ENOENT);
        let program = at("program", job.program.as_deref().ok_or_else(missing))?;
        let gate = launch.confinement.as_ref().map(Confinement::prepare).transpose()?;
        if let Some(gate) = &gate {
            gate.allow_program(program)?;
        }
        let filter = match &gate {
            Some(gate) => at("seccomp", gate.filter(&mut self.filters))?,
            None => None,
        };
        let mut birth = Birth {
            launch,
            folder: at(
                "folder",
                CString::new(launch.folder.as_os_str().as_bytes()).map_err(Into::into),
            )?,
            files: Files {
                log: at("agent.log", open_log(&launch.log))?,
                input: at("pipes", open_pipe(&launch.input))?,
                output: at("pipes", open_pipe(&launch.output))?,
                program,
            },
            gate,
            filter,
            journal: &job.journal,
            line: journal::begun_start(&launch.id, &launch.note),
            keeper: std::process::id(),
            arguments: sys::pointers(&launch.arguments),
            environment: sys::pointers(&launch.environment),
            told: Told::default(),
        };
        // SAFETY: what the child does with our memory is in child.rs.
        let pid = unsafe {
            process::divide_sharing(&mut self.stack, &mut birth, |birth| birth.become_agent())
        };
        *told = birth.told;
        let pid = at("start", pid)?;
        match told.failure.take() {
            Some(failure) => Err(failure),
            // One that was killed before it could tell is known by /proc, or by nobody.
            None => Ok(Process {
                pid,
                start_time: told
                    .start_time
                    .or_else(|| journal::start_time(&pid.to_string()))
                    .unwrap_or(0),
            }),
        }
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    let flags = sys::O_NOFOLLOW | sys::O_NONBLOCK;
    let log =
        OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(path)?;
    if !log.metadata()?.is_file() {
        return Err(io::Error::from_raw_os_error(sys::EINVAL));
    }
    Ok(log)
}

/// Both ends of a pipe: so without an orchestrator an agent meets no end of input and no broken
/// pipe, but waits for the next orchestrator. Reading it changes no time of its inode on the disk,
/// where the user may have it so (its owner, or root).
fn open_pipe(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut opened = |more| {
        let flags = sys::O_NOFOLLOW | sys::O_NONBLOCK | more;
        options.read(true).write(true).custom_flags(flags).open(path).map(|pipe| (pipe, more))
    };
    let (pipe, flags) = match opened(sys::O_NOATIME) {
        Err(error) if error.raw_os_error() == Some(sys::EPERM) => opened(0)?,
        found => found?,
    };
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(io::Error::from_raw_os_error(sys::EINVAL));
    }
    sys::let_it_block(&pipe, flags)?;
    Ok(pipe)
}
