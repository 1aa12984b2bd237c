//! The fixed part of an agent: it reads the genome, speaks the protocol and mutates itself.

mod agent;
pub mod crc32;
pub mod frame;
pub mod genome;
mod lens;
pub mod life;
pub mod message;
pub mod msgpack;
pub mod mutation;
mod process;
pub mod rng;
mod state;
mod step;
pub mod value;

pub use agent::{Agent, Vote};
pub use life::Gene;
pub use process::live;
