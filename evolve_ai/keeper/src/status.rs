//! Reports what became of a box and its command, on a descriptor that nothing in the box has: so
//! output and exit code of a command are never mistaken for a report of its box.
//!
//! One line each, separated by tabs: `begun` (the command runs), `failed` STEP: ERROR (it could not
//! be started), `limit` REASON (it was ended for that), `ended` `code`|`signal` NUMBER (no process
//! is left). The reader is evolve_ai/system/boxed_command.py.

use crate::journal;
use crate::process;
use crate::sys::{self, Exit};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// Above all numbers that a box closes or counts; if there are not so many, the next free one.
const OUT_OF_THE_WAY: u64 = 1000;

/// None if no report is wanted.
pub struct Status(Option<File>);

impl Status {
    /// Takes over this descriptor, which programs executed later do not inherit. An error if it is
    /// not open.
    pub fn on(number: Option<RawFd>) -> io::Result<Status> {
        let Some(number) = number else { return Ok(Status(None)) };
        if number <= 2 {
            return Err(io::Error::from_raw_os_error(sys::EINVAL));
        }
        sys::close_on_exec(number)?;
        // SAFETY: the process that started us gave it to us, and nothing else here owns it.
        let given = unsafe { File::from_raw_fd(number) };
        process::above(&given, OUT_OF_THE_WAY).map(|file| Status(Some(file)))
    }

    pub fn number(&self) -> Option<RawFd> {
        self.0.as_ref().map(AsRawFd::as_raw_fd)
    }

    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Never blocks: a pipe always has room for a few short lines.
    pub fn tell(&self, fields: &[&str]) {
        if let Some(mut file) = self.0.as_ref() {
            let line = fields.join("\t").replace('\n', " ");
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    pub fn tell_end(&self, exit: Exit) {
        let (kind, number) = journal::told(exit);
        self.tell(&["ended", kind, &number.to_string()]);
    }
}
