//! What the kernel makes of genomes, for comparison: frames of a u32 length and a genome come in;
//! out go frames of a genome written again, or of 0xC1 (which begins no msgpack) and a reason.

use agent::kernel::genome::Genome;
use std::io::{stdin, stdout, Read, Write};

fn main() {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut head = [0; 4];
    while input.read_exact(&mut head).is_ok() {
        let mut genome = vec![0; u32::from_le_bytes(head) as usize];
        input.read_exact(&mut genome).expect("a whole genome");
        let answer = match Genome::decode(&genome) {
            Ok(genome) => genome.encode(),
            Err(reason) => [b"\xC1", reason.as_bytes()].concat(),
        };
        output.write_all(&(answer.len() as u32).to_le_bytes()).expect("somebody listens");
        output.write_all(&answer).expect("somebody listens");
        output.flush().expect("somebody listens");
    }
}
