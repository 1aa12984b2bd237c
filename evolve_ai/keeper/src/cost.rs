//! Measures what a program costs: wall-clock time, processor time, or instructions, which are counted
//! by the processor (perf_event_open(2)) or, where that is refused, by simulation (callgrind).

use crate::capture::{pipe, Capture};
use crate::confine::{at, Failure};
use crate::numbers::PERF_EVENT_OPEN;
use crate::process::call;
use crate::sys::{self, Watched};
use crate::trial_words::text;
use crate::{mounts, process, trial_program};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

const INSTRUCTIONS: u64 = 1; // PERF_COUNT_HW_INSTRUCTIONS
const FD_CLOEXEC: usize = 8; // PERF_FLAG_FD_CLOEXEC
/// disabled, inherit, exclude_kernel, exclude_hv, enable_on_exec
const FLAGS: u64 = 1 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 12;
/// For the files that valgrind makes while it starts.
const FOLDER: &str = "/scratch/callgrind";
const LOG: i32 = 3;
const KEPT: usize = 1 << 20;

/// struct perf_event_attr, of the first version that has enable_on_exec
#[repr(C)]
struct Event {
    kind: u32,
    size: u32,
    config: u64,
    rest: [u64; 3],
    flags: u64,
    more: [u64; 2],
}

pub enum Meter {
    Wall,
    Cpu,
    Counter(Option<File>),
    Callgrind { valgrind: PathBuf, log: Capture, written: Option<File> },
}

impl Meter {
    /// What the job asks for.
    pub fn of_this_box() -> Result<Meter, Failure> {
        match &*fs::read_to_string(Path::new(mounts::OWN).join("cost")).unwrap_or_default() {
            "cpu" => Ok(Meter::Cpu),
            "instructions" if counter(0).is_ok() => Ok(Meter::Counter(None)),
            "instructions" => Meter::simulated(),
            _ => Ok(Meter::Wall),
        }
    }

    fn simulated() -> Result<Meter, Failure> {
        let valgrind = trial_program::found("valgrind".as_ref()).ok_or(Failure {
            step: "instructions cannot be counted: no perf_event_open, no valgrind".into(),
            error: io::ErrorKind::NotFound.into(),
        })?;
        let (log, written) = at("valgrind", pipe())?;
        let log = at("valgrind", Capture::of(log, KEPT))?;
        at("valgrind", fs::create_dir_all(FOLDER))?;
        Ok(Meter::Callgrind { valgrind, log, written: Some(written) })
    }

    pub fn folder(&self) -> Option<PathBuf> {
        matches!(self, Meter::Callgrind { .. }).then(|| FOLDER.into())
    }

    pub fn watched(&self) -> Option<Watched> {
        match self {
            Meter::Callgrind { log, .. } if !log.is_over => Some(Watched::new(log, sys::POLLIN)),
            _ => None,
        }
    }

    pub fn read(&mut self) {
        if let Meter::Callgrind { log, .. } = self {
            log.read();
        }
    }

    /// In the parent, before this child executes the program.
    pub fn begin(&mut self, child: i32) -> Result<(), Failure> {
        match self {
            Meter::Counter(counting) => *counting = Some(at("perf_event_open", counter(child))?),
            Meter::Callgrind { written, .. } => *written = None,
            _ => {}
        }
        Ok(())
    }

    /// In the child: what to execute, so that it is measured.
    pub fn around(
        &self,
        file: &Path,
        arguments: Vec<CString>,
        environment: &mut Vec<CString>,
    ) -> Result<(PathBuf, Vec<CString>), Failure> {
        let Meter::Callgrind { valgrind, written: Some(written), .. } = self else {
            return Ok((file.to_owned(), arguments));
        };
        let high = at("valgrind", process::above(written, 64))?;
        at("valgrind", sys::duplicate(&high, LOG))?;
        environment.retain(|one| !one.as_bytes().starts_with(b"TMPDIR="));
        environment.push(text(format!("TMPDIR={FOLDER}").as_ref()));
        let options = [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--trace-children=yes",
            "--vgdb=no",
            "--log-fd=3",
            "--",
        ];
        let mut words: Vec<CString> = options.iter().map(|word| text(word.as_ref())).collect();
        words.push(text(file.as_os_str()));
        words.extend(arguments.into_iter().skip(1));
        Ok((valgrind.clone(), words))
    }

    /// When all processes have ended: add the cost to those of earlier calls.
    pub fn add(self, wall: Duration, cpu: Duration) -> Result<(), Failure> {
        let (kind, cost) = match self {
            Meter::Wall => ("wall", wall.as_secs_f64().to_string()),
            Meter::Cpu => ("cpu", cpu.as_secs_f64().to_string()),
            Meter::Counter(counting) => ("instructions", at("count", count(counting))?.to_string()),
            Meter::Callgrind { mut log, .. } => {
                while log.read() {}
                ("callgrind", at("callgrind", simulated_in(&log.told()))?.to_string())
            }
        };
        let file = OpenOptions::new().append(true).create(true).open(mounts::COSTS);
        at("costs", file.and_then(|mut file| writeln!(file, "{kind} {cost}")))
    }
}

/// Counts the instructions of this process (0: our own) and its children, from when it executes a
/// program.
fn counter(pid: i32) -> io::Result<File> {
    let size = std::mem::size_of::<Event>() as u32;
    let event =
        Event { kind: 0, size, config: INSTRUCTIONS, rest: [0; 3], flags: FLAGS, more: [0; 2] };
    let words = [std::ptr::addr_of!(event) as usize, pid as usize, usize::MAX, usize::MAX];
    let [a, b, c, d] = words;
    // SAFETY: struct perf_event_attr of this size, which lives through the call; the descriptor is
    // new.
    unsafe { call(PERF_EVENT_OPEN, [a, b, c, d, FD_CLOEXEC]).map(|n| File::from_raw_fd(n as i32)) }
}

fn count(counting: Option<File>) -> io::Result<u64> {
    let mut number = [0; 8];
    counting.ok_or(io::ErrorKind::NotFound)?.read_exact(&mut number)?;
    Ok(u64::from_ne_bytes(number))
}

/// The sum of the lines `==PID== Collected : N`, one for each process.
fn simulated_in(log: &[u8]) -> io::Result<u64> {
    let text = String::from_utf8_lossy(log);
    let numbers = text.lines().filter(|line| line.contains("Collected :"));
    let numbers = numbers.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    match numbers.collect::<Vec<_>>() {
        found if found.is_empty() => {
            Err(io::Error::other(text.lines().last().unwrap_or("it says nothing").to_owned()))
        }
        found => Ok(found.iter().sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_all_processes_are_added() {
        let log = b"==7== Callgrind\n==7== Collected : 200\n==9== Collected : 30\n==9== \n";
        assert_eq!(simulated_in(log).unwrap(), 230);
        assert!(simulated_in(b"valgrind: no\n").is_err());
    }
}
