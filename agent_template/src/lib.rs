//! An agent: a kernel that is the same in all of them, and the genes that are its own.

pub mod genes;
pub mod kernel;
