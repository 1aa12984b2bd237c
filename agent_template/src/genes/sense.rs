//! Lenses: how the genes that come later see the series.

use crate::kernel::Agent;

/// See square roots: counts vary with their size, their roots hardly (Bartlett 1936).
pub fn root(agent: &mut Agent) {
    agent.lens().root = true;
}

/// See distances from the mean of what can be seen.
pub fn center(agent: &mut Agent) {
    let values = agent.view(usize::MAX);
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    agent.lens().shift += mean;
}

/// See each value mixed with the one before it: less noise, later news.
pub fn blur(agent: &mut Agent) {
    agent.lens().blur = agent.trait_in("blur_share", 0.0, 0.6);
}
