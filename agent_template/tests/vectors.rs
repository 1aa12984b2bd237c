//! The test vectors that the kernel shares with the orchestrator, if they are at hand.

mod common;

use agent::kernel::genome::{Genome, LARGEST};
use agent::kernel::message::Message;
use agent::kernel::msgpack::{decode, encode};
use agent::kernel::value::Value;
use agent::kernel::{crc32::crc32, frame};
use std::fs::read_to_string;
use std::path::Path;

struct Vector {
    name: String,
    valid: bool,
    bytes: Vec<u8>,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
    let Ok(text) = read_to_string(&path) else {
        eprintln!("skipped: no {}", path.display());
        return Vec::new();
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let digits = |at: usize| u8::from_str_radix(&fields[2][at..at + 2], 16).expect("hex");
            Vector {
                name: fields[0].to_string(),
                valid: fields[1] == "valid",
                bytes: (0..fields[2].len()).step_by(2).map(digits).collect(),
            }
        })
        .collect()
}

#[test]
fn valid_genomes_come_back_byte_by_byte_and_others_are_refused() {
    for vector in vectors("genomes.txt") {
        match Genome::decode(&vector.bytes) {
            Ok(genome) => {
                assert!(vector.valid, "{} must be refused", vector.name);
                assert_eq!(genome.encode(), vector.bytes, "{}", vector.name);
            }
            Err(why) => assert!(!vector.valid, "{} refused: {why}", vector.name),
        }
    }
}

#[test]
fn frames_are_read_as_written_and_broken_ones_are_refused() {
    for vector in vectors("frames.txt") {
        let read = frame::read(&mut vector.bytes.as_slice());
        let to_agent = !["ready", "act", "act_silent", "bye"].contains(&vector.name.as_str());
        let understood = read.clone().and_then(|body| Message::decode(&body).map(|_| ()));
        assert_eq!(understood.is_ok(), vector.valid && to_agent, "{}", vector.name);
        if vector.valid {
            let body = read.expect("a whole frame");
            assert_eq!(frame::pack(&body), vector.bytes, "{}", vector.name);
            let value = decode(&body).expect("msgpack");
            assert_eq!(encode(&value), body, "{}", vector.name);
        }
    }
}

#[test]
fn genome_of_more_than_64_kib_is_refused() {
    let padded = |bytes: usize| {
        let traits = Value::map().with("a", 0.5);
        let genome = common::genome_value(traits).with("padding", "x".repeat(bytes).as_str());
        Genome::decode(&encode(&genome))
    };
    assert!(padded(LARGEST - 1000).is_ok());
    assert!(padded(LARGEST).is_err());
}

#[test]
fn damaged_bytes_never_panic() {
    let vectors = vectors("genomes.txt").into_iter().chain(vectors("frames.txt"));
    for (at, vector) in vectors.enumerate() {
        for position in 0..vector.bytes.len().min(400) {
            let mut bytes = vector.bytes.clone();
            bytes[position] ^= 1 << (at % 8);
            let _ = Genome::decode(&bytes);
            let _ = Message::decode(&bytes[8.min(bytes.len())..]);
            let _ = crc32(&bytes);
        }
    }
}
