//! Votes that cannot be right, made right.

use crate::kernel::Agent;

/// Keeps votes within what was ever seen.
pub fn clip(agent: &mut Agent) {
    let (least, most) = agent.range();
    for vote in agent.votes() {
        vote.value = vote.value.clamp(least, most);
    }
}

/// Takes the error that its answers had in common out of the votes.
pub fn debias(agent: &mut Agent) {
    let bias = agent.bias();
    for vote in agent.votes() {
        vote.value -= bias;
    }
}

/// Drops votes that are far from the newest value.
pub fn sanity(agent: &mut Agent) {
    let far = agent.trait_in("sanity_reach", 0.3, 3.0) * agent.sd();
    let last = agent.last();
    agent.votes().retain(|vote| (vote.value - last).abs() <= far);
}
