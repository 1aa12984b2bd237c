//! `evolve-keeper trial`: runs one evaluation in a box of its own, or a server of evaluations.
//!
//!     evolve-keeper trial [OPTION VALUE]… --status DESCRIPTOR -- FILE ARGV0 ARG…
//!
//! The options are those of trial_words.rs, the report is that of trial_report.rs. The environment
//! is passed on. Its own exit code means nothing; when it has ended, no process of it is left.

use crate::confine::{at, Failure};
use crate::monitor::NOT_STARTED;
use crate::sys::{self, Exit};
use crate::trial_box::TrialBox;
use crate::trial_report::{collected, cost, Outcome};
use crate::trial_watch::{room_in, Over, Watch};
use crate::trial_words::Asked;
use crate::{share, trial_server};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::os::unix::process::parent_id;

const SIGNALS: [i32; 3] = [sys::SIGHUP, sys::SIGINT, sys::SIGTERM];
/// As shells say it: there is no such program, or it cannot be executed.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTED: i32 = 126;

pub fn run(words: &[OsString]) -> ! {
    let asked = Asked::from_words(words).unwrap_or_else(|text| {
        eprintln!("evolve-keeper: usage: trial: {text}");
        std::process::exit(NOT_STARTED)
    });
    let parent = parent_id();
    // SAFETY: the process that started us gave it to us, and nothing else here owns it.
    let mut status = unsafe { File::from_raw_fd(asked.status) };
    if let Err(failure) = served(&asked, &mut status, parent) {
        let _ = writeln!(status, "failed\t{}", failure.to_string().replace('\n', " "));
        std::process::exit(NOT_STARTED)
    }
    std::process::exit(0)
}

fn served(asked: &Asked, status: &mut File, parent: u32) -> Result<(), Failure> {
    at("descriptors", sys::close_on_exec_from(3))?;
    at("watcher", sys::become_subreaper())?;
    share::run_before_others();
    let news = at("watcher", sys::deaths(&SIGNALS))?;
    if asked.is_warm {
        return trial_server::serve(asked, status, &news, parent);
    }
    let mut trial = match TrialBox::begin(asked) {
        Err(failure) if failure.step == "execute" => {
            return at("status", not_executed(asked, &failure).tell(status));
        }
        begun => begun?,
    };
    let reader = at("status", status.try_clone())?;
    let mut watch = Watch::over(asked, &reader, &news, parent);
    let over = watch.until_over(&mut trial)?;
    let wall = trial.began.elapsed();
    let cpu = trial.end();
    let memory = watch.memory.max(share::memory_of_children());
    let outcome = Outcome { wall, cpu, memory, ..outcome_of(asked, &trial, over) };
    at("status", outcome.tell(status))
}

/// All of it but what it used.
pub fn outcome_of(asked: &Asked, trial: &TrialBox, over: Over) -> Outcome {
    let [stdout, stderr] = [0, 1].map(|index| trial.outputs[index].told());
    let mut outcome = Outcome { stdout, stderr, ..Outcome::default() };
    match over {
        Over::Ended(exit) => {
            outcome.end = "exited";
            outcome.code = code_of(exit);
            outcome.files = collected(&trial.scratch, &asked.collect);
            outcome.cost = cost(&trial.scratch);
            if let Some(reason) = room_in(trial).filter(|_| outcome.code != 0) {
                outcome.end = "disk";
                outcome.reason = format!("its scratch folder is full: {reason}");
            }
        }
        Over::Limit(end, reason) => {
            outcome.end = end;
            outcome.reason = reason;
        }
        Over::Cancelled => outcome.end = "cancelled",
        Over::Answered(answer) => {
            outcome.end = "machine";
            outcome.reason = format!("a server answered too early: {answer}");
        }
    }
    outcome
}

pub fn code_of(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(number) => -number,
    }
}

fn not_executed(asked: &Asked, failure: &Failure) -> Outcome {
    let is_absent = failure.error.raw_os_error() == Some(sys::ENOENT);
    let code = if is_absent { NOT_FOUND } else { NOT_EXECUTED };
    let reason = format!("{:?} cannot be executed: {}", asked.file, failure.error);
    let files = asked.collect.iter().map(|_| None).collect();
    Outcome { end: "exited", code, reason, files, ..Outcome::default() }
}
