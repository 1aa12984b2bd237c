//! An agent that is well-behaved until its first percept, and then tries what its arguments say.
//!
//! What it prints is evidence of one thing only: that it ran, and how far it came. Whether it got
//! anywhere is for the tests to see, in the world. Whatever it does has an end of its own (so many
//! tries, bytes, seconds), so that a sandbox that is broken takes no machine with it.

mod files;
mod floods;
mod kernel;
mod network;
mod others;
mod pipes;
mod processes;
mod protocol;
mod shared;
mod sys;

use protocol::Agent;
use std::fmt::Display;

/// What is to be said of the percept that an attack fell into.
pub enum Then {
    Answer,
    SaySomethingElse,
}

pub fn tell(what: &str, came_of_it: std::io::Result<impl Display>) {
    match came_of_it {
        Ok(value) => println!("{what}: done: {value}"),
        Err(error) => println!("{what}: failed: errno {:?}", error.raw_os_error()),
    }
}

/// Whether it was an attack for which one needs not be an agent.
fn attack(words: &[&str]) -> bool {
    files::attack(words)
        || network::attack(words)
        || processes::attack(words)
        || others::attack(words)
        || kernel::attack(words)
        || floods::attack(words)
        || shared::attack(words)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [] | ["tell"] | ["executed"] = words[..] {
        // Executed by another attacker.
        return println!("executed: by user {}", sys::effective_user());
    }
    if let ["alone", words @ ..] = &words[..] {
        assert!(attack(words), "no such attack: {words:?}");
        return;
    }
    println!("address: {}", others::treasure_address());
    let (mut agent, mut waiting) = (Agent::new(), true);
    while let Some(heard) = agent.hear() {
        let mut then = Then::Answer;
        if heard.is_percept() && waiting {
            waiting = false;
            println!("begins: {}", words.join(" "));
            if !attack(&words) {
                then = pipes::attack(&words, &mut agent, &heard);
            }
            println!("ends");
        }
        println!("treasure: {}", others::treasure());
        if let Then::Answer = then {
            agent.answer(&heard);
        }
    }
}
