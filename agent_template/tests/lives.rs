//! Lives led in-process: random genes, random traits, a noisy world.

mod common;

use agent::kernel::life::Life;
use agent::kernel::message::{Act, Percept};
use agent::kernel::rng::Rng;
use agent::kernel::{Agent, Gene};
use common::{genes, genome, percept, random_traits, random_wiring, unchanged, value};

const LARGEST_STATE: usize = 64 * 1024;

#[test]
fn stopped_and_resumed_agent_answers_like_one_never_stopped() {
    for seed in 0..25 {
        let mut rng = Rng::new(seed);
        let wiring = random_wiring(&mut rng, 0.6);
        let genome = random_traits(&mut rng);
        let mut steady = Life::new(&wiring, &genome, seed, Vec::new());
        let mut resumed = Life::new(&wiring, &genome, seed, Vec::new());
        for tick in 0..150 {
            let steps = if tick == 0 { 230 } else { rng.below(3) };
            let steps = (0..steps).map(|_| value(tick, &mut rng)).collect();
            let percept = percept(steps, &mut rng);
            let act = unchanged(&mut steady, tick, &percept);
            assert_eq!(unchanged(&mut resumed, tick, &percept), act, "seed {seed}, tick {tick}");
            if rng.chance(0.2) {
                let state = resumed.save();
                resumed = Life::new(&wiring, &genome, seed, Vec::new());
                resumed.restore(&state).expect("a state of its own");
                assert_eq!(resumed.save(), state);
            }
        }
        assert_eq!(steady.save(), resumed.save());
    }
}

#[test]
fn every_gene_answers_with_numbers_whatever_it_meets() {
    for (at, gene) in genes().iter().enumerate() {
        for seed in 0..6 {
            let mut rng = Rng::new(seed * 1000 + at as u64);
            let mut wiring = random_wiring(&mut rng, 0.4);
            wiring.insert(rng.below(wiring.len() + 1), *gene);
            let mut life = Life::new(&wiring, &random_traits(&mut rng), seed, Vec::new());
            for tick in 0..120 {
                let count = if seed % 2 == 0 { 1 } else { rng.below(4) };
                let scale = [0.0, 1.0, 1e9, -1.0][rng.below(4)];
                let steps = (0..count).map(|_| scale * value(tick, &mut rng)).collect();
                let act = unchanged(&mut life, tick, &percept(steps, &mut rng));
                assert_eq!(act.answers.len(), count.max(1), "{}", gene.name);
                let finite = act.answers.iter().chain(&act.say).all(|answer| answer.is_finite());
                assert!(finite, "{}: {act:?}", gene.name);
            }
            assert!(life.save().len() <= LARGEST_STATE);
        }
    }
}

#[test]
fn percept_that_comes_twice_is_lived_once() {
    let mut life = Life::new(genes(), &genome(&[]), 1, Vec::new());
    let mut rng = Rng::new(1);
    let first = percept(vec![1.0, 2.0, 3.0], &mut rng);
    let act = unchanged(&mut life, 7, &first);
    let state = life.save();
    assert_eq!(unchanged(&mut life, 7, &first), act);
    assert_eq!(life.save(), state);
    let mut resumed = Life::new(genes(), &genome(&[]), 1, Vec::new());
    resumed.restore(&state).expect("a state of its own");
    assert_eq!(unchanged(&mut resumed, 7, &first), act);
}

#[test]
fn agent_without_genes_answers_the_mean_so_far() {
    let mut life = Life::new(&[], &genome(&[]), 1, Vec::new());
    let percept = Percept { steps: vec![2.0, 4.0, 9.0], ..Percept::default() };
    assert_eq!(unchanged(&mut life, 0, &percept).answers, [2.0, 3.0, 5.0]);
}

#[test]
fn every_gene_changes_what_some_agent_does() {
    let acts = |wiring: &[Gene], seed: u64, traits: &mut Rng| -> Vec<Act> {
        let mut life = Life::new(wiring, &random_traits(traits), seed, Vec::new());
        let mut rng = Rng::new(seed);
        (0..60)
            .map(|tick| {
                let steps = (0..1 + tick % 2).map(|_| value(tick, &mut rng)).collect();
                unchanged(&mut life, tick, &percept(steps, &mut rng))
            })
            .collect()
    };
    for gene in genes() {
        let matters = |seed: u64| {
            let mut rng = Rng::new(seed);
            let with = random_wiring(&mut rng, 0.7);
            let others = with.iter().filter(|other| other.name != gene.name);
            let without: Vec<Gene> = others.copied().collect();
            without.len() < with.len()
                && acts(&with, seed, &mut rng.clone()) != acts(&without, seed, &mut rng)
        };
        assert!((0..80).any(matters), "{} never matters", gene.name);
    }
}

#[test]
fn agent_asleep_runs_no_gene_and_repeats_itself() {
    fn doze(agent: &mut Agent) {
        agent.vote("now", agent.see(0));
        agent.speak();
        agent.rest();
    }
    let wiring = [Gene { name: "doze", run: doze }];
    let mut life = Life::new(&wiring, &genome(&[]), 1, Vec::new());
    let mut live = |tick: usize| {
        let percept = Percept { steps: vec![tick as f64], ..Percept::default() };
        unchanged(&mut life, tick, &percept)
    };
    let acts: Vec<Act> = (0..3).map(&mut live).collect();
    assert_eq!(acts.iter().map(|act| act.rest).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(acts.iter().map(|act| act.answers[0]).collect::<Vec<_>>(), [0.0, 0.0, 2.0]);
    assert_eq!(acts[1].say, None);
}

#[test]
fn hoarding_gene_cannot_make_the_state_too_large() {
    fn hoard(agent: &mut Agent) {
        let name = format!("hoard.{}", agent.age());
        agent.memory(&name).resize(3000, 0.5);
    }
    let wiring = [Gene { name: "hoard", run: hoard }];
    let mut life = Life::new(&wiring, &genome(&[]), 1, Vec::new());
    let steps = (0..700).map(f64::from).collect();
    unchanged(&mut life, 0, &Percept { steps, ..Percept::default() });
    assert!(life.save().len() <= LARGEST_STATE);
}

#[test]
fn state_that_cannot_be_read_changes_nothing() {
    let mut life = Life::new(genes(), &genome(&[]), 1, Vec::new());
    let mut rng = Rng::new(1);
    unchanged(&mut life, 0, &percept(vec![1.0, 2.0], &mut rng));
    let state = life.save();
    for broken in [&state[..state.len() - 1], b"\x80", b"", b"\x81\xa1v\x01"] {
        assert!(life.restore(broken).is_err());
        assert_eq!(life.save(), state);
    }
}

#[test]
fn gifts_never_exceed_what_the_agent_has() {
    fn generous(agent: &mut Agent) {
        for slot in 0..6 {
            agent.give(slot, 40);
        }
    }
    let wiring = [Gene { name: "generous", run: generous }];
    let mut life = Life::new(&wiring, &genome(&[]), 1, Vec::new());
    let percept = Percept { steps: vec![1.0], energy: 100, ..Percept::default() };
    let act = unchanged(&mut life, 0, &percept);
    assert_eq!(act.give, [(0, 40), (1, 40), (2, 20)]);
}
