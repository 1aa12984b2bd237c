//! From many votes to one answer.

use crate::kernel::Agent;

/// Weighs each vote by how well its voter did of late (Bates and Granger 1969).
pub fn settle(agent: &mut Agent) {
    let sharpness = agent.trait_in("settle_sharpness", 1.0, 6.0);
    let errors: Vec<Option<f64>> =
        agent.votes().clone().iter().map(|vote| agent.voter_error(vote.voter)).collect();
    let floor = 0.01 * agent.sd() + 1e-9;
    for (vote, error) in agent.votes().iter_mut().zip(errors) {
        if let Some(error) = error {
            vote.weight *= (floor / error.max(floor)).powf(sharpness);
        }
    }
}

/// Answers the middle one of the votes.
pub fn median(agent: &mut Agent) {
    let mut values: Vec<f64> = agent.votes().iter().map(|vote| vote.value).collect();
    if values.is_empty() {
        return;
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    for vote in agent.votes() {
        vote.value = (low + high) / 2.0;
    }
}

/// Mixes the answer before into every vote: calm, and late.
pub fn blend(agent: &mut Agent) {
    let share = agent.trait_in("blend_share", 0.0, 0.4);
    let Some(before) = agent.last_answer() else {
        return;
    };
    for vote in agent.votes() {
        vote.value += share * (before - vote.value);
    }
}
