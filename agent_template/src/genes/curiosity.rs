//! Chance and doubt.

use crate::kernel::Agent;

/// Votes for the newest value, led astray by a walk of its own.
pub fn wander(agent: &mut Agent) {
    let stride = agent.trait_in("wander_stride", 0.0, 0.5) * agent.sd();
    let astray = 0.9 * agent.number("curiosity.walk").unwrap_or(0.0);
    let astray = astray + stride * agent.random_normal();
    agent.keep("curiosity.walk", astray);
    agent.vote("wander", agent.see(0) + astray);
}

/// Shakes every vote so far.
pub fn jitter(agent: &mut Agent) {
    let size = agent.trait_in("jitter_size", 0.0, 0.6) * agent.sd();
    let shakes: Vec<f64> = (0..agent.votes().len()).map(|_| agent.random_normal()).collect();
    for (vote, shake) in agent.votes().iter_mut().zip(shakes) {
        vote.value += size * shake;
    }
}

/// Votes for the mean, the more the worse its own recent answers were.
pub fn doubt(agent: &mut Agent) {
    let weight = 0.5 * agent.error() / agent.sd().max(1e-9);
    let mean = agent.mean();
    let lens = agent.lens().clone();
    agent.vote_weighted("doubt", lens.forward(mean), weight.min(1.0));
}
