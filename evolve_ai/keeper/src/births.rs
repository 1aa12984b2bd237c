//! Owns asking before a process is made: in a box of many, each fork waits for our answer
//! (seccomp_unotify(2)). So nobody forks faster than we can count, or while we end them all.

use crate::process::call;
use crate::{descendants, numbers, sys};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::addr_of_mut;

// _IOWR('!', 0, struct seccomp_notif), _IOWR('!', 1, struct seccomp_notif_resp)
const RECEIVE: usize = 0xc050_2100;
const SEND: usize = 0xc018_2101;
const CONTINUE: u32 = 1;

/// struct seccomp_notif
#[repr(C)]
struct Question {
    id: u64,
    pid: u32,
    flags: u32,
    call: [u64; 8],
}

/// struct seccomp_notif_resp
#[repr(C)]
struct Answer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Where the questions of a box arrive; at most so many live as were counted last, and were born
/// since.
pub struct Births {
    questions: File,
    living: u64,
}

impl AsRawFd for Births {
    fn as_raw_fd(&self) -> RawFd {
        self.questions.as_raw_fd()
    }
}

impl Births {
    pub fn new(questions: File) -> Births {
        Births { questions, living: 1 }
    }

    /// Answer one who asks: yes, unless there are `most` already. False when there are.
    pub fn attend(&mut self, most: u64) -> io::Result<bool> {
        let mut question = Question { id: 0, pid: 0, flags: 0, call: [0; 8] };
        match self.request(RECEIVE, addr_of_mut!(question) as usize) {
            // Who asked was ended, or woken by a signal: it asks again.
            Err(error) if is_over(&error) => return Ok(true),
            received => received?,
        }
        // Counting takes as long as a small compiler: only when there may be too many.
        if self.living >= most {
            self.living = descendants::living(&descendants::all()) as u64;
        }
        if self.living >= most {
            return Ok(false);
        }
        self.living += 1;
        let mut answer = Answer { id: question.id, value: 0, error: 0, flags: CONTINUE };
        match self.request(SEND, addr_of_mut!(answer) as usize) {
            Err(error) if is_over(&error) => Ok(true),
            sent => sent.map(|()| true),
        }
    }

    fn request(&self, what: usize, value: usize) -> io::Result<()> {
        let words = [self.as_raw_fd() as usize, what, value, 0, 0];
        // SAFETY: the structure that the request is for; it lives through the call.
        unsafe { call(numbers::IOCTL, words) }.map(drop)
    }
}

fn is_over(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(sys::ENOENT | sys::EINTR))
}
