//! Special functions of the crate `libm`: steps half believed, swings that die away.

use crate::kernel::Agent;
use libm::{erf, j0, tanh};

/// Follows the last step, but hardly believes in one beyond what is usual.
pub fn fading_step(agent: &mut Agent) {
    let trust = agent.trait_in("fading_trust", 0.0, 1.5);
    let spread = agent.sd().max(1e-9);
    let now = agent.see(0);
    let step = (now - agent.see(1)) / spread;
    agent.vote("fading_step", now + trust * spread * erf(step));
}

/// Back to the mean by a damped swing: a Bessel function of how far off it is.
pub fn damped_swing(agent: &mut Agent) {
    let pace = agent.trait_in("swing_pace", 0.2, 4.0);
    let lens = agent.lens().clone();
    let mean = lens.forward(agent.mean());
    let off = agent.see(0) - mean;
    let away = off.abs() / agent.sd().max(1e-9);
    agent.vote("damped_swing", mean + off * j0(pace * away));
}

/// Draws every vote softly to within reach of the newest value.
pub fn soft_limit(agent: &mut Agent) {
    let reach = agent.trait_in("limit_reach", 0.5, 4.0) * agent.sd().max(1e-9);
    let now = agent.see(0);
    for vote in agent.votes().iter_mut() {
        vote.value = now + reach * tanh((vote.value - now) / reach);
    }
}
