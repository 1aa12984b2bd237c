//! Level and slope.

use crate::kernel::Agent;

/// Votes by exponential smoothing of level and slope (Holt 1957).
pub fn holt(agent: &mut Agent) {
    let level_gain = agent.trait_in("holt_level_gain", 0.4, 1.0);
    let slope_gain = agent.trait_in("holt_slope_gain", 0.0, 0.6);
    let value = agent.see(0);
    let (level, slope) = match agent.recall("holt") {
        [level, slope] => (*level, *slope),
        _ => (value, 0.0),
    };
    let smoothed = level + slope + level_gain * (value - level - slope);
    let slope = slope + slope_gain * (smoothed - level - slope);
    *agent.memory("holt") = vec![smoothed, slope];
    agent.vote("holt", smoothed + slope);
}

/// Votes for a step like the last one, lengthened by the change of steps.
pub fn leap(agent: &mut Agent) {
    let boldness = agent.trait_in("leap_boldness", 0.0, 1.0);
    let step = agent.see(0) - agent.see(1);
    let change = step - (agent.see(1) - agent.see(2));
    agent.vote("leap", agent.see(0) + boldness * (step + change));
}

/// Draws the votes so far towards the mean: what is far from it comes back (Galton 1886).
pub fn damp(agent: &mut Agent) {
    let share = agent.trait_in("damp_share", 0.0, 0.5);
    let mean = agent.mean();
    for vote in agent.votes() {
        vote.value += share * (mean - vote.value);
    }
}
