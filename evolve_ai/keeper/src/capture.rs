//! Reads what a command prints, and keeps its beginning and its end.

use crate::sys::{self, checked};
use std::collections::VecDeque;
use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

const O_CLOEXEC: c_int = 0o2000000;
const PIECE: usize = 1 << 16;
/// Pieces that are read before we look at anything else.
const AT_ONCE: usize = 16;

extern "C" {
    fn pipe2(handles: *mut c_int, flags: c_int) -> c_int;
}

/// The ends to read from and to write to.
pub fn pipe() -> io::Result<(File, File)> {
    let mut handles = [0; 2];
    // SAFETY: room for two numbers; the descriptors are new.
    unsafe {
        checked(pipe2(handles.as_mut_ptr(), O_CLOEXEC))?;
        Ok((File::from_raw_fd(handles[0]), File::from_raw_fd(handles[1])))
    }
}

pub struct Capture {
    source: File,
    kept: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    pub total: u64,
    pub is_over: bool,
}

impl AsRawFd for Capture {
    fn as_raw_fd(&self) -> RawFd {
        self.source.as_raw_fd()
    }
}

impl Capture {
    /// Keeps about so many bytes.
    pub fn of(source: File, kept: usize) -> io::Result<Capture> {
        sys::let_it_block(&source, sys::O_NONBLOCK)?;
        let (head, tail) = (Vec::new(), VecDeque::new());
        Ok(Capture { source, kept, head, tail, total: 0, is_over: false })
    }

    /// Reads what there is, without waiting. True if that was anything.
    pub fn read(&mut self) -> bool {
        let before = self.total;
        let mut piece = [0; PIECE];
        for _ in 0..AT_ONCE {
            match self.source.read(&mut piece) {
                Ok(0) => self.is_over = true,
                Ok(count) => {
                    self.keep(&piece[..count]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.is_over = true,
            }
            break;
        }
        self.total > before
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let half = self.kept / 2;
        let (first, rest) = bytes.split_at(bytes.len().min(half.saturating_sub(self.head.len())));
        self.head.extend_from_slice(first);
        let most = self.kept - half;
        self.tail.extend(&rest[rest.len().saturating_sub(most)..]);
        let excess = self.tail.len().saturating_sub(most);
        self.tail.drain(..excess);
    }

    /// Its beginning and its end, with a line between them if something was left out.
    pub fn told(&self) -> Vec<u8> {
        let mut told = self.head.clone();
        let left_out = self.total - (self.head.len() + self.tail.len()) as u64;
        if left_out > 0 {
            told.extend(format!("\n[... {left_out} bytes left out ...]\n").bytes());
        }
        told.extend(&self.tail);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn told(pieces: &[&[u8]], kept: usize) -> (String, u64) {
        let (source, mut sink) = pipe().unwrap();
        let mut capture = Capture::of(source, kept).unwrap();
        assert!(!capture.read());
        for piece in pieces {
            sink.write_all(piece).unwrap();
            assert!(capture.read());
        }
        drop(sink);
        capture.read();
        assert!(capture.is_over);
        (String::from_utf8(capture.told()).unwrap(), capture.total)
    }

    #[test]
    fn little_is_kept_whole() {
        assert_eq!(told(&[b"ab", b"cd"], 4), ("abcd".into(), 4));
        assert_eq!(told(&[b"abcd"], 5), ("abcd".into(), 4));
    }

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept() {
        let (text, total) = told(&[b"abcdefgh", b"ijklmnop"], 6);
        assert_eq!((&*text, total), ("abc\n[... 10 bytes left out ...]\nnop", 16));
    }
}
