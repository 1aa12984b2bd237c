//! Owns telling what became of a box and of its command, on a descriptor that nobody in it has: what
//! a command prints, and the code it ends with, are never taken for words of its box.
//!
//! One line each, with tabs between: `begun` (the command runs), `failed` STEP: ERROR (it could not be
//! started), `limit` REASON (it was ended for that), `ended` `code`|`signal` NUMBER (nobody is left).
//! Both ends: evolve_ai/system/boxed_command.py.

use crate::journal;
use crate::process;
use crate::sys::{self, Exit};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// Above whatever a box closes or counts; where there are not so many, the next one that is free.
const OUT_OF_THE_WAY: u64 = 1000;

/// Nowhere, if it was not asked for.
pub struct Status(Option<File>);

impl Status {
    /// This descriptor, which no program gets that is executed from here on. An error if it is none.
    pub fn on(number: Option<RawFd>) -> io::Result<Status> {
        let Some(number) = number else { return Ok(Status(None)) };
        if number <= 2 {
            return Err(io::Error::from_raw_os_error(sys::EINVAL));
        }
        sys::close_on_exec(number)?;
        // SAFETY: it was given to us by whoever started us, and nothing else here owns it.
        let given = unsafe { File::from_raw_fd(number) };
        process::above(&given, OUT_OF_THE_WAY).map(|file| Status(Some(file)))
    }

    pub fn number(&self) -> Option<RawFd> {
        self.0.as_ref().map(AsRawFd::as_raw_fd)
    }

    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// A few short lines always have room in a pipe.
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
