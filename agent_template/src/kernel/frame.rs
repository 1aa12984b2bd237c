//! Frames on a pipe: u32 length, u32 CRC-32, body; both numbers little-endian.

use super::crc32::crc32;
use std::io::{ErrorKind, Read};
use std::thread::sleep;
use std::time::Duration;

/// A body that carries a genome or a state; others are at most `LARGEST`.
pub const LARGEST_HELLO: usize = 192 * 1024;
pub const LARGEST: usize = 64 * 1024;
const HEADER: usize = 8;
const NOBODY_THERE: Duration = Duration::from_millis(50);

pub fn pack(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend((body.len() as u32).to_le_bytes());
    frame.extend(crc32(body).to_le_bytes());
    frame.extend(body);
    frame
}

/// Reads the next body. Waits, for ever if need be, while nobody holds the other end; what a
/// writer that went away left unfinished is dropped, since nobody will finish it.
pub fn read(pipe: &mut impl Read) -> Result<Vec<u8>, String> {
    loop {
        let mut header = [0; HEADER];
        if !fill(pipe, &mut header)? {
            sleep(NOBODY_THERE);
            continue;
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let length = number(0) as usize;
        if length > LARGEST_HELLO {
            return Err(format!("a frame of {length} bytes, more than {LARGEST_HELLO}"));
        }
        let mut body = vec![0; length];
        if !fill(pipe, &mut body)? {
            sleep(NOBODY_THERE);
            continue;
        }
        return match crc32(&body) == number(4) {
            true => Ok(body),
            false => Err(format!("the checksum of a frame of {length} bytes is wrong")),
        };
    }
}

/// Fills the buffer; false if the pipe ended first.
fn fill(pipe: &mut impl Read, buffer: &mut [u8]) -> Result<bool, String> {
    match pipe.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(format!("cannot read: {error}")),
    }
}
