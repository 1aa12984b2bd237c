//! Waits for its hello, then takes memory until there is no more.

use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;

fn main() {
    // SAFETY: the protocol gives us this descriptor for our own.
    let mut input = unsafe { File::from_raw_fd(3) };
    input.read_exact(&mut [0; 8]).expect("header");
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1u8; 1 << 20]);
        std::hint::black_box(&eaten);
    }
}
