//! Neighbours: hearing, believing, telling, thanking.

use crate::kernel::Agent;

/// A new neighbour is believed after about so many good forecasts.
const NEWS: f64 = 0.2;
const SILENT: f64 = f64::MAX;

/// Learns how far each neighbour's words were from the truth.
pub fn trust(agent: &mut Agent) {
    let truth = agent.last();
    let said = agent.recall("social.said").to_vec();
    let mut errors = agent.recall("social.errors").to_vec();
    errors.resize(agent.heard().len(), SILENT);
    for (error, said) in errors.iter_mut().zip(said) {
        let off = (said - truth).abs();
        if off < SILENT {
            *error = if *error < SILENT { *error + NEWS * (off - *error) } else { off };
        }
    }
    let words = agent.heard().iter().map(|said| said.unwrap_or(SILENT)).collect();
    *agent.memory("social.errors") = errors;
    *agent.memory("social.said") = words;
}

/// Votes for what the neighbours say; by their errors where `trust` knows them.
pub fn listen(agent: &mut Agent) {
    let attention = agent.trait_in("listen_attention", 0.2, 4.0);
    let (mut total, mut sum) = (0.0, 0.0);
    for (slot, said) in agent.heard().iter().enumerate() {
        let error = agent.recall("social.errors").get(slot).copied().unwrap_or(1.0);
        let weight = if error < SILENT { 1.0 / (error * error + 1e-6) } else { 1e-9 };
        if let Some(said) = said {
            total += weight;
            sum += weight * said;
        }
    }
    if total > 0.0 {
        let lens = agent.lens().clone();
        agent.vote_weighted("listen", lens.forward(sum / total), attention);
    }
}

/// Drops its own votes for the words of a neighbour that is trusted more than itself.
pub fn imitate(agent: &mut Agent) {
    let errors = agent.recall("social.errors").to_vec();
    let spoken =
        agent.heard().iter().zip(errors).filter_map(|(said, error)| Some(((*said)?, error)));
    let best = spoken.min_by(|one, other| one.1.total_cmp(&other.1));
    let Some((said, _)) = best.filter(|(_, error)| *error < agent.error()) else {
        return;
    };
    let lens = agent.lens().clone();
    agent.votes().clear();
    agent.vote("imitate", lens.forward(said));
}

/// Tells the neighbours its final answer.
pub fn speak(agent: &mut Agent) {
    agent.speak();
}

/// Bends what is told away from the answer.
pub fn mislead(agent: &mut Agent) {
    let by = agent.trait_in("mislead_by", -1.0, 1.0) * agent.sd();
    agent.lie(by);
}

/// Gives a little energy to the neighbour whose words were best.
pub fn thank(agent: &mut Agent) {
    let gift = agent.trait_in("thank_gift", 1.0, 60.0) as i64;
    let errors = agent.recall("social.errors").to_vec();
    let best = errors.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1));
    if let Some((slot, error)) = best {
        if *error < agent.error() {
            agent.give(slot, gift);
        }
    }
}
