//! The past as it was: values, averages and likenesses.

use crate::kernel::Agent;

const NEAREST: usize = 3;

/// Votes for the middle between now and so many steps ago.
pub fn remember(agent: &mut Agent) {
    let depth = agent.trait_in("memory_depth", 0.0, 5.0) as usize;
    agent.vote("remember", (agent.see(0) + agent.see(depth)) / 2.0);
}

/// Votes for a move from now towards the mean of the newest values.
pub fn average(agent: &mut Agent) {
    let span = agent.trait_in("average_span", 2.0, 20.0) as usize;
    let values = agent.view(span);
    let pull = agent.trait_in("average_pull", 0.0, 1.0);
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let now = agent.see(0);
    agent.vote("average", now + pull * (mean - now));
}

/// Votes for what followed when the past looked most like now (Lorenz 1969).
pub fn analog(agent: &mut Agent) {
    let width = agent.trait_in("analog_width", 2.0, 9.0) as usize;
    let values = agent.view(usize::MAX);
    if values.len() < 2 * width + NEAREST {
        return;
    }
    let now = &values[values.len() - width..];
    let mut likes: Vec<(f64, f64)> = (width..values.len())
        .map(|next| {
            let then = &values[next - width..next];
            let apart = then.iter().zip(now).map(|(a, b)| (a - b) * (a - b)).sum();
            (apart, values[next])
        })
        .collect();
    likes.sort_by(|one, other| one.0.total_cmp(&other.0));
    let followed = likes[..NEAREST].iter().map(|like| like.1).sum::<f64>();
    agent.vote("analog", followed / NEAREST as f64);
}

/// Hides all but the newest values from the genes that come later.
pub fn forget(agent: &mut Agent) {
    agent.lens().horizon = agent.trait_in("forget_horizon", 6.0, 240.0) as usize;
}
