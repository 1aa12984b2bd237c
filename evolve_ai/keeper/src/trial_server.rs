//! Runs evaluations one after the other in the box of a server that forks for each of them
//! (evolve_ai/runners/server.py). At a limit the whole box is ended, and with it this process.
//!
//! A request comes on the control descriptor: u32 (little endian), then so many bytes: words, each
//! followed by a NUL. The server gets a descriptor for each output, then the words; it answers
//! `ended STATUS CPU_MICROSECONDS MEMORY`, and first of all `ready PID` or `unfit REASON`.

use crate::capture::{pipe, Capture};
use crate::confine::{at, Failure};
use crate::handover;
use crate::sys::{self, Exit, Watched};
use crate::trial::outcome_of;
use crate::trial_box::TrialBox;
use crate::trial_report::Outcome;
use crate::trial_watch::{Over, Watch};
use crate::trial_words::Asked;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::time::{Duration, Instant};

const MOST_WORDS: usize = 1 << 16;
/// For orphans to be reaped before they count as left behind.
const PATIENCE: Duration = Duration::from_millis(5);

pub fn serve(asked: &Asked, status: &mut File, news: &File, parent: u32) -> Result<(), Failure> {
    let control = asked.control.ok_or(()).or(at("usage", Err(io::ErrorKind::NotFound.into())))?;
    // SAFETY: the process that started us gave it to us, and nothing else here owns it.
    let mut control = unsafe { File::from_raw_fd(control) };
    let mut trial = TrialBox::begin(asked)?;
    let reader = at("status", status.try_clone())?;
    let over = Watch::over(asked, &reader, news, parent).until_over(&mut trial)?;
    let server = match ready(over) {
        Ok(pid) => pid,
        Err(reason) => {
            trial.end();
            let last = String::from_utf8_lossy(&trial.outputs[1].told()).into_owned();
            let last = last.lines().last().unwrap_or_default().to_owned();
            let told = format!("unfit\t{reason}: {last}").replace('\n', " ");
            return at("status", writeln!(status, "{told}"));
        }
    };
    trial.freshen()?;
    at("status", writeln!(status, "ready"))?;
    while let Some(words) = request(&mut control, &mut trial, &reader, news)? {
        let mut watch = Watch::over(asked, &reader, news, parent).besides(server);
        let (mut outcome, left) = one(asked, &mut trial, &mut watch, &words, server)?;
        outcome.stays = !left;
        at("status", outcome.tell(status))?;
        if left {
            break;
        }
        trial.freshen()?;
    }
    Ok(())
}

fn ready(over: Over) -> Result<i32, String> {
    match over {
        Over::Answered(answer) => match answer.split_once(' ') {
            Some(("ready", pid)) => pid.parse().map_err(|_| answer),
            Some(("unfit", reason)) => Err(reason.to_owned()),
            _ => Err(answer),
        },
        Over::Limit(_, reason) => Err(reason),
        Over::Ended(exit) => Err(format!("it ended: {exit:?}")),
        Over::Cancelled => Err("cancelled".into()),
    }
}

/// The words of the next request; None when there will be none, or the server has ended.
fn request(
    control: &mut File,
    trial: &mut TrialBox,
    status: &File,
    news: &File,
) -> Result<Option<Vec<u8>>, Failure> {
    let mut watched = vec![
        Watched::new(control, sys::POLLIN),
        Watched::new(status, 0),
        Watched::new(news, sys::POLLIN),
    ];
    watched.extend(trial.watched());
    loop {
        at("wait", sys::wait(&mut watched, None))?;
        if watched[0].is_readable() {
            break;
        }
        // The end of a child of ours is the end of the box.
        if watched[..4].iter().any(Watched::is_ready) {
            return Ok(None);
        }
        watched.truncate(4);
    }
    let mut length = [0; 4];
    at("control", control.read_exact(&mut length))?;
    let mut words = vec![0; (u32::from_le_bytes(length) as usize).min(MOST_WORDS)];
    at("control", control.read_exact(&mut words))?;
    Ok(Some(words))
}

/// The outcome of one evaluation, and whether the box must be left.
fn one(
    asked: &Asked,
    trial: &mut TrialBox,
    watch: &mut Watch,
    words: &[u8],
    server: i32,
) -> Result<(Outcome, bool), Failure> {
    at("server", hand_over(asked, trial, words))?;
    trial.began = Instant::now();
    let over = watch.until_over(trial)?;
    let wall = trial.began.elapsed();
    let Over::Answered(answer) = over else {
        trial.end();
        let over = match over {
            Over::Ended(_) => {
                let reason = "the server ended".into();
                return Ok((Outcome { end: "machine", reason, ..Outcome::default() }, true));
            }
            other => other,
        };
        let (cpu, memory) = (watch.cpu, watch.memory);
        return Ok((Outcome { wall, cpu, memory, ..outcome_of(asked, trial, over) }, true));
    };
    let numbers: Vec<i64> = answer.split(' ').skip(1).filter_map(|n| n.parse().ok()).collect();
    let &[status, cpu, memory] = &numbers[..] else {
        let reason = format!("the server answered: {answer}");
        return Ok((Outcome { end: "machine", reason, ..Outcome::default() }, true));
    };
    let left = leaves_something(trial, server);
    if left {
        trial.end();
    }
    for output in &mut trial.outputs {
        while output.read() {}
    }
    let exit = match status {
        0.. => Exit::Code(status as i32),
        _ => Exit::Signal(-status as i32),
    };
    let cpu = Duration::from_micros(cpu.max(0) as u64).max(watch.cpu);
    let memory = watch.memory.max(memory.max(0) as u64);
    Ok((Outcome { wall, cpu, memory, ..outcome_of(asked, trial, Over::Ended(exit)) }, left))
}

fn hand_over(asked: &Asked, trial: &mut TrialBox, words: &[u8]) -> io::Result<()> {
    let (stdout, outwards) = pipe()?;
    let (stderr, errwards) = pipe()?;
    trial.outputs = [Capture::of(stdout, asked.kept)?, Capture::of(stderr, asked.kept)?];
    let server = trial.server.as_ref().ok_or(io::ErrorKind::NotConnected)?;
    handover::send(server, &outwards)?;
    handover::send(server, &errwards)?;
    server.send(words).map(drop)
}

/// Processes that are not ended, or a port that the kernel keeps back for a minute: later
/// evaluations must not see them.
fn leaves_something(trial: &TrialBox, server: i32) -> bool {
    let since = Instant::now();
    loop {
        let mut pids = trial.place.pids();
        pids.retain(|&pid| pid != 1 && pid != server);
        if pids.is_empty() {
            break;
        }
        let is_alive = pids.iter().any(|&pid| !trial.place.is_dead(pid));
        if is_alive || since.elapsed() > PATIENCE {
            return true;
        }
        std::thread::sleep(PATIENCE / 50);
    }
    let sockets = fs::read_to_string(format!("{}/1/net/sockstat", trial.place.proc));
    let words: Vec<String> =
        sockets.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    words.windows(2).any(|pair| pair[0] == "tw" && pair[1] != "0")
}
