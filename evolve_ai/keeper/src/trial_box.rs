//! The box of an evaluation, from outside: makes it, watches it, ends it.

use crate::capture::{pipe, Capture};
use crate::confine::{at, Failure};
use crate::sys::{self, Exit, Found, Watched};
use crate::tree::{Place, Usage};
use crate::trial_init::{self, Given};
use crate::trial_watch::Over;
use crate::trial_words::Asked;
use crate::{descendants, handover, namespaces, process, trial_plain};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

/// A process that is ended by us has gone by then; what the kernel holds back is not waited for.
const PAUSE: Duration = Duration::from_millis(20);
const GRACE: Duration = Duration::from_millis(200);

pub struct TrialBox {
    first: i32,
    is_gone: bool,
    watcher: UnixStream,
    heard: Vec<u8>,
    pub place: Place,
    /// The list of its processes; None without namespaces.
    proc: Option<File>,
    /// Which limit its own watchers have ended it for.
    excess: Option<String>,
    pub scratch: File,
    pub outputs: [Capture; 2],
    pub server: Option<UnixDatagram>,
    pub began: Instant,
}

impl TrialBox {
    /// Returns once the command is executed. A failure to execute it has the step `execute`.
    pub fn begin(asked: &Asked) -> Result<TrialBox, Failure> {
        if asked.root.is_none() {
            return Self::begin_plain(asked);
        }
        let program = at("program", std::env::current_exe())?;
        let (stdout, outwards) = at("output", pipe())?;
        let (stderr, errwards) = at("output", pipe())?;
        let (watcher, theirs) = at("watcher", UnixStream::pair())?;
        let (server, servers) = match asked.is_warm {
            true => at("server", UnixDatagram::pair()).map(|(a, b)| (Some(a), Some(b)))?,
            false => (None, None),
        };
        let Some(first) = at("namespaces", namespaces::divide(asked.network))? else {
            drop((stdout, stderr, watcher, server));
            let server = servers.map(OwnedFd::from);
            let given = Given { stdout: outwards, stderr: errwards, server };
            trial_init::run(asked, theirs, given, &program)
        };
        drop((outwards, errwards, theirs, servers));
        let made = Self::made(asked, first, watcher, server, [stdout, stderr]);
        if made.is_err() {
            sys::end(first);
            wait_for(first);
        }
        made
    }

    fn made(
        asked: &Asked,
        first: i32,
        mut watcher: UnixStream,
        server: Option<UnixDatagram>,
        [stdout, stderr]: [File; 2],
    ) -> Result<TrialBox, Failure> {
        at("owner", namespaces::name_owner(first))?;
        at("watcher", watcher.write_all(&[trial_init::GO]))?;
        let mut heard = Vec::new();
        let proc = file(&watcher, &mut heard)?;
        let scratch = file(&watcher, &mut heard)?;
        while !heard.contains(&b'\n') {
            hear(&watcher, &mut heard)?;
        }
        let line = take_line(&mut heard).unwrap_or_default();
        if line != "begun" {
            return Err(failure_in(&line));
        }
        let place = Place { proc: format!("/proc/self/fd/{}", proc.as_raw_fd()) };
        let outputs = outputs(asked, [stdout, stderr])?;
        Ok(TrialBox {
            first,
            is_gone: false,
            watcher,
            heard,
            excess: None,
            place,
            proc: Some(proc),
            scratch,
            outputs,
            server,
            began: Instant::now(),
        })
    }

    /// Without namespaces: in a box like that of a build, below two watchers of its own.
    fn begin_plain(asked: &Asked) -> Result<TrialBox, Failure> {
        if asked.is_warm {
            let error = io::Error::other("servers need namespaces");
            return Err(Failure { step: "namespaces".into(), error });
        }
        let scratch = at("scratch", File::open(&asked.scratch))?;
        let (stdout, outwards) = at("output", pipe())?;
        let (stderr, errwards) = at("output", pipe())?;
        let (watcher, theirs) = at("watcher", UnixStream::pair())?;
        let Some(first) = at("fork", process::divide())? else {
            drop((stdout, stderr, watcher));
            let failure = trial_plain::become_box(asked, &theirs, &outwards, &errwards);
            let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
            let _ = writeln!(&theirs, "failed\t{}\t{errno}", failure.step);
            sys::exit_at_once(0)
        };
        drop((outwards, errwards, theirs));
        let mut trial = TrialBox {
            first,
            is_gone: false,
            watcher,
            heard: Vec::new(),
            excess: None,
            place: Place { proc: "/proc".into() },
            proc: None,
            scratch,
            outputs: outputs(asked, [stdout, stderr])?,
            server: None,
            began: Instant::now(),
        };
        while !trial.heard.contains(&b'\n') {
            hear(&trial.watcher, &mut trial.heard)?;
        }
        match take_line(&mut trial.heard) {
            Some(line) if line.starts_with("begun") => Ok(trial),
            line => Err(failure_in(&line.unwrap_or_default())),
        }
    }

    /// Whether it has namespaces of its own.
    pub fn is_apart(&self) -> bool {
        self.proc.is_some()
    }

    /// What to wait for: news of the first process, both outputs, and a server.
    pub fn watched(&self) -> Vec<Watched> {
        let mut watched = vec![Watched::new(&self.watcher, sys::POLLIN)];
        let open = self.outputs.iter().filter(|output| !output.is_over);
        watched.extend(open.map(|output| Watched::new(output, sys::POLLIN)));
        watched.extend(self.server.as_ref().map(|server| Watched::new(server, sys::POLLIN)));
        watched
    }

    /// How the command has ended, if it has. An error when the first process was ended.
    pub fn news(&mut self, is_ready: bool) -> Result<Option<Over>, Failure> {
        if is_ready {
            hear(&self.watcher, &mut self.heard)?;
        }
        while let Some(line) = take_line(&mut self.heard) {
            if let Some(reason) = line.strip_prefix("limit\t") {
                self.excess = Some(reason.to_owned());
                continue;
            }
            if let Some(reason) = self.excess.take() {
                return Ok(Some(Over::Limit("processes", reason)));
            }
            let line = line.strip_prefix("ended\t").unwrap_or(&line);
            let (kind, number) = line.split_once('\t').unwrap_or_default();
            return match (kind, number.parse()) {
                ("exit", Ok(code)) => Ok(Some(Over::Ended(Exit::Code(code)))),
                ("signal", Ok(number)) => Ok(Some(Over::Ended(Exit::Signal(number)))),
                _ => Err(failure_in(line)),
            };
        }
        Ok(None)
    }

    /// Replaces the scratch folder by an empty one.
    pub fn freshen(&mut self) -> Result<(), Failure> {
        at("watcher", self.watcher.write_all(&[trial_init::FRESH]))?;
        self.scratch = file(&self.watcher, &mut self.heard)?;
        Ok(())
    }

    pub fn usage(&self, besides: &[i32]) -> (Usage, Vec<i32>) {
        let mut pids = match self.is_apart() {
            true => self.place.pids(),
            false => descendants::all().iter().map(|one| one.pid).collect(),
        };
        pids.retain(|pid| !besides.contains(pid));
        (self.place.usage(&pids), pids)
    }

    /// Ends all processes. Returns the time that they have used.
    pub fn end(&mut self) -> Duration {
        if !self.is_gone {
            self.is_gone = true;
            if self.is_apart() {
                sys::end(self.first); // our child, and not reaped yet
                wait_for(self.first);
            } else {
                sys::send(self.first, sys::SIGTERM);
                wait_for_all();
            }
        }
        for output in &mut self.outputs {
            while output.read() && output.total < u64::MAX / 2 {}
        }
        crate::share::time_of_children()
    }
}

impl Drop for TrialBox {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process of namespaces ends when all others there have.
fn wait_for(pid: i32) {
    loop {
        match sys::ended_child() {
            Ok(Found::Ended(found, _)) => {
                sys::reap(found);
                if found == pid {
                    return;
                }
            }
            Ok(Found::AllLive) => std::thread::sleep(PAUSE / 20),
            _ => return,
        }
    }
}

/// The watchers below us end all their processes when they are told to; what they cannot end in
/// time, we do.
fn wait_for_all() {
    let since = Instant::now();
    loop {
        match sys::ended_child() {
            Ok(Found::Ended(found, _)) => sys::reap(found),
            Ok(Found::AllLive) => {
                if since.elapsed() > GRACE {
                    descendants::end_all();
                }
                std::thread::sleep(PAUSE / 20);
            }
            _ => return,
        }
    }
}

fn outputs(asked: &Asked, [stdout, stderr]: [File; 2]) -> Result<[Capture; 2], Failure> {
    let of = |file| at("output", Capture::of(file, asked.kept));
    Ok([of(stdout)?, of(stderr)?])
}

/// The next file that the first process hands over.
fn file(watcher: &UnixStream, heard: &mut Vec<u8>) -> Result<File, Failure> {
    loop {
        let mut piece = [0; 512];
        let (count, file) = at("watcher", handover::receive(watcher, &mut piece))?;
        if let Some(file) = file {
            return Ok(file);
        }
        heard.extend_from_slice(&piece[..count]);
        if let Some(line) = take_line(heard) {
            return Err(failure_in(&line));
        }
        if count == 0 {
            return Err(failure_in(""));
        }
    }
}

fn hear(watcher: &UnixStream, heard: &mut Vec<u8>) -> Result<(), Failure> {
    let mut piece = [0; 512];
    match at("watcher", (&mut &*watcher).read(&mut piece))? {
        0 => Err(failure_in("")),
        count => {
            heard.extend_from_slice(&piece[..count]);
            Ok(())
        }
    }
}

fn take_line(heard: &mut Vec<u8>) -> Option<String> {
    let end = heard.iter().position(|&byte| byte == b'\n')?;
    let line: Vec<u8> = heard.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line[..end]).into_owned())
}

/// `failed` STEP ERRNO; anything else means that the first process was ended from outside.
fn failure_in(line: &str) -> Failure {
    let words: Vec<&str> = line.split('\t').collect();
    match words[..] {
        ["failed", told] => {
            // Of a box without namespaces: the step, and the error in words.
            let (step, error) = told.split_once(": ").unwrap_or((told, "failed"));
            let error = match error.contains("(os error 2)") {
                true => io::Error::from_raw_os_error(sys::ENOENT),
                false => io::Error::other(error.to_owned()),
            };
            Failure { step: step.to_owned().into(), error }
        }
        ["failed", step, errno] => Failure {
            step: step.to_owned().into(),
            error: io::Error::from_raw_os_error(errno.parse().unwrap_or(sys::EINVAL)),
        },
        _ => Failure {
            step: "the first process of the box".into(),
            error: io::Error::other("was ended from outside"),
        },
    }
}
