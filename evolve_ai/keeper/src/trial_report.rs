//! Reports how an evaluation ended, on a descriptor that nothing in its box has.
//!
//! A line of fields, separated by tabs, and the bytes that it announces. The reader is
//! evolve_ai/system/trial_box.py.
//!
//!     failed REASON                  there was no box
//!     ready | unfit REASON           a server
//!     outcome END CODE WALL CPU MEMORY COST KIND STAYS STDOUT STDERR FILES REASON
//!
//! with microseconds, bytes, `-` for no cost, whether a server stays (1 or 0), the lengths of both
//! outputs, and the number of files. The outputs follow, then each file: a line with its length (-1:
//! there is none), and its bytes.

use crate::process::call;
use crate::sys;
use crate::trial_words::text;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Component, Path};
use std::time::Duration;

const OPENAT2: u32 = 437;
const O_CLOEXEC: u64 = 0o2000000;
// RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
const BENEATH: u64 = 2 | 4 | 8;
/// Bytes of all files together; larger ones are not reported.
const MOST: u64 = 64 << 20;

/// struct open_how
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub end: &'static str,
    pub code: i32,
    pub wall: Duration,
    pub cpu: Duration,
    pub memory: u64,
    pub cost: Option<(String, f64)>,
    pub stays: bool,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub files: Vec<Option<Vec<u8>>>,
    pub reason: String,
}

impl Outcome {
    pub fn tell(&self, status: &mut impl Write) -> io::Result<()> {
        let (kind, cost) = match &self.cost {
            Some((kind, cost)) => (&**kind, cost.to_string()),
            None => ("-", "-".to_owned()),
        };
        let fields = [
            "outcome".to_owned(),
            self.end.to_owned(),
            self.code.to_string(),
            self.wall.as_micros().to_string(),
            self.cpu.as_micros().to_string(),
            self.memory.to_string(),
            cost,
            kind.to_owned(),
            u8::from(self.stays).to_string(),
            self.stdout.len().to_string(),
            self.stderr.len().to_string(),
            self.files.len().to_string(),
            self.reason.replace(['\t', '\n'], " "),
        ];
        let mut told = format!("{}\n", fields.join("\t")).into_bytes();
        told.extend(&self.stdout);
        told.extend(&self.stderr);
        for file in &self.files {
            let length = file.as_ref().map_or(-1, |bytes| bytes.len() as i64);
            told.extend(format!("{length}\n").bytes());
            told.extend(file.iter().flatten());
        }
        status.write_all(&told)
    }
}

/// The files at these paths below `work/` of the scratch folder: regular ones, reached without any
/// link.
pub fn collected(scratch: &File, paths: &[impl AsRef<OsStr>]) -> Vec<Option<Vec<u8>>> {
    let mut left = MOST;
    let mut read = |path: &OsStr| {
        if Path::new(path).components().any(|part| !matches!(part, Component::Normal(_))) {
            return None;
        }
        let mut name = std::ffi::OsString::from("work/");
        name.push(path);
        let bytes = contents(scratch, &name, left).ok();
        left -= bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        bytes
    };
    paths.iter().map(|path| read(path.as_ref())).collect()
}

/// The sum of what `$EVOLVE_RUN --cost` has written: lines of KIND and NUMBER.
pub fn cost(scratch: &File) -> Option<(String, f64)> {
    let text = String::from_utf8(contents(scratch, "costs".as_ref(), MOST).ok()?).ok()?;
    let mut sum: Option<(String, f64)> = None;
    for line in text.lines() {
        let (kind, number) = line.split_once(' ')?;
        let before = sum.map_or(0.0, |(_, before)| before);
        sum = Some((kind.to_owned(), before + number.parse::<f64>().ok()?));
    }
    sum
}

fn contents(folder: &File, name: &OsStr, most: u64) -> io::Result<Vec<u8>> {
    let name = text(name);
    let how = How { flags: O_CLOEXEC | sys::O_NONBLOCK as u64, mode: 0, resolve: BENEATH };
    let words = [
        folder.as_raw_fd() as usize,
        name.as_ptr() as usize,
        std::ptr::addr_of!(how) as usize,
        size_of::<How>(),
        0,
    ];
    // SAFETY: a text and struct open_how of this size; both live through the call. The descriptor
    // is new.
    let file = unsafe { File::from_raw_fd(call(OPENAT2, words)? as i32) };
    let found: fs::Metadata = file.metadata()?;
    if !found.is_file() || found.len() > most {
        return Err(io::Error::from_raw_os_error(sys::EINVAL));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_regular_files_of_the_folder_are_collected() {
        let place = std::env::temp_dir().join(format!("evolve-collect-{}", std::process::id()));
        fs::create_dir_all(place.join("work/deep")).unwrap();
        fs::write(place.join("work/deep/a"), "yes").unwrap();
        symlink("/etc/passwd", place.join("work/link")).unwrap();
        symlink("/etc", place.join("work/way")).unwrap();
        fs::write(place.join("costs"), "cpu 0.5\ncpu 1.5\n").unwrap();
        let scratch = File::open(&place).unwrap();
        let paths = ["deep/a", "link", "way/passwd", "../costs", "none", "deep"];
        let found = collected(&scratch, &paths);
        assert_eq!(found[0].as_deref(), Some(&b"yes"[..]));
        assert!(found[1..].iter().all(Option::is_none));
        assert_eq!(cost(&scratch), Some(("cpu".into(), 2.0)));
        fs::remove_dir_all(place).unwrap();
    }
}
