//! What comes back: a period, found or inherited.

use crate::kernel::Agent;

const SHORTEST: usize = 4;
const LONGEST: usize = 40;
const SPAN: usize = 240;
/// The period is searched once in so many steps.
const PAUSE: u64 = 8;

/// Votes for the value one period ago.
pub fn echo(agent: &mut Agent) {
    let lag = period(agent);
    agent.vote("echo", agent.see(lag - 1));
}

/// Finds the period: the highest peak of the autocorrelation.
pub fn tune(agent: &mut Agent) {
    if agent.age().rem_euclid(PAUSE) != 0 {
        return;
    }
    let values = agent.view(SPAN);
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let likeness = |lag: usize| {
        let pairs = values.iter().zip(values.iter().skip(lag));
        let sum: f64 = pairs.map(|(a, b)| (a - mean) * (b - mean)).sum();
        sum / values.len().saturating_sub(lag).max(1) as f64
    };
    let longest = LONGEST.min(values.len() / 2);
    let curve: Vec<f64> = (SHORTEST - 1..=longest + 1).map(likeness).collect();
    let peaks = (1..curve.len().saturating_sub(1))
        .filter(|at| curve[*at] >= curve[at - 1] && curve[*at] >= curve[at + 1]);
    if let Some(peak) = peaks.max_by(|one, other| curve[*one].total_cmp(&curve[*other])) {
        agent.keep("seasonality.period", (SHORTEST - 1 + peak) as f64);
    }
}

/// Votes for the change that followed one period ago.
pub fn phase(agent: &mut Agent) {
    let lag = period(agent);
    agent.vote("phase", agent.see(0) + agent.see(lag - 1) - agent.see(lag));
}

/// Votes for the middle between now and the opposite of half a period ago.
pub fn mirror(agent: &mut Agent) {
    let share = agent.trait_in("mirror_share", 0.0, 1.0);
    let half = period(agent).div_ceil(2);
    let values = agent.view(SPAN);
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let opposite = mean - share * (agent.see(half - 1) - mean);
    agent.vote("mirror", (agent.see(0) + opposite) / 2.0);
}

/// The period in steps: as found by `tune`, else as the genome has it.
fn period(agent: &Agent) -> usize {
    let inherited = agent.trait_in("echo_lag", 2.0, 40.0);
    agent.number("seasonality.period").unwrap_or(inherited).max(2.0) as usize
}
