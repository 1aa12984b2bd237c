//! MessagePack (msgpack.org), written in its shortest form: genomes, frames, states.
//!
//! The keys of a map are strings, each at most once; there are no extension types. Floats are
//! written as 64-bit. The same map gives the same bytes here and in Python's `msgpack.packb`.

use super::value::Value;
use std::collections::BTreeSet;

const DEEPEST: usize = 64;

pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.push(0xC0),
        Value::Bool(truth) => out.push(0xC2 + u8::from(*truth)),
        Value::Int(number) => write_int(*number, out),
        Value::Float(number) => {
            out.push(0xCB);
            out.extend(number.to_be_bytes());
        }
        Value::Str(text) => {
            write_length(text.len(), Some((0xA0, 32)), [0xD9, 0xDA, 0xDB], out);
            out.extend(text.as_bytes());
        }
        Value::Bin(bytes) => {
            write_length(bytes.len(), None, [0xC4, 0xC5, 0xC6], out);
            out.extend(bytes);
        }
        Value::Array(items) => {
            write_length(items.len(), Some((0x90, 16)), [0, 0xDC, 0xDD], out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Map(entries) => {
            write_length(entries.len(), Some((0x80, 16)), [0, 0xDE, 0xDF], out);
            for (key, value) in entries {
                write_length(key.len(), Some((0xA0, 32)), [0xD9, 0xDA, 0xDB], out);
                out.extend(key.as_bytes());
                write(value, out);
            }
        }
    }
}

fn write_int(number: i128, out: &mut Vec<u8>) {
    match number {
        -32..=127 => out.push(number as i8 as u8),
        128..=0xFF => out.extend([0xCC, number as u8]),
        0x100..=0xFFFF => tagged(0xCD, &(number as u16).to_be_bytes(), out),
        0x1_0000..=0xFFFF_FFFF => tagged(0xCE, &(number as u32).to_be_bytes(), out),
        -0x80..=-33 => tagged(0xD0, &(number as i8).to_be_bytes(), out),
        -0x8000..=-0x81 => tagged(0xD1, &(number as i16).to_be_bytes(), out),
        -0x8000_0000..=-0x8001 => tagged(0xD2, &(number as i32).to_be_bytes(), out),
        i128::MIN..=-0x8000_0001 => tagged(0xD3, &(number as i64).to_be_bytes(), out),
        _ => tagged(0xCF, &(number as u64).to_be_bytes(), out),
    }
}

/// The shortest header for a length: in the tag itself (`fix`: tag and limit), or in 1, 2 or
/// 4 bytes after the tag of that width; a tag of 0 means there is no such width.
fn write_length(length: usize, fix: Option<(u8, usize)>, tags: [u8; 3], out: &mut Vec<u8>) {
    match fix {
        Some((tag, limit)) if length < limit => out.push(tag + length as u8),
        _ if length <= 0xFF && tags[0] != 0 => out.extend([tags[0], length as u8]),
        _ if length <= 0xFFFF => tagged(tags[1], &(length as u16).to_be_bytes(), out),
        _ => tagged(tags[2], &(length as u32).to_be_bytes(), out),
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(bytes);
}

/// Reads one value that must fill `bytes` to the end.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes };
    let value = reader.value(0)?;
    match reader.bytes.len() {
        0 => Ok(value),
        left => Err(format!("{left} bytes after the value")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        let tag = self.take(1)?[0];
        Ok(match tag {
            0x00..=0x7F => Value::Int(tag.into()),
            0x80..=0x8F => self.map(usize::from(tag & 0x0F), depth)?,
            0x90..=0x9F => self.array(usize::from(tag & 0x0F), depth)?,
            0xA0..=0xBF => self.text(usize::from(tag & 0x1F))?,
            0xC0 => Value::Nil,
            0xC2 | 0xC3 => Value::Bool(tag == 0xC3),
            0xC4..=0xC6 => {
                let length = self.length(tag - 0xC4)?;
                Value::Bin(self.take(length)?.to_vec())
            }
            0xCA => Value::Float(f32::from_bits(self.uint(4)? as u32).into()),
            0xCB => Value::Float(f64::from_bits(self.uint(8)?)),
            0xCC..=0xCF => Value::Int(self.uint(1 << (tag - 0xCC))?.into()),
            0xD0..=0xD3 => self.signed(1 << (tag - 0xD0))?,
            0xD9..=0xDB => {
                let length = self.length(tag - 0xD9)?;
                self.text(length)?
            }
            0xDC | 0xDD => {
                let count = self.length(tag - 0xDC + 1)?;
                self.array(count, depth)?
            }
            0xDE | 0xDF => {
                let count = self.length(tag - 0xDE + 1)?;
                self.map(count, depth)?
            }
            0xE0..=0xFF => Value::Int((tag as i8).into()),
            0xC7..=0xC9 | 0xD4..=0xD8 => return Err("an extension type".to_string()),
            0xC1 => return Err("byte c1 means nothing in msgpack".to_string()),
        })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        if count > self.bytes.len() {
            return Err(format!("cut short: {count} bytes wanted, {} left", self.bytes.len()));
        }
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(taken)
    }

    fn uint(&mut self, width: usize) -> Result<u64, String> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn signed(&mut self, width: usize) -> Result<Value, String> {
        let unused = 64 - 8 * width as u32;
        Ok(Value::Int(((self.uint(width)? << unused) as i64 >> unused).into()))
    }

    /// A length in 1, 2 or 4 bytes for sizes 0, 1, 2.
    fn length(&mut self, size: u8) -> Result<usize, String> {
        Ok(self.uint(1 << size)? as usize)
    }

    fn text(&mut self, length: usize) -> Result<Value, String> {
        let text = std::str::from_utf8(self.take(length)?);
        Ok(Value::Str(text.map_err(|_| "a string is not UTF-8".to_string())?.to_string()))
    }

    fn array(&mut self, count: usize, depth: usize) -> Result<Value, String> {
        (0..count).map(|_| self.value(depth + 1)).collect::<Result<_, _>>().map(Value::Array)
    }

    fn map(&mut self, count: usize, depth: usize) -> Result<Value, String> {
        let mut entries = Vec::new();
        let mut names = BTreeSet::new();
        for _ in 0..count {
            let Value::Str(key) = self.value(depth + 1)? else {
                return Err("a key is not a string".to_string());
            };
            if !names.insert(key.clone()) {
                return Err(format!("key {key:?} twice in one map"));
            }
            entries.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Map(entries))
    }
}
