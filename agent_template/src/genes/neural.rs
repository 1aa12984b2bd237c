//! A small network: one hidden layer that learns from what it sees and from memories.
//!
//! Backpropagation: Rumelhart, Hinton, Williams 1986; replay of memories: Lin 1992.

use crate::kernel::Agent;

const INPUTS: usize = 7;
const HIDDEN: usize = 5;
const WEIGHTS: usize = HIDDEN * (INPUTS + 1) + HIDDEN + 1;
const REPLAYS: usize = 6;

/// Measures the scale on which the network works: mean and spread of what is seen.
pub fn features(agent: &mut Agent) {
    let values = agent.view(usize::MAX);
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    *agent.memory("neural.scale") = vec![mean, variance.sqrt().max(1e-9)];
}

/// Learns from the newest value and from a few memories.
pub fn learn(agent: &mut Agent) {
    if agent.len() < INPUTS + 2 {
        return;
    }
    let rate = agent.trait_in("neural_rate", 0.002, 0.08);
    let mut weights = weights(agent);
    for replay in 0..=REPLAYS {
        let choices = (agent.len() - INPUTS) as f64;
        let back = if replay == 0 { 0 } else { (agent.random() * choices) as usize };
        let target = scaled(agent, agent.see(back));
        train(agent, &mut weights, back + 1, target, rate);
    }
    *agent.memory("neural.weights") = weights;
}

/// Votes with what the network answers.
pub fn run(agent: &mut Agent) {
    let weights = weights(agent);
    let (_, output) = forward(agent, &weights, &inputs(agent, 0));
    let [mean, spread] = scale(agent);
    agent.vote("network", mean + spread * output);
}

/// Bends the hidden layer, which is a plain sum without it.
pub fn bend(agent: &mut Agent) {
    agent.keep("neural.bend", 1.0);
}

/// Starts the network anew when its votes have become far worse than no change.
pub fn reset(agent: &mut Agent) {
    let limit = agent.trait_in("neural_patience", 1.0, 4.0) * agent.persistence_error();
    if agent.voter_error("network").is_some_and(|error| error > limit) {
        agent.memory("neural.weights").clear();
    }
}

fn scale(agent: &Agent) -> [f64; 2] {
    match agent.recall("neural.scale") {
        [mean, spread] => [*mean, *spread],
        _ => [0.0, 1.0],
    }
}

fn scaled(agent: &Agent, value: f64) -> f64 {
    let [mean, spread] = scale(agent);
    (value - mean) / spread
}

fn inputs(agent: &Agent, back: usize) -> Vec<f64> {
    (back..back + INPUTS).map(|back| scaled(agent, agent.see(back))).collect()
}

/// The weights so far, or new small ones.
fn weights(agent: &mut Agent) -> Vec<f64> {
    let known = agent.recall("neural.weights");
    if known.len() == WEIGHTS && known.iter().all(|weight| weight.abs() < 1e3) {
        return known.to_vec();
    }
    let fresh: Vec<f64> = (0..WEIGHTS).map(|_| 0.1 * agent.random_normal()).collect();
    *agent.memory("neural.weights") = fresh.clone();
    fresh
}

/// Hidden activities and output; the last weight of each row is its bias.
fn forward(agent: &Agent, weights: &[f64], inputs: &[f64]) -> (Vec<f64>, f64) {
    let bends = agent.number("neural.bend").is_some();
    let (rows, top) = weights.split_at(HIDDEN * (INPUTS + 1));
    let hidden: Vec<f64> = rows
        .chunks(INPUTS + 1)
        .map(|row| row.iter().zip(inputs).map(|(w, x)| w * x).sum::<f64>() + row[INPUTS])
        .map(|sum| if bends { sum.tanh() } else { sum })
        .collect();
    let output = top.iter().zip(&hidden).map(|(w, h)| w * h).sum::<f64>() + top[HIDDEN];
    (hidden, output)
}

/// One step of gradient descent towards the value that followed the inputs at `back`.
fn train(agent: &Agent, weights: &mut [f64], back: usize, target: f64, rate: f64) {
    let bends = agent.number("neural.bend").is_some();
    let inputs = inputs(agent, back);
    let (hidden, output) = forward(agent, weights, &inputs);
    let slope = rate * (output - target).clamp(-2.0, 2.0);
    let (rows, top) = weights.split_at_mut(HIDDEN * (INPUTS + 1));
    for (unit, row) in rows.chunks_mut(INPUTS + 1).enumerate() {
        let bent = if bends { 1.0 - hidden[unit] * hidden[unit] } else { 1.0 };
        let pull = slope * top[unit] * bent;
        for (weight, input) in row.iter_mut().zip(inputs.iter().chain(&[1.0])) {
            *weight -= pull * input;
        }
    }
    for (weight, activity) in top.iter_mut().zip(hidden.iter().chain(&[1.0])) {
        *weight -= slope * activity;
    }
}
