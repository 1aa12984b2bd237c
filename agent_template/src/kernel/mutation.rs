//! Self-mutation: a living agent changes one thing in its genome and offers the outcome.

use super::genome::{Genome, PoolFile, LARGEST};
use super::rng::Rng;
use std::fs;
use std::path::Path;

/// Key of the draws for mutation, apart from all others of an agent.
pub const PURPOSE: u64 = 1;
/// Share of an adopted file's functions that start active.
const AWAKE: f64 = 0.35;
/// A trait moves by at most this much.
const SHIFT: f64 = 0.25;

/// Where an agent may write; the scan moves what is offered there to `genome.bin`.
const STATE: &str = "state";
const GENOME: &str = "genome.bin";

/// Applies one operator to the genome as it is now: read afresh, so that an edit by hand is never
/// lost. What comes of it is offered, by rename, so that nobody ever reads half of it.
pub fn mutate_file(
    folder: &Path,
    rng: &mut Rng,
    pool: &[PoolFile],
) -> Result<Option<&'static str>, String> {
    let state = folder.join(STATE);
    let offer = state.join(GENOME);
    // An offer that nobody has taken yet is what we are.
    let offered = fs::symlink_metadata(&offer).is_ok();
    let mut genome = read(&if offered { offer.clone() } else { folder.join(GENOME) })?;
    let Some(operator) = mutate(&mut genome, rng, pool) else {
        return Ok(None);
    };
    let bytes = genome.encode();
    Genome::decode(&bytes).map_err(|why| format!("{operator} would break it: {why}"))?;
    let _ = fs::create_dir(&state); // it is there, unless somebody runs us by hand
    let fresh = state.join(".genome.bin.new");
    let written = fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, &offer));
    written.map_err(|error| format!("state/genome.bin: {error}"))?;
    Ok(Some(operator))
}

fn read(path: &Path) -> Result<Genome, String> {
    let about = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > LARGEST as u64 {
        return Err("not a regular file of a genome's size".to_string());
    }
    Genome::decode(&fs::read(path).map_err(|error| error.to_string())?)
}

/// Changes one thing; the operator's name, or nothing if the genome offers nothing to change.
pub fn mutate(genome: &mut Genome, rng: &mut Rng, pool: &[PoolFile]) -> Option<&'static str> {
    let lot = rng.unit();
    let changed = match lot {
        lot if lot < 0.10 => flip_file(genome, rng),
        lot if lot < 0.40 => swap_order(genome, rng),
        lot if lot < 0.55 => shift_trait(genome, rng),
        lot if lot < 0.60 => adopt(genome, rng, pool),
        _ => None,
    };
    let operator = changed.or_else(|| flip_function(genome, rng))?;
    genome.count_mutation(operator);
    Some(operator)
}

fn flip_function(genome: &mut Genome, rng: &mut Rng) -> Option<&'static str> {
    let count = |file: usize| genome.functions(file).len();
    let sites: Vec<(usize, usize)> = (0..genome.files().len())
        .flat_map(|file| (0..count(file)).map(move |function| (file, function)))
        .collect();
    let (file, function) = *sites.get(rng.below(sites.len()))?;
    genome.flip_function(file, function);
    Some("function_flip")
}

fn flip_file(genome: &mut Genome, rng: &mut Rng) -> Option<&'static str> {
    let count = genome.files().len();
    if count == 0 {
        return None;
    }
    genome.flip_file(rng.below(count));
    Some("file_flip")
}

/// Swaps two neighbours in the order: of the files, or of one file's functions.
fn swap_order(genome: &mut Genome, rng: &mut Rng) -> Option<&'static str> {
    let count = genome.files().len();
    if count >= 2 && rng.chance(0.5) {
        let one = rng.below(count - 1);
        genome.swap_files(one, one + 1);
        return Some("order_swap");
    }
    let long: Vec<usize> = (0..count).filter(|file| genome.functions(*file).len() >= 2).collect();
    let file = *long.get(rng.below(long.len()))?;
    let one = rng.below(genome.functions(file).len() - 1);
    genome.swap_functions(file, one, one + 1);
    Some("order_swap")
}

fn shift_trait(genome: &mut Genome, rng: &mut Rng) -> Option<&'static str> {
    let traits = genome.traits();
    let (name, value) = traits.iter().nth(rng.below(traits.len()))?;
    genome.set_trait(name, value + SHIFT * (2.0 * rng.unit() - 1.0));
    Some("trait_shift")
}

/// Takes a gene file of the pool that the genome lacks.
fn adopt(genome: &mut Genome, rng: &mut Rng, pool: &[PoolFile]) -> Option<&'static str> {
    let known: Vec<&str> = (0..genome.files().len()).map(|file| genome.path(file)).collect();
    let news: Vec<&PoolFile> = pool
        .iter()
        .filter(|file| !file.functions.is_empty() && !known.contains(&file.path.as_str()))
        .collect();
    let file = *news.get(rng.below(news.len()))?;
    let mut awake: Vec<bool> = file.functions.iter().map(|_| rng.chance(AWAKE)).collect();
    if !awake.contains(&true) {
        let one = rng.below(awake.len());
        awake[one] = true;
    }
    genome.adopt(file, &awake);
    Some("adopt")
}
