//! The journal: what happened to each agent, one line per event, in the order of events.
//!
//!     evolve-keeper 1 <boot id>
//!     S <id> <note> <pid> <start time>            it was started
//!     F <id> <note> <errno>                       that start failed: the program was not executed
//!     E <id> <pid> <start time> exit <code>       it ended
//!     E <id> <pid> <start time> signal <number>
//!
//! Several processes write: the keeper, and each agent-to-be its own start. A line is written by one
//! call, while no other process writes. If the disk takes only part of it, that part is ended with a
//! question mark, so that a number in it is not taken for a complete one.

use crate::sys::{self, Alone, Exit};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

const NAME: &str = "journal";
const NEW_NAME: &str = "journal.new";
/// Ends a line of which the disk took only a part. Every line is handed to `put` behind it.
const CLOSE: &str = "?\n";
const NUMBERS_BYTES: usize = 48;

/// A process, distinct from all others of this boot of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: i32,
    /// In clock ticks since boot.
    pub start_time: u64,
}

pub struct Journal {
    file: Arc<File>,
    header: String,
}

impl Journal {
    /// The journal of this folder; a new one unless the existing one is of this boot.
    pub fn open(boot_id: &str) -> io::Result<Journal> {
        let header = format!("evolve-keeper 1 {boot_id}\n");
        if !begins_with(&header).unwrap_or(false) {
            let mut file = open_new()?;
            file.write_all(header.as_bytes())?;
            fs::rename(NEW_NAME, NAME)?;
            return Ok(Journal { file: Arc::new(file), header });
        }
        let file = OpenOptions::new().read(true).append(true).open(NAME)?;
        Ok(Journal { file: Arc::new(file), header })
    }

    /// The same file, for a child that will write its own line.
    pub fn share(&self) -> Journal {
        Journal { file: self.file.clone(), header: String::new() }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub fn append(&self, line: &str) -> io::Result<()> {
        match self.put(format!("{CLOSE}{line}\n").as_bytes())? {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(sys::ENOSPC)),
        }
    }

    /// Write a line, which is given with `CLOSE` before it; false if the disk took only a part.
    /// Allocates nothing.
    pub fn put(&self, line: &[u8]) -> io::Result<bool> {
        let _alone = Alone::with(&self.file);
        let line = if self.is_torn()? { line } else { &line[CLOSE.len()..] };
        (&*self.file).write(line).map(|count| count == line.len())
    }

    fn is_torn(&self) -> io::Result<bool> {
        let mut last = [0];
        match self.length()? {
            0 => Ok(false),
            length => self.file.read_exact_at(&mut last, length - 1).map(|()| last != *b"\n"),
        }
    }

    /// Drop what was written before `offset`, except the starts of processes that live or whose end
    /// was written later.
    pub fn compact(&mut self, offset: u64, lives: impl Fn(Process) -> bool) -> io::Result<()> {
        let mut kept = BTreeSet::new();
        for_each_line(|begin, line| {
            kept.extend((begin >= offset).then(|| ended(line)).flatten());
            Ok(())
        })?;
        let mut new = BufWriter::new(open_new()?);
        new.write_all(self.header.as_bytes())?;
        for_each_line(|begin, line| {
            let is_missed = |process| kept.contains(&process) || lives(process);
            match begin >= offset || started(line).is_some_and(is_missed) {
                true => new.write_all(line),
                false => Ok(()),
            }
        })?;
        let file = new.into_inner().map_err(|error| error.into_error())?;
        fs::rename(NEW_NAME, NAME)?;
        self.file = Arc::new(file);
        Ok(())
    }
}

/// Visits the complete lines after the header, with their offsets.
fn for_each_line(mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let (mut journal, mut line) = (BufReader::new(File::open(NAME)?), Vec::new());
    let mut begin = journal.read_until(b'\n', &mut line)? as u64;
    loop {
        line.clear();
        let length = journal.read_until(b'\n', &mut line)? as u64;
        if !line.ends_with(b"\n") {
            return Ok(());
        }
        visit(begin, &line)?;
        begin += length;
    }
}

fn open_new() -> io::Result<File> {
    match fs::remove_file(NEW_NAME) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).append(true).create_new(true).mode(0o644).open(NEW_NAME)
}

fn begins_with(header: &str) -> io::Result<bool> {
    let mut found = Vec::new();
    let flags = sys::O_NOFOLLOW | sys::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(NAME)?;
    file.take(header.len() as u64).read_to_end(&mut found)?;
    Ok(found == header.as_bytes())
}

/// The line of a start as far as it is known before; there is room for the rest.
pub fn begun_start(id: &str, note: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(CLOSE.len() + id.len() + note.len() + NUMBERS_BYTES);
    line.extend_from_slice(format!("{CLOSE}S {id} {note} ").as_bytes());
    line
}

/// Allocates nothing.
pub fn complete_start(line: &mut Vec<u8>, process: Process) {
    // A Vec takes all that is written to it.
    let _ = writeln!(line, "{} {}", process.pid, process.start_time);
}

pub fn failure_line(id: &str, note: &str, errno: i32) -> String {
    format!("F {id} {note} {errno}")
}

pub fn end_line(id: &str, process: Process, exit: Exit) -> String {
    let (kind, number) = told(exit);
    format!("E {id} {} {} {kind} {number}", process.pid, process.start_time)
}

/// An exit in words, for the journal and for the client.
pub fn told(exit: Exit) -> (&'static str, i32) {
    match exit {
        Exit::Code(code) => ("exit", code),
        Exit::Signal(number) => ("signal", number),
    }
}

/// The started process, if this is the line of a start.
fn started(line: &[u8]) -> Option<Process> {
    match words(line)?[..] {
        ["S", _, _, pid, start_time] => process(pid, start_time),
        _ => None,
    }
}

/// The ended process, if this is the line of an end.
fn ended(line: &[u8]) -> Option<Process> {
    match words(line)?[..] {
        ["E", _, pid, start_time, _, _] => process(pid, start_time),
        _ => None,
    }
}

fn words(line: &[u8]) -> Option<Vec<&str>> {
    Some(std::str::from_utf8(line).ok()?.split_ascii_whitespace().collect())
}

fn process(pid: &str, start_time: &str) -> Option<Process> {
    Some(Process { pid: pid.parse().ok()?, start_time: start_time.parse().ok()? })
}

/// The start time of a process or zombie; None when no process has this pid (which may be "self").
pub fn start_time(pid: &str) -> Option<u64> {
    start_time_in(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The start time of this process. Allocates nothing.
pub fn own_start_time() -> Option<u64> {
    let mut stat = [0; 1024];
    let length = File::open("/proc/self/stat").ok()?.read(&mut stat).ok()?;
    start_time_in(&stat[..length])
}

/// Field 22 of proc_pid_stat(5). Field 2 may contain blanks and parentheses.
fn start_time_in(stat: &[u8]) -> Option<u64> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: Process = Process { pid: 12, start_time: 345 };

    #[test]
    fn start_line_is_read_as_it_was_written() {
        let mut line = begun_start("a-1", "7:2");
        let room = line.capacity();
        complete_start(&mut line, Process { pid: i32::MAX, start_time: u64::MAX });
        assert_eq!(line.capacity(), room);
        let mut line = begun_start("a-1", "7:2");
        complete_start(&mut line, PROCESS);
        assert_eq!(line, b"?\nS a-1 7:2 12 345\n");
        assert_eq!(started(&line[2..]), Some(PROCESS));
    }

    #[test]
    fn other_lines_and_torn_ones_are_no_starts() {
        let exit = end_line("a", PROCESS, Exit::Signal(9));
        assert_eq!(exit, "E a 12 345 signal 9");
        for line in [&*exit, "", "S", "S a 7 12", "S a 7 12 34?", "S a 7 12 x", "S a 7 12 34 5"] {
            assert_eq!(started(line.as_bytes()), None, "{line:?}");
        }
        assert_eq!(ended(exit.as_bytes()), Some(PROCESS));
        assert_eq!(ended(b"E a 12 345 signal"), None);
        assert_eq!(started(b"S \xff 7 12 34"), None);
    }

    #[test]
    fn name_with_parentheses_and_blanks_does_not_hide_the_start_time() {
        let stat = b"7 (a) R 1 (b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 98765 1 2 3";
        assert_eq!(start_time_in(stat), Some(98765));
        assert_eq!(start_time_in(b"rubbish"), None);
        assert!(start_time("self").is_some());
        assert_eq!(own_start_time(), start_time("self"));
        assert_eq!(start_time("0"), None);
    }
}
