//! What the tests share: the genes of the wiring, random lives, a world to live in.
#![allow(dead_code)]

use agent::kernel::genome::Genome;
use agent::kernel::life::Life;
use agent::kernel::message::{Act, Percept};
use agent::kernel::msgpack::encode;
use agent::kernel::rng::Rng;
use agent::kernel::value::Value;
use agent::kernel::Gene;

mod wiring {
    include!("../../src/main.rs");

    pub fn genes() -> &'static [Gene] {
        GENES
    }
}

pub const ID: &str = "3f2b8c1e-9d4a-4c77-8a61-0e5f7b2d9c10";

pub fn genes() -> &'static [Gene] {
    wiring::genes()
}

/// A genome without files, whose traits are what `traits` says.
pub fn genome(traits: &[(&str, f64)]) -> Genome {
    let pairs = traits.iter().map(|(name, value)| (name.to_string(), Value::Float(*value)));
    Genome::decode(&encode(&genome_value(Value::Map(pairs.collect())))).expect("a valid genome")
}

pub fn genome_value(traits: Value) -> Value {
    Value::map()
        .with("v", 1i64)
        .with("id", ID)
        .with("generation", 0i64)
        .with("parents", Vec::<Value>::new())
        .with("files", Vec::<Value>::new())
        .with("traits", traits)
}

/// Some genes in some order, each active with this probability.
pub fn random_wiring(rng: &mut Rng, active: f64) -> Vec<Gene> {
    let mut wiring: Vec<Gene> = genes().iter().filter(|_| rng.chance(active)).copied().collect();
    for last in (1..wiring.len()).rev() {
        wiring.swap(last, rng.below(last + 1));
    }
    wiring
}

pub fn random_traits(rng: &mut Rng) -> Genome {
    let sources = [
        include_str!("../../src/genes/curiosity.rs"),
        include_str!("../../src/genes/express.rs"),
        include_str!("../../src/genes/linear.rs"),
        include_str!("../../src/genes/memory.rs"),
        include_str!("../../src/genes/metabolism.rs"),
        include_str!("../../src/genes/momentum.rs"),
        include_str!("../../src/genes/neural.rs"),
        include_str!("../../src/genes/repair.rs"),
        include_str!("../../src/genes/seasonality.rs"),
        include_str!("../../src/genes/sense.rs"),
        include_str!("../../src/genes/social.rs"),
        include_str!("../../src/genes/trend.rs"),
    ];
    let names = sources.iter().flat_map(|source| source.split("trait_in(\"").skip(1));
    let names: Vec<&str> = names.filter_map(|rest| rest.split('"').next()).collect();
    let traits: Vec<(&str, f64)> = names.iter().map(|name| (*name, rng.unit())).collect();
    genome(&traits)
}

pub fn percept(steps: Vec<f64>, rng: &mut Rng) -> Percept {
    let word = |rng: &mut Rng| rng.chance(0.5).then(|| 100.0 * rng.unit());
    let heard = (0..4).map(|_| word(rng)).collect();
    Percept { cycle: 0, steps, heard, energy: (100_000.0 * rng.unit()) as i64, pool: None }
}

/// A series with a period of eleven, noise, and now and then a shock.
pub fn value(tick: usize, rng: &mut Rng) -> f64 {
    let shock = if rng.chance(0.02) { 1e6 * (rng.unit() - 0.5) } else { 0.0 };
    50.0 + 40.0 * (tick as f64 * std::f64::consts::TAU / 11.0).sin() + 5.0 * rng.normal() + shock
}

pub fn unchanged(life: &mut Life, tick: usize, percept: &Percept) -> Act {
    life.tick(tick as i128, percept, |_, _| None)
}
