//! Owns how a child becomes an agent: everything between fork and exec, and who is told of it.

use crate::journal::{self, Journal, Process};
use crate::sys;
use crate::wire::Launch;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::process::{parent_id, CommandExt};
use std::process::{Command, Stdio};

/// Where an agent hears and speaks. The keeper holds both numbers itself, so that nothing which
/// lives between fork and exec lies there.
pub const FRAMES_IN: RawFd = 3;
pub const FRAMES_OUT: RawFd = 4;

/// Of two that the kernel may end for want of memory, the agent goes first.
const OOM_SCORE: &str = "500";

/// Start an agent; an error if it has not become its program.
pub fn spawn(launch: Launch, journal: &Journal) -> io::Result<Process> {
    let log = open_log(&launch)?;
    let mut command = Command::new(OsStr::from_bytes(launch.file.as_bytes()));
    command.current_dir(&launch.folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let birth = Birth { launch, journal: journal.share()?, keeper: std::process::id() };
    // SAFETY: the keeper has one thread, so the child of a fork may do all that its parent may.
    unsafe { command.pre_exec(move || birth.become_agent()) };
    let pid = command.spawn()?.id();
    // Not reaped before we look for the dead, so /proc knows it.
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

/// A child on its way from fork to exec.
struct Birth {
    launch: Launch,
    journal: Journal,
    keeper: u32,
}

impl Birth {
    /// Returns only if it fails. We call exec ourselves: that of the standard library would hand
    /// a file that is no program to a shell.
    fn become_agent(&self) -> io::Result<()> {
        sys::start_session()?;
        self.die_with_keeper()?;
        self.open_pipes()?;
        self.limit()?;
        self.record()?;
        // Only now: the journal may be larger than the files of an agent, and until exec we hold
        // more descriptors than an agent may.
        sys::limit(sys::RLIMIT_FSIZE, self.launch.file_size)?;
        sys::limit(sys::RLIMIT_NOFILE, self.launch.descriptors)?;
        sys::set_signals_back()?;
        // It is on record: from here on it may live without us.
        sys::die_with_parent(false)?;
        let Launch { file, arguments, environment, .. } = &self.launch;
        Err(sys::execute(file, arguments, environment))
    }

    /// Who is not on record yet must not outlive the keeper.
    fn die_with_keeper(&self) -> io::Result<()> {
        sys::die_with_parent(true)?;
        if parent_id() != self.keeper {
            sys::exit_at_once(1);
        }
        Ok(())
    }

    fn open_pipes(&self) -> io::Result<()> {
        // Both ends of both: while nobody holds the others, the agent meets no end of its input
        // and no broken pipe. It just waits for whoever comes next.
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
        // How exec fails is told through a descriptor of ours: it must stay open until then.
        sys::close_on_exec_from(FRAMES_OUT + 1)
    }

    fn limit(&self) -> io::Result<()> {
        sys::limit(sys::RLIMIT_AS, self.launch.address_space)?;
        sys::limit(sys::RLIMIT_CORE, 0)?;
        // These two are good to have; some systems forbid them.
        let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE);
        sys::run_in_batches();
        Ok(())
    }

    fn record(&self) -> io::Result<()> {
        let Launch { id, note, .. } = &self.launch;
        let start_time = journal::start_time("self").ok_or(io::ErrorKind::NotFound)?;
        let process = Process { pid: std::process::id() as i32, start_time };
        self.journal.append(&journal::start_line(id, note, process))
    }
}
