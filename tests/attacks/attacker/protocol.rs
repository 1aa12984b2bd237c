//! Owns the frames: what docs/agent-protocol.md says, in the plainest words.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

pub struct Heard(Vec<u8>);

impl Heard {
    fn at(&self, key: &[u8]) -> usize {
        self.0.windows(key.len()).position(|window| window == key).expect("key") + key.len()
    }

    fn kind(&self) -> &[u8] {
        let at = self.at(b"\xa4kind");
        &self.0[at + 1..at + 3]
    }

    pub fn is_percept(&self) -> bool {
        self.kind() == b"pe"
    }

    /// An unsigned integer, as it is packed.
    fn packed(&self, key: &[u8]) -> Vec<u8> {
        let at = self.at(key);
        let size = match self.0[at] {
            0xcc => 2,
            0xcd => 3,
            0xce => 5,
            0xcf => 9,
            _ => 1,
        };
        self.0[at..at + size].to_vec()
    }

    pub fn epoch(&self) -> Vec<u8> {
        self.packed(b"\xa5epoch")
    }

    pub fn tick(&self) -> Vec<u8> {
        self.packed(b"\xa4tick")
    }
}

pub struct Agent {
    input: File,
    output: File,
}

impl Agent {
    pub fn new() -> Agent {
        // SAFETY: the protocol gives us these two descriptors for our own.
        unsafe { Agent { input: File::from_raw_fd(3), output: File::from_raw_fd(4) } }
    }

    /// None after the goodbye.
    pub fn hear(&mut self) -> Option<Heard> {
        let mut header = [0; 8];
        self.input.read_exact(&mut header).expect("a header");
        let mut body = vec![0; u32::from_le_bytes(header[..4].try_into().unwrap()) as usize];
        self.input.read_exact(&mut body).expect("a body");
        let heard = Heard(body);
        if heard.kind() == b"st" {
            self.send(&body_of(b"\xa3bye", &heard.epoch(), &heard.tick(), 1, b"\xa5state\xc0"));
            return None;
        }
        Some(heard)
    }

    pub fn answer(&mut self, heard: &Heard) {
        let (epoch, tick) = (heard.epoch(), heard.tick());
        let body = match heard.is_percept() {
            true => act(&epoch, &tick, 0, b""),
            false => body_of(b"\xa5ready", &epoch, &tick, 0, b""),
        };
        self.send(&body);
    }

    pub fn send(&mut self, body: &[u8]) {
        self.write(&frame(body));
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.output.write_all(bytes).expect("a pipe");
    }
}

/// The act that answers a percept with one step, and so many more keys.
pub fn act(epoch: &[u8], tick: &[u8], keys: u8, more: &[u8]) -> Vec<u8> {
    let mut all = b"\xa7answers\x91\xcb\0\0\0\0\0\0\0\0".to_vec();
    all.extend(b"\xa3say\xc0\xa4give\x90\xa4rest\xc2\xa7fitness\xc0\xa7mutated\xc0");
    all.extend(more);
    body_of(b"\xa3act", epoch, tick, 6 + keys, &all)
}

fn body_of(kind: &[u8], epoch: &[u8], tick: &[u8], keys: u8, more: &[u8]) -> Vec<u8> {
    [&[0x80 | keys + 3], b"\xa4kind".as_slice(), kind, b"\xa5epoch", epoch, b"\xa4tick", tick, more]
        .concat()
}

pub fn frame(body: &[u8]) -> Vec<u8> {
    let (length, sum) = (body.len() as u32, checksum(body));
    [&length.to_le_bytes(), &sum.to_le_bytes(), body].concat()
}

fn checksum(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in data {
        crc ^= byte as u32;
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
