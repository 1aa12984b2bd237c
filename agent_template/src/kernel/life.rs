//! A life: an agent, what it lived last, and when it may change its own genome.
//!
//! Nothing here knows of pipes, so that a life can be led in a test or a simulation.

use super::agent::{Agent, SLOTS};
use super::genome::{Genome, PoolFile};
use super::message::{Act, Percept};
use super::mutation;
use super::rng::Rng;
use super::state;

/// A function that the wiring calls in each step.
#[derive(Clone, Copy)]
pub struct Gene {
    pub name: &'static str,
    pub run: fn(&mut Agent),
}

pub(super) struct Lived {
    pub tick: i128,
    pub act: Act,
}

pub struct Life {
    genes: Vec<Gene>,
    seed: u64,
    pub pool: Vec<PoolFile>,
    pub(super) agent: Agent,
    pub(super) lived: Option<Lived>,
    pub(super) cycle: Option<i64>,
}

impl Life {
    pub fn new(genes: &[Gene], genome: &Genome, seed: u64, pool: Vec<PoolFile>) -> Life {
        let agent = Agent::new(genome.traits(), seed);
        Life { genes: genes.to_vec(), seed, pool, agent, lived: None, cycle: None }
    }

    pub fn save(&self) -> Vec<u8> {
        state::save(self)
    }

    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        state::restore(self, bytes)
    }

    /// The act for a tick; for the tick that was lived last, the same act again.
    ///
    /// `mutate` is called when the agent is due to change its genome: it does so by the draws
    /// it is given and returns the operator.
    pub fn tick(
        &mut self,
        tick: i128,
        percept: &Percept,
        mutate: impl FnOnce(&mut Rng, &[PoolFile]) -> Option<&'static str>,
    ) -> Act {
        if let Some(lived) = self.lived.as_ref().filter(|lived| lived.tick == tick) {
            return lived.act.clone();
        }
        let mutated = self.due(percept.cycle).and_then(|mut rng| mutate(&mut rng, &self.pool));
        let mut act = self.live(percept);
        act.mutated = mutated.map(str::to_string);
        self.lived = Some(Lived { tick, act: act.clone() });
        act
    }

    /// The draws for a mutation, if this cycle is new and its lot says so.
    fn due(&mut self, cycle: i64) -> Option<Rng> {
        let before = self.cycle.replace(cycle)?;
        self.cycle = Some(cycle.max(before));
        if cycle <= before {
            return None;
        }
        let mut rng = Rng::keyed(self.seed, mutation::PURPOSE, cycle as u64);
        let probability = 0.1 * self.agent.trait_in("mutation_rate", 0.0, 1.0);
        rng.chance(probability).then_some(rng)
    }

    fn live(&mut self, percept: &Percept) -> Act {
        let rest = std::mem::take(&mut self.agent.sleeps);
        self.agent.energy = percept.energy;
        self.agent.heard = vec![None; SLOTS];
        let newest = percept.steps.len().saturating_sub(1);
        let mut answers = Vec::with_capacity(newest + 1);
        for at in 0..=newest {
            if at == newest {
                self.hear(&percept.heard);
            }
            if let Some(value) = percept.steps.get(at) {
                self.agent.observe(*value);
            }
            let agent = &mut self.agent;
            answers.push(if rest { agent.doze() } else { agent.think(&self.genes) });
        }
        self.agent.trim();
        self.act(answers, rest)
    }

    fn hear(&mut self, heard: &[Option<f64>]) {
        for (slot, said) in self.agent.heard.iter_mut().zip(heard) {
            *slot = *said;
        }
    }

    fn act(&self, answers: Vec<f64>, rest: bool) -> Act {
        let agent = &self.agent;
        let said = answers.last().map(|answer| answer + agent.lie);
        Act {
            say: said.filter(|said| agent.speaks && said.is_finite()),
            give: agent.gifts.clone(),
            fitness: agent.fitness(),
            mutated: None,
            answers,
            rest,
        }
    }
}
