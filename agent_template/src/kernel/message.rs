//! Bodies of frames: what the orchestrator says, and what an agent answers.

use super::frame::LARGEST;
use super::genome::{Genome, PoolFile};
use super::msgpack;
use super::value::Value;

pub struct Message {
    pub epoch: i128,
    pub tick: i128,
    pub order: Order,
}

pub enum Order {
    Hello(Box<Hello>),
    Percept(Percept),
    Ping,
    Stop,
}

pub struct Hello {
    pub id: String,
    pub seed: u64,
    pub genome: Genome,
    pub state: Option<Vec<u8>>,
    pub orphan_seconds: u32,
    pub pool: Vec<PoolFile>,
}

/// What an agent learns in one tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Percept {
    pub cycle: i64,
    pub steps: Vec<f64>,
    pub heard: Vec<Option<f64>>,
    pub energy: i64,
    pub pool: Option<Vec<PoolFile>>,
}

/// What an agent does in one tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Act {
    pub answers: Vec<f64>,
    pub say: Option<f64>,
    pub give: Vec<(usize, i64)>,
    pub rest: bool,
    pub fitness: Option<f64>,
    pub mutated: Option<String>,
}

impl Message {
    pub fn decode(body: &[u8]) -> Result<Message, String> {
        let map = msgpack::decode(body)?;
        let kind = map.get("kind").and_then(Value::as_str).ok_or("a frame has no kind")?;
        if kind != "hello" && body.len() > LARGEST {
            return Err(format!("a {kind} of {} bytes, more than {LARGEST}", body.len()));
        }
        let order = match kind {
            "hello" => Order::Hello(Box::new(hello(&map)?)),
            "percept" => Order::Percept(percept(&map)?),
            "ping" => Order::Ping,
            "stop" => Order::Stop,
            other => return Err(format!("unknown kind {other:?}")),
        };
        let number = |key| int(&map, key);
        Ok(Message { epoch: number("epoch")?, tick: number("tick")?, order })
    }
}

impl Act {
    pub fn to_value(&self) -> Value {
        self.fill(Value::map())
    }

    /// Adds the keys of an act to a map.
    pub fn fill(&self, map: Value) -> Value {
        let give = self.give.iter().map(|(slot, amount)| vec![*slot as i64, *amount]);
        map.with("answers", self.answers.clone())
            .with("say", self.say)
            .with("give", give.collect::<Vec<_>>())
            .with("rest", self.rest)
            .with("fitness", self.fitness)
            .with("mutated", self.mutated.as_deref())
    }

    pub fn from_value(map: &Value) -> Option<Act> {
        let gift = |pair: &Value| match pair.as_array()? {
            [slot, amount] => Some((slot.as_int()? as usize, amount.as_int()? as i64)),
            _ => None,
        };
        let list = |key| map.get(key).and_then(Value::as_array);
        Some(Act {
            answers: list("answers")?.iter().map(Value::as_f64).collect::<Option<_>>()?,
            say: map.get("say")?.as_f64(),
            give: list("give")?.iter().map(gift).collect::<Option<_>>()?,
            rest: map.get("rest")?.as_bool()?,
            fitness: map.get("fitness")?.as_f64(),
            mutated: map.get("mutated")?.as_str().map(str::to_string),
        })
    }
}

fn hello(map: &Value) -> Result<Hello, String> {
    let genome = map.get("genome").and_then(Value::as_bin).ok_or("hello has no genome")?;
    let seed = u64::try_from(int(map, "seed")?).map_err(|_| "seed is not 64-bit")?;
    let orphan_seconds = int(map, "orphan_seconds")?.clamp(1, i128::from(u32::MAX)) as u32;
    Ok(Hello {
        id: map.get("id").and_then(Value::as_str).ok_or("hello has no id")?.to_string(),
        seed,
        genome: Genome::decode(genome).map_err(|why| format!("genome refused: {why}"))?,
        state: map.get("state").and_then(Value::as_bin).map(<[u8]>::to_vec),
        orphan_seconds,
        pool: pool(map.get("pool"))?.unwrap_or_default(),
    })
}

fn percept(map: &Value) -> Result<Percept, String> {
    let steps = map.get("steps").and_then(Value::as_array).ok_or("percept has no steps")?;
    let heard = map.get("heard").and_then(Value::as_array).unwrap_or(&[]);
    let finite = |step: &Value| step.as_f64().filter(|step| step.is_finite());
    Ok(Percept {
        cycle: int(map, "cycle")? as i64,
        steps: steps.iter().map(finite).collect::<Option<_>>().ok_or("a step is no number")?,
        heard: heard.iter().map(finite).collect(),
        energy: int(map, "energy")? as i64,
        pool: pool(map.get("pool"))?,
    })
}

fn pool(value: Option<&Value>) -> Result<Option<Vec<PoolFile>>, String> {
    let Some(value) = value.filter(|value| **value != Value::Nil) else {
        return Ok(None);
    };
    let text = |value: &Value| value.as_str().map(str::to_string);
    let file = |file: &Value| {
        let functions = file.get("functions")?.as_array()?;
        Some(PoolFile {
            path: text(file.get("path")?)?,
            code: text(file.get("code")?)?,
            functions: functions.iter().map(text).collect::<Option<_>>()?,
        })
    };
    let files = value.as_array().ok_or("pool is not an array")?;
    let pool = files.iter().map(file).collect::<Option<Vec<_>>>();
    pool.map(Some).ok_or("a file of the pool lacks a key".to_string())
}

fn int(map: &Value, key: &str) -> Result<i128, String> {
    let number = map.get(key).and_then(Value::as_int);
    number.ok_or_else(|| format!("{key} is missing or no integer"))
}
