//! The agent as its genes see it: what it knows, remembers, hears, and may do in a step.
//!
//! A gene looks at the series through the lens (`see`, `view`), votes for the next value
//! (`vote`), and keeps whatever must last until the next step in a named memory. The answer
//! is the weighted mean of the votes; with no vote, the mean of all values so far.

use super::lens::Lens;
use super::rng::Rng;
use super::step::{Errors, Moments, Voice};
use std::collections::BTreeMap;

/// Neighbours an agent can hear, at -3, -1, +1, +3 places from its own.
pub const SLOTS: usize = 4;
const MOST_VOTES: usize = 64;

/// One gene's forecast of the next value, in units of the series.
#[derive(Clone, Debug, PartialEq)]
pub struct Vote {
    pub voter: &'static str,
    pub value: f64,
    pub weight: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub(super) traits: BTreeMap<String, f64>,
    // Remembered from step to step; the state.
    pub(super) history: Vec<f64>,
    pub(super) moments: Moments,
    pub(super) memories: BTreeMap<String, Vec<f64>>,
    pub(super) voices: BTreeMap<String, Voice>,
    pub(super) errors: Errors,
    pub(super) answer: Option<f64>,
    pub(super) sleeps: bool,
    pub(super) rng: Rng,
    // True for one step.
    pub(super) lens: Lens,
    pub(super) votes: Vec<Vote>,
    pub(super) heard: Vec<Option<f64>>,
    pub(super) energy: i64,
    pub(super) speaks: bool,
    pub(super) lie: f64,
    pub(super) gifts: Vec<(usize, i64)>,
    pub(super) reported: Option<f64>,
}

impl Agent {
    /// The genome's 0..1 for this trait (0.5 if it has none), mapped to low..high.
    pub fn trait_in(&self, name: &str, low: f64, high: f64) -> f64 {
        low + (high - low) * self.traits.get(name).copied().unwrap_or(0.5)
    }

    // The series.

    /// How many values this agent has lived through.
    pub fn age(&self) -> u64 {
        self.moments.count
    }

    /// How many values can be seen now.
    pub fn len(&self) -> usize {
        match self.lens.horizon {
            0 => self.history.len(),
            horizon => self.history.len().min(horizon),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// The value `back` steps ago, through the lens; beyond the oldest one, the oldest.
    pub fn see(&self, back: usize) -> f64 {
        let value = |back: usize| {
            let reach = back.min(self.len().saturating_sub(1));
            self.history.len().checked_sub(reach + 1).map_or(0.0, |at| self.history[at])
        };
        let blur = self.lens.blur;
        self.lens.forward(value(back) * (1.0 - blur) + value(back + 1) * blur)
    }

    /// The newest values through the lens, at most `count` of them, oldest first.
    pub fn view(&self, count: usize) -> Vec<f64> {
        (0..count.min(self.len())).rev().map(|back| self.see(back)).collect()
    }

    pub fn lens(&mut self) -> &mut Lens {
        &mut self.lens
    }

    /// The newest value as it is.
    pub fn last(&self) -> f64 {
        self.history.last().copied().unwrap_or(0.0)
    }

    /// Mean of all values so far.
    pub fn mean(&self) -> f64 {
        self.moments.mean
    }

    /// Standard deviation of all values so far.
    pub fn sd(&self) -> f64 {
        self.moments.sd()
    }

    /// Smallest and largest value in memory.
    pub fn range(&self) -> (f64, f64) {
        let least = self.history.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.history.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.is_empty() {
            (0.0, 0.0)
        } else {
            (least, most)
        }
    }

    // Its own record.

    /// Recent mean absolute error of its answers; 0 before the first.
    pub fn error(&self) -> f64 {
        self.errors.own
    }

    /// Recent mean of answer minus truth.
    pub fn bias(&self) -> f64 {
        self.errors.bias
    }

    /// Recent mean absolute error of "no change".
    pub fn persistence_error(&self) -> f64 {
        self.errors.persistence
    }

    /// Recent mean absolute error of a voter's own votes, if it voted before.
    pub fn voter_error(&self, voter: &str) -> Option<f64> {
        self.voices.get(voter).filter(|voice| voice.count > 0).map(|voice| voice.error)
    }

    /// What it answered in the step before.
    pub fn last_answer(&self) -> Option<f64> {
        self.answer
    }

    pub fn energy(&self) -> i64 {
        self.energy
    }

    // Memory.

    /// A named list of numbers that lasts; empty at first.
    pub fn memory(&mut self, name: &str) -> &mut Vec<f64> {
        if !self.memories.contains_key(name) {
            self.memories.insert(name.to_string(), Vec::new());
        }
        self.memories.get_mut(name).expect("inserted above")
    }

    /// A memory as it is now.
    pub fn recall(&self, name: &str) -> &[f64] {
        self.memories.get(name).map_or(&[], Vec::as_slice)
    }

    /// The first number of a memory.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.recall(name).first().copied()
    }

    pub fn keep(&mut self, name: &str, number: f64) {
        let memory = self.memory(name);
        memory.clear();
        memory.push(number);
    }

    // What it may do.

    /// Votes, with weight 1, for a next value as seen through the lens.
    pub fn vote(&mut self, voter: &'static str, seen: f64) {
        self.vote_weighted(voter, seen, 1.0);
    }

    pub fn vote_weighted(&mut self, voter: &'static str, seen: f64, weight: f64) {
        let value = self.lens.backward(seen);
        if value.is_finite() && weight.is_finite() && self.votes.len() < MOST_VOTES {
            self.votes.push(Vote { voter, value, weight });
        }
    }

    /// The votes so far, in units of the series.
    pub fn votes(&mut self) -> &mut Vec<Vote> {
        &mut self.votes
    }

    /// What the votes so far come to: their weighted mean, or the mean of the series.
    pub fn opinion(&self) -> f64 {
        let weight: f64 = self.votes.iter().map(|vote| vote.weight).sum();
        let total: f64 = self.votes.iter().map(|vote| vote.weight * vote.value).sum();
        if weight > 0.0 && (total / weight).is_finite() {
            total / weight
        } else {
            self.mean()
        }
    }

    /// What each neighbour said in this very tick, in units of the series.
    pub fn heard(&self) -> &[Option<f64>] {
        &self.heard
    }

    /// Tells the neighbours the answer of this step, once it is settled.
    pub fn speak(&mut self) {
        self.speaks = true;
    }

    /// What is said will differ from the answer by this much.
    pub fn lie(&mut self, by: f64) {
        self.lie = by;
    }

    /// Gives energy, in thousandths, to the neighbour in this slot; no more than it has.
    pub fn give(&mut self, slot: usize, amount: i64) {
        let given: i64 = self.gifts.iter().map(|(_, amount)| amount).sum();
        let amount = amount.min(self.energy - given);
        if slot < SLOTS && amount > 0 && self.gifts.iter().all(|gift| gift.0 != slot) {
            self.gifts.push((slot, amount));
        }
    }

    /// Its fitness by its own measure, for worlds that have none; higher is better.
    pub fn report(&mut self, fitness: f64) {
        self.reported = Some(fitness).filter(|fitness| fitness.is_finite());
    }

    /// Sleeps through the next tick: no gene runs, none costs, the answer stays the same.
    pub fn rest(&mut self) {
        self.sleeps = true;
    }

    /// Uniform in 0..1, from the agent's own generator.
    pub fn random(&mut self) -> f64 {
        self.rng.unit()
    }

    /// About normal, mean 0, variance 1.
    pub fn random_normal(&mut self) -> f64 {
        self.rng.normal()
    }
}
