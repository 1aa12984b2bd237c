//! A linear forecast from the newest values, fitted as they come.
//!
//! Recursive least squares: Haykin, "Adaptive Filter Theory", chapter on the RLS algorithm.

use crate::kernel::Agent;

const FEW_LAGS: usize = 2;
/// Start of the inverse correlation: large, so that the first values decide.
const DOUBT: f64 = 1000.0;
const TOO_LARGE: f64 = 1e12;

/// Learns the weights of `predict` from the newest value.
pub fn fit(agent: &mut Agent) {
    let lags = lags(agent);
    let keep = agent.number("linear.keep").unwrap_or(1.0);
    let mut weights = weights(agent, lags);
    let mut inverse = std::mem::take(agent.memory("linear.inverse"));
    let size = lags + 1;
    let sound = inverse.iter().all(|entry| entry.abs() < TOO_LARGE);
    if inverse.len() != size * size || !sound {
        inverse =
            (0..size * size).map(|at| if at % (size + 1) == 0 { DOUBT } else { 0.0 }).collect();
    }
    if agent.len() > lags {
        let inputs = inputs(agent, lags, 1);
        let surprise = agent.see(0) - dot(&weights, &inputs);
        let gain = absorb(&mut inverse, &inputs, keep);
        for (weight, gain) in weights.iter_mut().zip(&gain) {
            *weight += gain * surprise;
        }
    }
    *agent.memory("linear.weights") = weights;
    *agent.memory("linear.inverse") = inverse;
}

/// Votes with the weights; what `fit` never taught them, they do not know.
pub fn predict(agent: &mut Agent) {
    let lags = lags(agent);
    let forecast = dot(&weights(agent, lags), &inputs(agent, lags, 0));
    agent.vote("predict", forecast);
}

/// Lets `fit` and `predict` look further back.
pub fn deepen(agent: &mut Agent) {
    let lags = agent.trait_in("linear_lags", 3.0, 13.0).floor();
    agent.keep("linear.lags", lags);
}

/// Lets `fit` forget, step by step.
pub fn fade(agent: &mut Agent) {
    let keep = agent.trait_in("linear_keep", 0.9, 1.0);
    agent.keep("linear.keep", keep);
}

fn lags(agent: &Agent) -> usize {
    agent.number("linear.lags").map_or(FEW_LAGS, |lags| lags as usize)
}

fn weights(agent: &Agent, lags: usize) -> Vec<f64> {
    let known = agent.recall("linear.weights");
    let usable = known.len() == lags + 1 && known.iter().all(|weight| weight.is_finite());
    if usable {
        known.to_vec()
    } else {
        vec![0.0; lags + 1]
    }
}

/// One, then the values from `back` steps ago backwards.
fn inputs(agent: &Agent, lags: usize, back: usize) -> Vec<f64> {
    let values = (back..back + lags).map(|back| agent.see(back));
    [1.0].into_iter().chain(values).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// Takes the inputs into the inverse correlation and returns the gain.
fn absorb(inverse: &mut [f64], inputs: &[f64], keep: f64) -> Vec<f64> {
    let size = inputs.len();
    let seen: Vec<f64> = inverse.chunks(size).map(|row| dot(row, inputs)).collect();
    let scale = keep + dot(&seen, inputs);
    let gain: Vec<f64> = seen.iter().map(|part| part / scale).collect();
    for (row, entries) in inverse.chunks_mut(size).enumerate() {
        for (column, entry) in entries.iter_mut().enumerate() {
            *entry = (*entry - gain[row] * seen[column]) / keep;
        }
    }
    gain
}
