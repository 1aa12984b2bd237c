//! Owns lies told through one's own pipe, in the place of an act.

use crate::protocol::{act, frame, Agent, Heard};
use crate::Then;

const NEXT_TICK: &[u8] = &[0x7f];
const MOST: usize = 1 << 16;

pub fn attack(words: &[&str], agent: &mut Agent, heard: &Heard) -> Then {
    let (epoch, tick) = (heard.epoch(), heard.tick());
    let honest = act(&epoch, &tick, 0, b"");
    match *words {
        ["oversize"] => agent.write(&frame(&vec![0xc0; MOST + 1])),
        ["nested"] => agent.send(&act(&epoch, &tick, 1, &[b"\xa1x", &[0x91; 60_000][..]].concat())),
        ["length_too_long"] => agent.write(&lying(&honest, u32::MAX)),
        ["length_too_short"] => agent.write(&lying(&honest, 7)),
        ["wrong_checksum"] => {
            let mut bytes = frame(&honest);
            bytes[4] ^= 1;
            agent.write(&bytes);
        }
        ["huge_array"] => agent.send(&act(&epoch, &tick, 1, b"\xa1x\xdd\xff\xff\xff\xff")),
        ["other_tick"] => agent.send(&act(&epoch, NEXT_TICK, 0, b"")),
        ["other_epoch"] => {
            for _ in 0..64 {
                agent.send(&act(&[0x7e], &tick, 0, b""));
            }
        }
        ["other_id", other] => {
            let id = [b"\xa2id\xd9", &[other.len() as u8][..], other.as_bytes()].concat();
            agent.send(&act(&epoch, &tick, 1, &id));
        }
        ["twice"] => {
            agent.send(&honest);
            agent.send(&honest);
        }
        ["goodbye_of_its_own"] => agent.send(b"\x83\xa4kind\xa3bye\xa5epoch\x01\xa4tick\x00"),
        ["gift_of_all"] => {
            agent.send(&act(
                &epoch,
                &tick,
                1,
                b"\xa4give\x91\x92\x00\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            ));
        }
        _ => panic!("no such attack: {words:?}"),
    }
    Then::SaySomethingElse
}

fn lying(body: &[u8], length: u32) -> Vec<u8> {
    let mut bytes = frame(body);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}
