//! Well-behaved and nothing else: answers each percept with as many zeros, each stop with a bye.
//! Small enough for thousands of them: what the colony itself costs is measured with this one.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::thread::sleep;
use std::time::Duration;

/// It waits for a new orchestrator so long, and then is gone: no test leaves it behind.
const ORPHAN_SECONDS: u64 = 60;
const LOOKS_A_SECOND: u64 = 20;

fn crc32(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in data {
        crc ^= byte as u32;
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Where the value of a key begins. Good enough for the maps that the tests send.
fn value(body: &[u8], key: &[u8]) -> usize {
    body.windows(key.len()).position(|window| window == key).expect("key") + key.len()
}

/// The bytes of an unsigned integer, as they are packed.
fn integer(body: &[u8], key: &[u8]) -> Vec<u8> {
    let at = value(body, key);
    let size = match body[at] {
        0xcc => 2,
        0xcd => 3,
        0xce => 5,
        0xcf => 9,
        _ => 1,
    };
    body[at..at + size].to_vec()
}

fn steps(body: &[u8]) -> usize {
    let at = value(body, b"\xa5steps");
    match body[at] {
        0xdc => u16::from_be_bytes([body[at + 1], body[at + 2]]) as usize,
        small => (small & 0x0f) as usize,
    }
}

fn send(out: &mut File, keys: u8, kind: &[u8], heard: &[u8], more: &[u8]) {
    let mut body = vec![0x80 | keys + 3];
    body.extend(b"\xa4kind");
    body.extend(kind);
    body.extend(b"\xa5epoch");
    body.extend(integer(heard, b"\xa5epoch"));
    body.extend(b"\xa4tick");
    body.extend(integer(heard, b"\xa4tick"));
    body.extend(more);
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(crc32(&body).to_le_bytes());
    frame.extend(body);
    out.write_all(&frame).expect("write");
}

/// Fills the buffer. While nobody holds the other end, it looks again and again.
fn fill(input: &mut File, buffer: &mut [u8]) {
    for _ in 0..ORPHAN_SECONDS * LOOKS_A_SECOND {
        if input.read_exact(buffer).is_ok() {
            return;
        }
        sleep(Duration::from_millis(1000 / LOOKS_A_SECOND));
    }
    panic!("nobody is there any more");
}

pub fn main() {
    // SAFETY: the protocol gives us these two descriptors for our own.
    let (mut input, mut out) = unsafe { (File::from_raw_fd(3), File::from_raw_fd(4)) };
    loop {
        let mut header = [0; 8];
        fill(&mut input, &mut header);
        let mut body = vec![0; u32::from_le_bytes(header[..4].try_into().unwrap()) as usize];
        fill(&mut input, &mut body);
        let kind = value(&body, b"\xa4kind");
        match &body[kind + 1..kind + 3] {
            b"pe" => {
                let count = steps(&body).max(1);
                let mut more = b"\xa7answers\xdc".to_vec();
                more.extend((count as u16).to_be_bytes());
                for _ in 0..count {
                    more.extend(b"\xcb\0\0\0\0\0\0\0\0");
                }
                more.extend(b"\xa3say\xc0\xa4give\x90\xa4rest\xc2\xa7fitness\xc0\xa7mutated\xc0");
                send(&mut out, 6, b"\xa3act", &body, &more);
            }
            b"st" => {
                send(&mut out, 1, b"\xa3bye", &body, b"\xa5state\xc0");
                return;
            }
            _ => send(&mut out, 0, b"\xa5ready", &body, b""),
        }
    }
}
