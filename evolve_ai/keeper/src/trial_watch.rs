//! Watches an evaluation until it ends, or reaches a limit.

use crate::confine::{at, Failure};
use crate::sys::{self, Exit, Watched};
use crate::tree::Usage;
use crate::trial_box::TrialBox;
use crate::trial_words::Asked;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::parent_id;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(50);
/// Looking at what processes share takes long.
const LOOK_CLOSELY: Duration = Duration::from_millis(200);

/// Processes of a box without namespaces that are not the command's.
const WATCHERS: u64 = 2;

/// Why the watching is over.
#[derive(Debug)]
pub enum Over {
    Ended(Exit),
    /// The end, and which limit it was.
    Limit(&'static str, String),
    /// We are told to end, or nobody waits for the outcome.
    Cancelled,
    /// The server answers.
    Answered(String),
}

pub struct Watch<'a> {
    asked: &'a Asked,
    status: &'a File,
    news: &'a File,
    parent: u32,
    /// Processes that are not part of the evaluation: the first one, and a server.
    besides: Vec<i32>,
    looked_closely: Option<Instant>,
    pub memory: u64,
    pub cpu: Duration,
}

impl<'a> Watch<'a> {
    /// `news` reports signals; `status` has no reader any more if nobody waits.
    pub fn over(asked: &'a Asked, status: &'a File, news: &'a File, parent: u32) -> Watch<'a> {
        let (besides, looked_closely) = (vec![1], None);
        let (memory, cpu) = (0, Duration::ZERO);
        Watch { asked, status, news, parent, besides, looked_closely, memory, cpu }
    }

    pub fn besides(mut self, server: i32) -> Watch<'a> {
        self.besides.push(server);
        self
    }

    pub fn until_over(&mut self, trial: &mut TrialBox) -> Result<Over, Failure> {
        let most = &self.asked.most;
        let mut heard_at = trial.began;
        let mut look_at = trial.began + LOOK;
        loop {
            let deadline = (trial.began + most.seconds).min(heard_at + most.silence);
            let left = deadline.min(look_at).saturating_duration_since(Instant::now());
            let mut watched = trial.watched();
            watched.push(Watched::new(self.status, 0));
            watched.push(Watched::new(self.news, sys::POLLIN));
            at("wait", sys::wait(&mut watched, Some(left)))?;
            if watched[watched.len() - 2].is_ready() || self.is_told_to_end() {
                return Ok(Over::Cancelled);
            }
            let before = printed(trial);
            for output in &mut trial.outputs {
                output.read();
            }
            if printed(trial) > before {
                heard_at = Instant::now();
            }
            if let Some(over) = self.judged(trial, &watched, heard_at)? {
                return Ok(over);
            }
            if Instant::now() >= look_at {
                look_at = Instant::now() + LOOK;
                if let Some(over) = self.look(trial) {
                    return Ok(over);
                }
            }
        }
    }

    /// Ends come first: who has ended in time is not late.
    fn judged(
        &self,
        trial: &mut TrialBox,
        watched: &[Watched],
        heard_at: Instant,
    ) -> Result<Option<Over>, Failure> {
        let most = &self.asked.most;
        if printed(trial) > most.output {
            let reason = format!("printed more than {} bytes", most.output);
            return Ok(Some(Over::Limit("output", reason)));
        }
        if let Some(answer) = answer_of(trial) {
            return Ok(Some(Over::Answered(answer)));
        }
        if let Some(over) = trial.news(watched[0].is_ready())? {
            return Ok(Some(over));
        }
        let limit = |name, what: &str, limit: Duration| {
            Ok(Some(Over::Limit(name, format!("{what} {} s", limit.as_secs_f64()))))
        };
        if trial.began.elapsed() >= most.seconds {
            return limit("seconds", "ran longer than", most.seconds);
        }
        if heard_at.elapsed() >= most.silence {
            return limit("silence", "printed nothing for", most.silence);
        }
        Ok(None)
    }

    /// At what all processes use together.
    fn look(&mut self, trial: &TrialBox) -> Option<Over> {
        let most = &self.asked.most;
        let (found, pids) = trial.usage(&self.besides);
        self.cpu = self.cpu.max(found.cpu);
        let watchers = if trial.is_apart() { 0 } else { WATCHERS };
        if found.threads > most.processes + watchers {
            let reason = format!("had more than {} processes and threads", most.processes);
            return Some(Over::Limit("processes", reason));
        }
        if found.cpu > most.cpu {
            let reason = format!("used more than {} s of processors", most.cpu.as_secs_f64());
            return Some(Over::Limit("cpu", reason));
        }
        let memory = self.memory_of(trial, found, &pids);
        self.memory = self.memory.max(memory);
        if memory > most.memory {
            let reason = format!("used more than {} bytes of memory", most.memory);
            return Some(Over::Limit("memory", reason));
        }
        let reason = room_in(trial)?;
        Some(Over::Limit("disk", format!("its scratch folder is full: {reason}")))
    }

    /// Where processes share memory, their sum is too large: it is looked at closely before it
    /// counts.
    fn memory_of(&mut self, trial: &TrialBox, found: Usage, pids: &[i32]) -> u64 {
        let limit = self.asked.most.memory;
        if found.memory <= limit || found.processes < 2 {
            return found.memory;
        }
        if self.looked_closely.is_some_and(|at| at.elapsed() < LOOK_CLOSELY) {
            return limit;
        }
        self.looked_closely = Some(Instant::now());
        trial.place.shared_out(pids).unwrap_or(found.memory)
    }

    fn is_told_to_end(&self) -> bool {
        let (mut told, mut news) = ([0; 128], self.news);
        let mut is_told = parent_id() != self.parent;
        while let Ok(128) = news.read(&mut told) {
            let number = i32::from_ne_bytes([told[0], told[1], told[2], told[3]]);
            is_told |= number != sys::SIGCHLD;
        }
        is_told
    }
}

fn printed(trial: &TrialBox) -> u64 {
    trial.outputs.iter().map(|output| output.total).sum()
}

fn answer_of(trial: &TrialBox) -> Option<String> {
    let server = trial.server.as_ref()?;
    let mut words = [0; 4096];
    server.set_nonblocking(true).ok()?;
    let count = server.recv(&mut words).ok()?;
    Some(String::from_utf8_lossy(&words[..count]).into_owned())
}

/// Why nothing more can be written to its tmpfs; None if there is room, or it has none.
pub fn room_in(trial: &TrialBox) -> Option<String> {
    let found = crate::share::room(&trial.scratch).ok().filter(|_| trial.is_apart())?;
    match found {
        (0, _) => Some("no bytes are left".into()),
        (_, 0) => Some("no more files may be made".into()),
        _ => None,
    }
}
