//! Self-mutation: what it changes, when, and what it must leave alone.

mod common;

use agent::kernel::genome::{Genome, PoolFile};
use agent::kernel::life::Life;
use agent::kernel::message::Percept;
use agent::kernel::msgpack::{decode, encode};
use agent::kernel::mutation::{mutate, mutate_file};
use agent::kernel::rng::Rng;
use agent::kernel::value::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn file(name: &str, functions: &[&str]) -> Value {
    let pairs = functions.iter().map(|name| Value::Array(vec![(*name).into(), Value::Bool(true)]));
    Value::map()
        .with("path", format!("src/genes/{name}.rs").as_str())
        .with("code", "0123456789abcdef".repeat(4).as_str())
        .with("note", "of the file")
        .with("active", true)
        .with("functions", Value::Array(pairs.collect()))
}

fn genome() -> Value {
    let traits = Value::map().with("mutation_rate", 1.0).with("other", 0.5);
    let files = vec![file("one", &["a", "b", "c"]), file("two", &["d"])];
    common::genome_value(traits).with("files", files).with("future", vec![1i64, 2])
}

fn pool() -> Vec<PoolFile> {
    let functions = ["x", "y"].map(str::to_string).to_vec();
    let code = "f".repeat(64);
    vec![PoolFile { path: "src/genes/three.rs".to_string(), code, functions }]
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn every_operator_occurs_counts_itself_and_keeps_unknown_keys() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let before = Genome::decode(&encode(&genome())).expect("valid");
        let mut after = before.clone();
        let operator = mutate(&mut after, &mut Rng::new(seed), &pool()).expect("a change");
        seen.insert(operator);
        let bytes = after.encode();
        assert_eq!(Genome::decode(&bytes).as_ref(), Ok(&after));
        assert_ne!(before, after, "{operator}");
        let map = decode(&bytes).expect("msgpack");
        assert_eq!(map.get("future"), Some(&Value::from(vec![1i64, 2])));
        let notes = after.files().iter().filter(|file| file.get("note").is_some()).count();
        assert_eq!(notes, 2, "{operator}");
        let count = map.get("mutations").and_then(|counts| counts.get(operator));
        assert_eq!(count, Some(&Value::Int(1)));
    }
    let all = ["adopt", "file_flip", "function_flip", "order_swap", "trait_shift"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn adopted_file_is_active_with_at_least_one_function() {
    for seed in 0..300 {
        let mut genome = Genome::decode(&encode(&genome())).expect("valid");
        if mutate(&mut genome, &mut Rng::new(seed), &pool()) == Some("adopt") {
            assert_eq!(genome.path(2), "src/genes/three.rs");
            assert!(genome.is_active(2));
            assert!(genome.functions(2).iter().any(|(_, active)| *active));
        }
    }
}

#[test]
fn genome_with_nothing_to_change_is_left_alone() {
    let empty = encode(&common::genome_value(Value::map()));
    let mut genome = Genome::decode(&empty).expect("valid");
    for seed in 0..50 {
        assert_eq!(mutate(&mut genome, &mut Rng::new(seed), &[]), None);
    }
    assert_eq!(genome.encode(), empty);
}

fn mutated(folder: &Path) -> Result<Option<&'static str>, String> {
    mutate_file(folder, &mut Rng::new(5), &pool())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one"));
    let mut names: Vec<_> =
        entries.map(|one| one.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn mutation_is_offered_and_nothing_else_of_the_folder_is_written() {
    let folder = folder("offer");
    let before = encode(&genome().with("by_hand", true));
    fs::write(folder.join("genome.bin"), &before).expect("written");
    assert!(mutated(&folder).expect("readable").is_some());
    assert_eq!(fs::read(folder.join("genome.bin")).expect("still there"), before);
    assert_eq!(names_in(&folder), ["genome.bin", "state"]);
    assert_eq!(names_in(&folder.join("state")), ["genome.bin"]);
    let offer = fs::read(folder.join("state/genome.bin")).expect("offered");
    let map = decode(&offer).expect("msgpack");
    assert_eq!(map.get("by_hand"), Some(&Value::Bool(true)), "read afresh");
}

#[test]
fn mutation_goes_on_from_an_offer_that_nobody_has_taken() {
    let folder = folder("two_offers");
    fs::write(folder.join("genome.bin"), encode(&genome())).expect("written");
    for _ in 0..2 {
        assert!(mutated(&folder).expect("readable").is_some());
    }
    let offer = fs::read(folder.join("state/genome.bin")).expect("offered");
    let map = decode(&offer).expect("msgpack");
    let counts = map.get("mutations").and_then(Value::as_map).expect("counts");
    assert_eq!(counts.iter().filter_map(|(_, count)| count.as_int()).sum::<i128>(), 2);
}

#[test]
fn broken_genome_is_left_as_it_is_wherever_it_lies() {
    for name in ["genome.bin", "state/genome.bin"] {
        let folder = folder("broken");
        fs::create_dir(folder.join("state")).expect("a folder");
        fs::write(folder.join("genome.bin"), encode(&genome())).expect("written");
        let path = folder.join(name);
        fs::write(&path, b"broken").expect("written");
        assert!(mutated(&folder).is_err(), "{name}");
        assert_eq!(fs::read(&path).expect("still there"), b"broken");
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("elsewhere", &path).expect("linked");
        assert!(mutated(&folder).is_err(), "{name}");
    }
}

#[test]
fn agent_whose_state_is_no_folder_does_not_mutate() {
    let folder = folder("no_state");
    fs::write(folder.join("genome.bin"), encode(&genome())).expect("written");
    fs::write(folder.join("state"), b"").expect("written");
    let why = mutated(&folder).expect_err("nowhere to write");
    assert!(why.starts_with("state/genome.bin: "), "{why}");
}

#[test]
fn mutation_is_due_at_most_once_in_a_new_cycle_and_not_at_birth() {
    let traits = common::genome(&[("mutation_rate", 1.0)]);
    let mut due = Vec::new();
    for seed in 0..40 {
        let mut life = Life::new(&[], &traits, seed, Vec::new());
        for tick in 0..200i64 {
            let percept = Percept { cycle: 3 + tick / 10, ..Percept::default() };
            let act = life.tick(tick.into(), &percept, |_, _| Some("order_swap"));
            if act.mutated.is_some() {
                assert!(tick % 10 == 0 && tick > 0);
                due.push((seed, tick));
            }
        }
    }
    let expected = 40.0 * 19.0 * 0.1;
    assert!((due.len() as f64 - expected).abs() < 30.0, "{} due", due.len());
}
