//! Energy: saving it, sharing it.

use crate::kernel::Agent;

/// Sleeps through the next tick when the series hardly moves.
pub fn rest(agent: &mut Agent) {
    let calm = agent.trait_in("rest_calm", 0.0, 0.2) * agent.sd();
    if (agent.see(0) - agent.see(1)).abs() < calm && agent.age() > 1 {
        agent.rest();
    }
}

/// Gives from abundance to the neighbours, in turn.
pub fn share(agent: &mut Agent) {
    let abundance = agent.trait_in("share_above", 40_000.0, 120_000.0) as i64;
    let slot = (agent.age() % 4) as usize;
    if agent.energy() > abundance {
        agent.give(slot, 50);
    }
}
