//! Decides about each new process or thread: in a box of many, each call that makes one waits for
//! our answer (seccomp_unotify(2)). So nothing is forked faster than we count, or while we end all.

use crate::descendants::{self, Descendant};
use crate::process::call;
use crate::{numbers, sys};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::addr_of_mut;

// _IOWR('!', 0, struct seccomp_notif), _IOWR('!', 1, struct seccomp_notif_resp)
const RECEIVE: usize = 0xc050_2100;
const SEND: usize = 0xc018_2101;
const CONTINUE: u32 = 1;
const CLONE_THREAD: u64 = 0x1_0000;
const FLAGS: usize = 2; // of clone(2): the first argument, after the number and the pointer

/// struct seccomp_notif
#[repr(C)]
struct Question {
    id: u64,
    pid: u32,
    flags: u32,
    call: [u64; 8],
}

impl Question {
    fn is_of_a_thread(&self) -> bool {
        self.call[0] as u32 == numbers::CLONE && self.call[FLAGS] & CLONE_THREAD != 0
    }
}

/// struct seccomp_notif_resp
#[repr(C)]
struct Answer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// The limits of processes, and of threads in all processes together.
#[derive(Clone, Copy)]
pub struct Most {
    pub processes: u64,
    pub threads: u64,
}

impl Most {
    /// What would be too much if `found` are all descendants and a birth adds so many processes (0
    /// or 1) and threads; None if it is allowed.
    pub fn excess(self, found: &[Descendant], process: u64, thread: u64) -> Option<String> {
        if threads_of(found) + thread > self.threads {
            return Some(format!("more than {} threads", self.threads));
        }
        let processes = self.processes;
        let too_many = found.len() as u64 + process > processes
            && descendants::living(found) as u64 + process > processes;
        too_many.then(|| format!("more than {processes} processes"))
    }
}

fn threads_of(found: &[Descendant]) -> u64 {
    found.iter().map(|one| one.threads as u64).sum()
}

/// Receives the questions of a box. The counts are those of the last look plus the births since, so
/// they are upper bounds.
pub struct Births {
    questions: File,
    processes: u64,
    threads: u64,
}

impl AsRawFd for Births {
    fn as_raw_fd(&self) -> RawFd {
        self.questions.as_raw_fd()
    }
}

impl Births {
    pub fn new(questions: File) -> Births {
        Births { questions, processes: 1, threads: 1 }
    }

    /// Answer a question: yes, unless the limit is reached; then return what would be too much.
    pub fn attend(&mut self, most: Most) -> io::Result<Option<String>> {
        let mut question = Question { id: 0, pid: 0, flags: 0, call: [0; 8] };
        match self.request(RECEIVE, addr_of_mut!(question) as usize) {
            // The asking process was ended, or woken by a signal: then it asks again.
            Err(error) if is_over(&error) => return Ok(None),
            received => received?,
        }
        let process = u64::from(!question.is_of_a_thread());
        // Counting takes as long as a small compiler runs, so only count near the limit.
        if self.processes + process > most.processes || self.threads + 1 > most.threads {
            let found = descendants::all();
            if let Some(excess) = most.excess(&found, process, 1) {
                return Ok(Some(excess));
            }
            self.processes = descendants::living(&found) as u64;
            self.threads = threads_of(&found);
        }
        self.processes += process;
        self.threads += 1;
        let mut answer = Answer { id: question.id, value: 0, error: 0, flags: CONTINUE };
        match self.request(SEND, addr_of_mut!(answer) as usize) {
            Err(error) if is_over(&error) => Ok(None),
            sent => sent.map(|()| None),
        }
    }

    fn request(&self, what: usize, value: usize) -> io::Result<()> {
        let words = [self.as_raw_fd() as usize, what, value, 0, 0];
        // SAFETY: the structure that this request takes; it lives through the call.
        unsafe { call(numbers::IOCTL, words) }.map(drop)
    }
}

fn is_over(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(sys::ENOENT | sys::EINTR))
}
