//! Any bytes are a genome or refused; a genome survives being written, and every mutation.
#![no_main]

use agent::kernel::genome::{Genome, LARGEST};
use agent::kernel::mutation::mutate;
use agent::kernel::rng::Rng;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut genome = match Genome::decode(data) {
        Ok(genome) => genome,
        Err(reason) => return assert!(!reason.is_empty()),
    };
    let bytes = genome.encode();
    let again = Genome::decode(&bytes);
    assert!(bytes.len() > LARGEST || again.expect("what was written").encode() == bytes);
    let seed = data.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    if mutate(&mut genome, &mut Rng::new(seed), &[]).is_some() {
        let bytes = genome.encode();
        let counted_out = |reason: &String| reason.contains("is not a count");
        match Genome::decode(&bytes) {
            Ok(_) => {}
            Err(reason) => assert!(bytes.len() > LARGEST || counted_out(&reason), "{reason}"),
        }
    }
});
