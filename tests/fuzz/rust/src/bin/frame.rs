//! Any stream of bytes is read as frames or refused, and what was packed is read again.
#![no_main]

use agent::kernel::frame::{pack, read, LARGEST_HELLO};
use libfuzzer_sys::fuzz_target;
use std::io::{Error, Read};

/// A pipe that breaks at its end; `read` would wait for more where it just ends.
struct Pipe<'a>(&'a [u8]);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(Error::other("broken")),
            count => Ok(count),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut pipe = Pipe(data);
    while let Ok(body) = read(&mut pipe) {
        assert!(body.len() <= LARGEST_HELLO);
    }
    let packed = pack(data);
    let again = read(&mut Pipe(&packed));
    assert!(data.len() > LARGEST_HELLO || again.as_deref() == Ok(data));
});
