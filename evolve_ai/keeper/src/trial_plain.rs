//! The box of an evaluation where no namespaces are to be had: Landlock, seccomp and watchers, as
//! for a build (monitor.rs). Its processes stay in one session, which is ended as a whole.

use crate::confine::{at, Failure};
use crate::sys;
use crate::trial_program;
use crate::trial_words::{text, Asked};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

/// Where the box finds the socket on which it reports.
const STATUS: i32 = 9;

/// In the child. Returns only on failure.
pub fn become_box(
    asked: &Asked,
    report: &impl AsRawFd,
    stdout: &impl AsRawFd,
    stderr: &impl AsRawFd,
) -> Failure {
    match taken_steps(asked, report, stdout, stderr) {
        Ok(never) => never,
        Err(failure) => failure,
    }
}

fn taken_steps(
    asked: &Asked,
    report: &impl AsRawFd,
    stdout: &impl AsRawFd,
    stderr: &impl AsRawFd,
) -> Result<Failure, Failure> {
    at("signals", sys::set_signals_back())?;
    let nothing = at("input", File::open("/dev/null"))?;
    at("input", sys::duplicate(&nothing, 0))?;
    at("output", sys::duplicate(stdout, 1))?;
    at("output", sys::duplicate(stderr, 2))?;
    at("report", sys::duplicate(report, STATUS))?;
    at("folder", std::env::set_current_dir(&asked.task))?;
    let absent = || io::Error::from_raw_os_error(sys::ENOENT);
    let file = at("execute", trial_program::found(&asked.file).ok_or_else(absent))?;
    let ours = at("program", std::env::current_exe())?;
    let mut words: Vec<OsString> = vec!["evolve-keeper".into(), "box".into()];
    words.extend(options(asked));
    words.extend(["--".into(), file.into_os_string()]);
    let mut words: Vec<_> = words.iter().map(|word| text(word)).collect();
    words.extend(asked.arguments.iter().cloned());
    let environment = trial_program::environment();
    let error = sys::execute(&text(ours.as_os_str()), &words, &environment);
    Err(Failure { step: "program".into(), error })
}

fn options(asked: &Asked) -> Vec<OsString> {
    let most = &asked.most;
    let processes = most.processes.to_string();
    let mut words: Vec<OsString> = Vec::new();
    let mut add = |name: &str, value: &OsStr| words.extend([name.into(), value.to_owned()]);
    for (name, value) in [
        ("--preset", "evaluation"),
        ("--fork", &*processes),
        ("--threads", &*processes),
        ("--all-threads", &*processes),
        ("--file-size", &*most.disk.to_string()),
        ("--status", &*STATUS.to_string()),
    ] {
        add(name, OsStr::from_bytes(value.as_bytes()));
    }
    let harness = asked.harness.iter();
    for path in asked.readable.iter().chain(harness).chain([&asked.task]) {
        add("--execute", path.as_os_str());
    }
    for path in
        ["/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/sys/devices/system"]
    {
        add("--read", OsStr::new(path));
    }
    for path in &asked.devices {
        add("--write", path.as_os_str());
    }
    // What it makes, it may execute.
    add("--execute", asked.scratch.as_os_str());
    add("--write", asked.scratch.as_os_str());
    for lifted in &asked.lifted {
        add("--lift", lifted);
    }
    words
}
