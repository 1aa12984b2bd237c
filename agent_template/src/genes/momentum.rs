//! Motion: where the series is and which way it goes.

use crate::kernel::Agent;

/// Votes for no change, the forecast that all others are measured by.
pub fn inertia(agent: &mut Agent) {
    agent.vote("inertia", agent.see(0));
}

/// Votes for going on as in the last step, by a share of it.
pub fn push(agent: &mut Agent) {
    let share = agent.trait_in("push_share", 0.0, 1.5);
    let now = agent.see(0);
    agent.vote("push", now + share * (now - agent.see(1)));
}

/// Draws the votes so far back towards the newest value.
pub fn brake(agent: &mut Agent) {
    let grip = agent.trait_in("brake_grip", 0.0, 1.0);
    let last = agent.last();
    for vote in agent.votes() {
        vote.value += grip * (last - vote.value);
    }
}

/// Votes for a turn after a run of rises or falls.
pub fn swing(agent: &mut Agent) {
    let patience = agent.trait_in("swing_patience", 1.0, 8.0) as usize;
    let step = agent.see(0) - agent.see(1);
    let same_way = |back: &usize| (agent.see(*back) - agent.see(back + 1)) * step > 0.0;
    if step != 0.0 && (0..patience).all(|back| same_way(&back)) {
        agent.vote("swing", agent.see(0) - 0.5 * step);
    }
}
