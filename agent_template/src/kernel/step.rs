//! One step of an agent's life: a value is revealed, the genes run, an answer is settled.

use super::agent::{Agent, SLOTS};
use super::lens::Lens;
use super::life::Gene;
use super::rng::Rng;
use std::collections::BTreeMap;

/// Values that an agent can look back on. Fewer than a lap of the default series: who could see
/// the last lap would repeat it by heart instead of learning to forecast.
pub const LONGEST_HISTORY: usize = 200;
/// Bytes of state that all memories together may take; the largest are forgotten first.
const LARGEST_MEMORIES: usize = 48 * 1024;
const MOST_VOICES: usize = 64;
const LONGEST_VOICE: usize = 32;
/// An average over recent steps moves by at least this share of the news.
const RECENT: f64 = 0.05;

/// Running mean and variance (Welford 1962).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    pub count: u64,
    pub mean: f64,
    pub squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
    }

    pub fn sd(&self) -> f64 {
        if self.count < 2 {
            0.0
        } else {
            (self.squares / (self.count - 1) as f64).sqrt()
        }
    }
}

/// How well one voter did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    pub last: Option<f64>,
    pub error: f64,
    pub count: u64,
}

/// How well the agent's answers did, beside "no change".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errors {
    pub own: f64,
    pub bias: f64,
    pub persistence: f64,
    pub count: u64,
}

/// A recent average after the `count`-th number.
fn moved(average: f64, number: f64, count: u64) -> f64 {
    average + (number - average) * RECENT.max(1.0 / count as f64)
}

impl Agent {
    pub fn new(traits: BTreeMap<String, f64>, seed: u64) -> Agent {
        Agent {
            traits,
            history: Vec::new(),
            moments: Moments::default(),
            memories: BTreeMap::new(),
            voices: BTreeMap::new(),
            errors: Errors::default(),
            answer: None,
            sleeps: false,
            rng: Rng::new(seed),
            lens: Lens::default(),
            votes: Vec::new(),
            heard: vec![None; SLOTS],
            energy: 0,
            speaks: false,
            lie: 0.0,
            gifts: Vec::new(),
            reported: None,
        }
    }

    /// Takes in the value that the last answer was meant for.
    pub(super) fn observe(&mut self, value: f64) {
        if let Some(answer) = self.answer {
            let errors = &mut self.errors;
            errors.count += 1;
            errors.own = moved(errors.own, (answer - value).abs(), errors.count);
            errors.bias = moved(errors.bias, answer - value, errors.count);
            if let Some(before) = self.history.last() {
                let change = (value - before).abs();
                errors.persistence = moved(errors.persistence, change, errors.count);
            }
        }
        for voice in self.voices.values_mut() {
            if let Some(vote) = voice.last.take() {
                voice.count += 1;
                voice.error = moved(voice.error, (vote - value).abs(), voice.count);
            }
        }
        self.moments.add(value);
        self.history.push(value);
        let over = self.history.len().saturating_sub(LONGEST_HISTORY);
        self.history.drain(..over);
    }

    /// Runs the genes in their order and settles the answer.
    pub(super) fn think(&mut self, genes: &[Gene]) -> f64 {
        self.lens = Lens::default();
        self.votes.clear();
        self.gifts.clear();
        self.speaks = false;
        self.sleeps = false;
        self.lie = 0.0;
        self.reported = None;
        for gene in genes {
            (gene.run)(self);
        }
        self.register_votes();
        let answer = self.opinion();
        self.answer = Some(answer);
        answer
    }

    /// Answers as before, for an agent asleep.
    pub(super) fn doze(&mut self) -> f64 {
        self.votes.clear();
        self.gifts.clear();
        self.speaks = false;
        let answer = self.answer.unwrap_or(self.moments.mean);
        self.answer = Some(answer);
        answer
    }

    /// What a gene has reported, else the skill of its own recent answers: 0.5 is as good as
    /// "no change", 1 is perfect.
    pub(super) fn fitness(&self) -> Option<f64> {
        if self.reported.is_some() {
            return self.reported;
        }
        let (own, persistence) = (self.errors.own, self.errors.persistence);
        let known = self.errors.count > 0 && own + persistence > 0.0;
        known.then(|| persistence / (own + persistence))
    }

    /// Forgets the largest memories until the rest fits the state.
    pub(super) fn trim(&mut self) {
        let size = |name: &str, memory: &[f64]| name.len() + 9 * memory.len() + 8;
        let sizes = self.memories.iter().map(|(name, memory)| size(name, memory));
        let mut total: usize = sizes.sum();
        while total > LARGEST_MEMORIES {
            let entries = self.memories.iter();
            let largest = entries.max_by_key(|(name, memory)| size(name, memory));
            let Some((name, memory)) = largest else { break };
            total -= size(name, memory);
            let name = name.clone();
            self.memories.remove(&name);
        }
    }

    fn register_votes(&mut self) {
        for vote in &self.votes {
            if let Some(voice) = self.voices.get_mut(vote.voter) {
                voice.last = Some(vote.value);
            } else if self.voices.len() < MOST_VOICES && vote.voter.len() <= LONGEST_VOICE {
                let voice = Voice { last: Some(vote.value), ..Voice::default() };
                self.voices.insert(vote.voter.to_string(), voice);
            }
        }
    }
}
