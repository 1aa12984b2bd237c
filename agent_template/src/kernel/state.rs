//! The state of an agent as bytes: all that it must remember to go on as if never stopped.

use super::agent::Agent;
use super::life::{Life, Lived};
use super::message::Act;
use super::msgpack;
use super::rng::Rng;
use super::step::{Errors, Moments, Voice, LONGEST_HISTORY};
use super::value::Value;

const VERSION: i128 = 1;

/// Answers kept of the last act; more than that (a long replay) come back shortened.
const MOST_ANSWERS: usize = LONGEST_HISTORY;

pub fn save(life: &Life) -> Vec<u8> {
    let lived = life.lived.as_ref().map(|lived| {
        let mut act = lived.act.clone();
        let over = act.answers.len().saturating_sub(MOST_ANSWERS);
        act.answers.drain(..over);
        act.fill(Value::map().with("tick", Value::Int(lived.tick)))
    });
    msgpack::encode(
        &Value::map()
            .with("v", Value::Int(VERSION))
            .with("cycle", life.cycle)
            .with("lived", lived)
            .with("agent", agent_value(&life.agent)),
    )
}

/// Gives a newly begun life its old memories; nothing is changed if they cannot be read.
pub fn restore(life: &mut Life, bytes: &[u8]) -> Result<(), String> {
    let state = msgpack::decode(bytes)?;
    if state.get("v").and_then(Value::as_int) != Some(VERSION) {
        return Err("written by another kernel".to_string());
    }
    let mut agent = life.agent.clone();
    let read = state.get("agent").and_then(|map| read_agent(&mut agent, map));
    let lived = state.get("lived").and_then(read_lived);
    let (Some(()), Some(lived), Some(cycle)) = (read, lived, state.get("cycle")) else {
        return Err("something is missing".to_string());
    };
    life.agent = agent;
    life.lived = lived;
    life.cycle = cycle.as_int().map(|cycle| cycle as i64);
    Ok(())
}

/// What was lived last, if anything was.
fn read_lived(value: &Value) -> Option<Option<Lived>> {
    if *value == Value::Nil {
        return Some(None);
    }
    Some(Some(Lived { tick: value.get("tick")?.as_int()?, act: Act::from_value(value)? }))
}

fn agent_value(agent: &Agent) -> Value {
    let memories =
        agent.memories.iter().map(|(name, memory)| (name.clone(), memory.clone().into()));
    let voices = agent.voices.iter().map(|(name, voice)| {
        let parts: Vec<Value> = vec![voice.last.into(), voice.error.into(), voice.count.into()];
        (name.clone(), Value::Array(parts))
    });
    let (moments, errors) = (&agent.moments, &agent.errors);
    Value::map()
        .with("history", agent.history.clone())
        .with("count", moments.count)
        .with("moments", vec![moments.mean, moments.squares])
        .with("memories", Value::Map(memories.collect()))
        .with("voices", Value::Map(voices.collect()))
        .with("errors", vec![errors.own, errors.bias, errors.persistence])
        .with("scored", errors.count)
        .with("answer", agent.answer)
        .with("sleeps", agent.sleeps)
        .with("rng", agent.rng.state())
}

fn read_agent(agent: &mut Agent, map: &Value) -> Option<()> {
    let count = |key: &str| u64::try_from(map.get(key)?.as_int()?).ok();
    agent.history = floats(map.get("history")?)?;
    let [mean, squares] = floats(map.get("moments")?)?[..] else {
        return None;
    };
    agent.moments = Moments { count: count("count")?, mean, squares };
    let [own, bias, persistence] = floats(map.get("errors")?)?[..] else {
        return None;
    };
    agent.errors = Errors { own, bias, persistence, count: count("scored")? };
    agent.answer = map.get("answer")?.as_f64();
    agent.sleeps = map.get("sleeps")?.as_bool()?;
    agent.rng = Rng::new(count("rng")?);
    let memories = map.get("memories")?.as_map()?.iter();
    agent.memories = memories
        .map(|(name, memory)| Some((name.clone(), floats(memory)?)))
        .collect::<Option<_>>()?;
    let voices = map.get("voices")?.as_map()?.iter();
    agent.voices = voices
        .map(|(name, voice)| Some((name.clone(), read_voice(voice)?)))
        .collect::<Option<_>>()?;
    Some(())
}

fn read_voice(value: &Value) -> Option<Voice> {
    let [last, error, count] = value.as_array()? else {
        return None;
    };
    let count = u64::try_from(count.as_int()?).ok()?;
    Some(Voice { last: last.as_f64(), error: error.as_f64()?, count })
}

fn floats(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}
