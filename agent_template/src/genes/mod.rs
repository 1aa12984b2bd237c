// Wiring: which genes run, in which order. Generated from genome.bin; edits are overwritten.

pub mod curiosity;
pub mod express;
pub mod linear;
pub mod memory;
pub mod metabolism;
pub mod momentum;
pub mod neural;
pub mod repair;
pub mod seasonality;
pub mod sense;
pub mod social;
pub mod trend;
