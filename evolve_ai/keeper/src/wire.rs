//! The frames between client and keeper: a length (u32, little-endian), then fields separated by
//! NULs. Files come with the bytes: each belongs to the next `program` request.

use crate::confine::Confinement;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

pub const MOST_BYTES: usize = 1 << 20;

/// The requests of a client.
#[derive(Debug, PartialEq)]
pub enum Request {
    Spawn(Box<Launch>),
    /// From now on this name stands for the next file that came.
    Program(String),
    Forget(String),
    Compact(u64),
    Leave,
}

/// What to start, where, with which limits, in which box. `program` is the name of a sent one.
#[derive(Debug, PartialEq)]
pub struct Launch {
    pub serial: u64,
    pub id: String,
    pub note: String,
    pub folder: PathBuf,
    pub input: PathBuf,
    pub output: PathBuf,
    pub log: PathBuf,
    pub address_space: u64,
    pub file_size: u64,
    pub descriptors: u64,
    pub environment: Vec<CString>,
    pub confinement: Option<Confinement>,
    pub program: String,
    pub arguments: Vec<CString>,
}

/// The client sent something that is not a valid frame.
#[derive(Debug, PartialEq)]
pub struct Rubbish;

/// The body of the first frame and its length in bytes; None while it is incomplete.
pub fn first_frame(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Rubbish> {
    let Some(head) = bytes.get(..4) else { return Ok(None) };
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > MOST_BYTES {
        return Err(Rubbish);
    }
    Ok(bytes.get(4..4 + length).map(|body| (body, 4 + length)))
}

pub fn frame(fields: &[&str]) -> Vec<u8> {
    let body = fields.join("\0");
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

pub fn request(body: &[u8]) -> Result<Request, Rubbish> {
    let mut fields = Fields(body.split(|&byte| byte == 0));
    let request = match fields.next()? {
        b"spawn" => Request::Spawn(Box::new(launch(&mut fields)?)),
        b"program" => Request::Program(fields.word()?),
        b"forget" => Request::Forget(fields.word()?),
        b"compact" => Request::Compact(fields.number()?),
        b"leave" => Request::Leave,
        _ => return Err(Rubbish),
    };
    fields.end()?;
    Ok(request)
}

fn launch<'a>(fields: &mut Fields<impl Iterator<Item = &'a [u8]>>) -> Result<Launch, Rubbish> {
    Ok(Launch {
        serial: fields.number()?,
        id: fields.word()?,
        note: fields.word()?,
        folder: fields.path()?,
        input: fields.path()?,
        output: fields.path()?,
        log: fields.path()?,
        address_space: fields.number()?,
        file_size: fields.number()?,
        descriptors: fields.number()?,
        environment: fields.counted()?,
        confinement: fields.confinement()?,
        program: fields.word()?,
        arguments: fields.rest()?,
    })
}

struct Fields<I>(I);

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<I> {
    fn next(&mut self) -> Result<&'a [u8], Rubbish> {
        self.0.next().ok_or(Rubbish)
    }

    fn number(&mut self) -> Result<u64, Rubbish> {
        let text = std::str::from_utf8(self.next()?).map_err(|_| Rubbish)?;
        text.parse().map_err(|_| Rubbish)
    }

    /// A word for a line of the journal: it must not contain anything that would split the line.
    fn word(&mut self) -> Result<String, Rubbish> {
        let text = std::str::from_utf8(self.next()?).map_err(|_| Rubbish)?;
        let splits = |symbol: char| symbol.is_whitespace() || symbol.is_control();
        if text.is_empty() || text.contains(splits) {
            return Err(Rubbish);
        }
        Ok(text.to_owned())
    }

    fn path(&mut self) -> Result<PathBuf, Rubbish> {
        Ok(OsString::from_vec(self.next()?.to_vec()).into())
    }

    fn text(&mut self) -> Result<CString, Rubbish> {
        CString::new(self.next()?).map_err(|_| Rubbish)
    }

    fn confinement(&mut self) -> Result<Option<Confinement>, Rubbish> {
        match self.next()? {
            b"bare" => Ok(None),
            b"boxed" => {
                let words = self.counted()?;
                let words = words.into_iter().map(|word| OsString::from_vec(word.into_bytes()));
                Confinement::from_words(words).map(Some).map_err(|_| Rubbish)
            }
            _ => Err(Rubbish),
        }
    }

    fn counted(&mut self) -> Result<Vec<CString>, Rubbish> {
        let count = self.number()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn rest(&mut self) -> Result<Vec<CString>, Rubbish> {
        self.0.by_ref().map(|field| CString::new(field).map_err(|_| Rubbish)).collect()
    }

    fn end(&mut self) -> Result<(), Rubbish> {
        self.0.next().map_or(Ok(()), |_| Err(Rubbish))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAWN: &[&str] = &[
        "spawn", "7", "a1", "run-3", "/f", "/i", "/o", "/l", "1", "2", "3", "1", "K=V", "boxed",
        "2", "--write", "/f/state", "x", "zero", "", "two",
    ];

    fn body(fields: &[&str]) -> Vec<u8> {
        fields.join("\0").into_bytes()
    }

    #[test]
    fn frame_comes_back_as_it_was_and_not_before_it_is_whole() {
        let bytes = frame(&["ended", "a", ""]);
        for length in 0..bytes.len() {
            assert_eq!(first_frame(&bytes[..length]), Ok(None));
        }
        assert_eq!(first_frame(&bytes), Ok(Some((&b"ended\0a\0"[..], bytes.len()))));
    }

    #[test]
    fn frame_that_says_it_is_huge_is_rubbish() {
        assert_eq!(first_frame(&[1, 0, 16, 0]), Err(Rubbish));
        assert_eq!(first_frame(&[0xff; 4]), Err(Rubbish));
    }

    #[test]
    fn all_fields_of_a_launch_are_read_in_order() {
        let Ok(Request::Spawn(launch)) = request(&body(SPAWN)) else { panic!() };
        assert_eq!((launch.serial, &*launch.id, &*launch.note), (7, "a1", "run-3"));
        assert_eq!((launch.address_space, launch.file_size, launch.descriptors), (1, 2, 3));
        let texts =
            |texts: &[&str]| texts.iter().map(|&text| CString::new(text).unwrap()).collect();
        let (environment, arguments): (Vec<_>, Vec<_>) =
            (texts(&["K=V"]), texts(&["zero", "", "two"]));
        assert_eq!((launch.environment, launch.arguments), (environment, arguments));
        assert_eq!(launch.program, "x");
        assert_eq!(launch.confinement.unwrap().writable, [PathBuf::from("/f/state")]);
        assert_eq!(launch.log, PathBuf::from("/l"));
    }

    #[test]
    fn launch_that_is_cut_short_is_rubbish() {
        for length in 0..18 {
            assert_eq!(request(&body(&SPAWN[..length])), Err(Rubbish), "{length} fields");
        }
    }

    #[test]
    fn words_that_would_split_a_line_of_the_journal_are_rubbish() {
        for word in ["", "a b", "a\nb", "a\tb"] {
            let mut fields = SPAWN.to_vec();
            fields[2] = word;
            assert_eq!(request(&body(&fields)), Err(Rubbish), "{word:?}");
        }
    }

    #[test]
    fn box_that_nobody_understands_is_rubbish() {
        for (index, word) in [(13, "box"), (14, "-1"), (14, "9"), (15, "--writes")] {
            let mut fields = SPAWN.to_vec();
            fields[index] = word;
            assert_eq!(request(&body(&fields)), Err(Rubbish), "{word:?}");
        }
    }

    #[test]
    fn other_requests_are_read_whole_or_not_at_all() {
        assert_eq!(request(b"leave"), Ok(Request::Leave));
        assert_eq!(request(b"compact\x0012"), Ok(Request::Compact(12)));
        assert_eq!(request(b"program\0ab"), Ok(Request::Program("ab".to_owned())));
        for body in [&b""[..], b"leave\0", b"compact", b"compact\0-1", b"compact\x001\x002", b"x"] {
            assert_eq!(request(body), Err(Rubbish), "{body:?}");
        }
    }
}
