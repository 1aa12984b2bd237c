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
mod sys;

use protocol::{Agent, Heard};
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

fn attack(words: &[&str], agent: &mut Agent, heard: &Heard) -> Then {
    let attacks = [files::attack, network::attack, processes::attack, others::attack];
    let more = [kernel::attack, floods::attack];
    if attacks.iter().chain(&more).any(|attack| attack(words)) {
        return Then::Answer;
    }
    pipes::attack(words, agent, heard)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [] | ["tell"] = words[..] {
        // Executed by another attacker.
        return println!("executed: by user {}", sys::effective_user());
    }
    println!("address: {}", others::treasure_address());
    let (mut agent, mut waiting) = (Agent::new(), true);
    while let Some(heard) = agent.hear() {
        let mut then = Then::Answer;
        if heard.is_percept() && waiting {
            waiting = false;
            println!("begins: {}", words.join(" "));
            then = attack(&words, &mut agent, &heard);
            println!("ends");
        }
        println!("treasure: {}", others::treasure());
        if let Then::Answer = then {
            agent.answer(&heard);
        }
    }
}
