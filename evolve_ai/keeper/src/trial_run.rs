//! `$EVOLVE_RUN`: runs the evaluated program in a second, narrower box inside that of its evaluator.
//!
//!     $EVOLVE_RUN [--cost] [--seconds N] [--network] [--read P]… [--write P]… [--] FILE ARG…
//!
//! The program reads its own files (those that may change) and what `--read` names, executes the
//! system's programs, and writes only below `--write`: the evaluator's files, its results and its
//! processes are out of reach. It ends like the program, when all processes of that are gone. Exit
//! codes of its own: 124 after N seconds, 125 it could not be boxed or measured, 126 and 127 as of a
//! shell. With `--cost`, what the program has cost is added to a file that only evaluators can write.

use crate::confine::{at, Confinement, Failure};
use crate::cost::{self, Meter};
use crate::landlock::{self, Ruleset};
use crate::sys::{self, Exit, Found, Watched};
use crate::{descendants, filter, limits, mounts, numbers, process, seccomp, share, trial_program};
use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const TIMED_OUT: i32 = 124;
pub const NOT_BOXED: i32 = 125;
const NOT_EXECUTED: i32 = 126;
const NOT_FOUND: i32 = 127;
const ALWAYS: &[&str] = &["/proc", "/dev/full", "/sys/devices/system"];
const SIGNALS: [i32; 3] = [sys::SIGHUP, sys::SIGINT, sys::SIGTERM];
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Default, PartialEq)]
struct Asked {
    costs: bool,
    seconds: Option<Duration>,
    network: bool,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    command: Vec<OsString>,
}

impl Asked {
    fn from_words(words: &[OsString]) -> Option<Asked> {
        let mut asked = Asked::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--cost") => asked.costs = true,
                Some("--network") => asked.network = true,
                Some("--read") => asked.read.push(words.next()?.into()),
                Some("--write") => asked.write.push(words.next()?.into()),
                Some("--seconds") => {
                    let seconds = words.next()?.to_str()?.parse().ok()?;
                    asked.seconds = Some(Duration::try_from_secs_f64(seconds).ok()?);
                }
                Some("--") => {
                    asked.command.extend(words.by_ref().cloned());
                    break;
                }
                Some(option) if option.starts_with("--") => return None,
                _ => {
                    asked.command.push(word.clone());
                    asked.command.extend(words.by_ref().cloned());
                }
            }
        }
        (!asked.command.is_empty()).then_some(asked)
    }
}

pub fn run(words: &[OsString]) -> ! {
    let Some(asked) = Asked::from_words(words) else {
        eprintln!(
            "usage: $EVOLVE_RUN [--cost] [--seconds N] [--network] [--read P]... [--write P]... \
             [--] FILE ARG..."
        );
        std::process::exit(NOT_BOXED)
    };
    match ran(&asked) {
        Ok(exit) => process::end_as(exit),
        Err(failure) => {
            eprintln!("$EVOLVE_RUN: {failure}");
            let errno = failure.error.raw_os_error();
            std::process::exit(match &*failure.step {
                "execute" if errno == Some(sys::ENOENT) => NOT_FOUND,
                "execute" => NOT_EXECUTED,
                _ => NOT_BOXED,
            })
        }
    }
}

fn ran(asked: &Asked) -> Result<Exit, Failure> {
    at("descriptors", sys::close_on_exec_from(3))?;
    at("watcher", sys::become_subreaper())?;
    let absent =
        || Failure { step: "execute".into(), error: io::Error::from_raw_os_error(sys::ENOENT) };
    let file = trial_program::found(&asked.command[0]).ok_or_else(absent)?;
    let mut meter = if asked.costs { Some(cost::Meter::of_this_box()?) } else { None };
    let confinement = confinement(asked, &file, meter.as_ref());
    let version = at("Landlock", landlock::version_for(&confinement))?;
    let ruleset = at("Landlock", Ruleset::of(&confinement, version))?;
    let news = at("watcher", sys::deaths(&SIGNALS))?;
    let (mut ours, theirs) = at("watcher", UnixStream::pair())?;
    let Some(first) = at("fork", process::divide())? else {
        drop(ours);
        let theirs = File::from(OwnedFd::from(theirs));
        if let Err(failure) = become_it(asked, &file, &ruleset, meter.as_ref(), &theirs) {
            let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
            let _ = (&theirs).write_all(format!("{}\t{errno}", failure.step).as_bytes());
        }
        sys::exit_at_once(NOT_BOXED)
    };
    drop(theirs);
    let begun = begin(&mut ours, first, &mut meter);
    let began = Instant::now();
    let exit = watch(&news, first, began, asked.seconds, &mut meter, begun.is_err());
    let used = begun?;
    let exit = at("watcher", exit)?;
    if let Some(meter) = meter {
        meter.add(began.elapsed(), share::time_of_children().saturating_sub(used))?;
    }
    Ok(exit)
}

/// Lets the child execute the program. Returns the processor time that it has used before.
fn begin(
    child: &mut UnixStream,
    first: i32,
    meter: &mut Option<Meter>,
) -> Result<Duration, Failure> {
    if let Some(meter) = meter {
        meter.begin(first)?;
    }
    at("watcher", child.write_all(&[1]))?;
    let mut words = Vec::new();
    at("watcher", child.read_to_end(&mut words))?;
    let words = String::from_utf8_lossy(&words).into_owned();
    let (used, failure) = words.split_once('\n').unwrap_or(("0", &words));
    if let Some((step, errno)) = failure.rsplit_once('\t') {
        return Err(Failure {
            step: step.to_owned().into(),
            error: io::Error::from_raw_os_error(errno.parse().unwrap_or(sys::EINVAL)),
        });
    }
    Ok(Duration::from_nanos(used.parse().unwrap_or(0)))
}

/// Waits for the end of the program, ends what it has left, and returns when nothing is left.
fn watch(
    news: &File,
    first: i32,
    began: Instant,
    seconds: Option<Duration>,
    meter: &mut Option<Meter>,
    has_failed: bool,
) -> io::Result<Exit> {
    let mut exit = has_failed.then_some(Exit::Code(NOT_BOXED));
    loop {
        if exit.is_some() {
            descendants::end_all();
        }
        let left = seconds.map(|seconds| seconds.saturating_sub(began.elapsed()));
        let mut watched = vec![Watched::new(news, sys::POLLIN)];
        watched.extend(meter.as_ref().and_then(Meter::watched));
        sys::wait(&mut watched, if exit.is_some() { Some(PAUSE) } else { left })?;
        if let Some(meter) = meter {
            meter.read();
        }
        let (mut told, mut source) = ([0; 128], news);
        while let Ok(128) = source.read(&mut told) {
            let number = i32::from_ne_bytes([told[0], told[1], told[2], told[3]]);
            if number != sys::SIGCHLD {
                exit.get_or_insert(Exit::Signal(number));
            }
        }
        if left == Some(Duration::ZERO) {
            exit.get_or_insert(Exit::Code(TIMED_OUT));
        }
        loop {
            match sys::ended_child()? {
                Found::Ended(pid, how) => {
                    if pid == first {
                        exit.get_or_insert(how);
                    }
                    sys::reap(pid);
                }
                Found::AllLive => break,
                Found::NoChild => return Ok(exit.unwrap_or(Exit::Code(NOT_BOXED))),
            }
        }
    }
}

fn become_it(
    asked: &Asked,
    file: &Path,
    ruleset: &Ruleset,
    meter: Option<&Meter>,
    told: &File,
) -> Result<(), Failure> {
    at("child", sys::die_with_parent(true))?;
    at("child", sys::set_signals_back())?;
    let mut byte = [0];
    at("child", (&*told).read_exact(&mut byte))?;
    at("child", sys::start_session())?;
    at("limits", limits::no_core())?;
    let arguments: Vec<CString> =
        asked.command.iter().map(|word| crate::trial_words::text(word)).collect();
    let mut environment = trial_program::environment();
    environment.retain(|one| !one.as_bytes().starts_with(b"EVOLVE_RUN="));
    let (file, arguments) = match meter {
        Some(meter) => meter.around(file, arguments, &mut environment)?,
        None => (file.to_owned(), arguments),
    };
    at("Landlock", ruleset.enter())?;
    if !asked.network {
        let sockets = BTreeMap::from([(numbers::SOCKET, filter::refuse(sys::EPERM))]);
        let program = at("seccomp", seccomp::known(filter::whole(&sockets, &filter::allow())))?;
        at("seccomp", seccomp::install(&program, 0))?;
    }
    let used = share::time_of_this_process();
    let _ = (&*told).write_all(format!("{}\n", used.as_nanos()).as_bytes());
    let error = trial_program::execute(file.as_os_str(), &arguments, &environment);
    Err(Failure { step: "execute".into(), error })
}

fn confinement(asked: &Asked, file: &Path, meter: Option<&Meter>) -> Confinement {
    let listed = |name: &str| -> Vec<PathBuf> {
        let bytes = fs::read(Path::new(mounts::OWN).join(name)).unwrap_or_default();
        let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))).collect()
    };
    let mut executable = listed("readable");
    executable.extend(listed("program").into_iter().map(|path| Path::new(mounts::TASK).join(path)));
    executable.extend(asked.read.iter().cloned());
    executable.push(file.to_owned());
    let mut writable = asked.write.clone();
    writable.extend(meter.and_then(Meter::folder));
    Confinement {
        readable: ALWAYS.iter().map(PathBuf::from).collect(),
        executable,
        writable,
        processes: Some(u64::MAX),
        ..Confinement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Option<Asked> {
        Asked::from_words(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let asked = told(&["--cost", "--read", "/a", "./run", "--cost", "x"]).unwrap();
        assert!(asked.costs);
        assert_eq!(asked.read, [PathBuf::from("/a")]);
        assert_eq!(asked.command, ["./run", "--cost", "x"]);
        assert_eq!(told(&["--", "--odd"]).unwrap().command, ["--odd"]);
    }

    #[test]
    fn what_nobody_understands_is_refused() {
        for words in [&["--cots", "x"][..], &["--read"], &["--cost"], &["--seconds", "x", "y"]] {
            assert_eq!(told(words), None, "{words:?}");
        }
    }
}
