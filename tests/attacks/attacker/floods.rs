//! Owns floods: of memory, of bytes and files in one's own folder, of one's own log.

use crate::sys::{call, parsed, text, AT_FDCWD};
use crate::tell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;

const PIECE: usize = 1 << 16;
const O_RDONLY: usize = 0;
const O_WRONLY_CREATE: usize = 0o101;

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["memory", bytes] => tell("memory", memory(parsed(bytes))),
        ["big_file", bytes] => tell("big_file", fill("state/big", parsed(bytes))),
        ["many_bytes", files, bytes] => {
            let name = |number| format!("state/many-{number}");
            let all =
                (0..parsed(files)).try_for_each(|one| fill(&name(one), parsed(bytes)).map(drop));
            tell("many_bytes", all.map(|()| bytes));
        }
        ["many_removed", files, bytes] => {
            let all = (0..parsed(files)).try_for_each(|_| removed(parsed(bytes)).map(mem::forget));
            tell("many_removed", all.map(|()| bytes));
        }
        ["many_mapped", files, bytes] => {
            let all = (0..parsed(files)).try_for_each(|_| mapped(parsed(bytes)));
            tell("many_mapped", all.map(|()| bytes));
        }
        ["many_files", most] => tell("many_files", many_files("state", parsed(most))),
        ["many_files_hidden", most] => tell("many_files_hidden", hidden(parsed(most))),
        ["many_files_far_away", most] => tell("many_files_far_away", far_away(parsed(most))),
        ["many_folders", most] => tell("many_folders", many_folders(parsed(most))),
        ["descriptors_many", most] => {
            let all = (0..parsed(most)).try_for_each(|_| File::open(".").map(mem::forget));
            tell("descriptors_many", all.map(|()| most));
        }
        ["log", bytes] => tell("log", log(parsed(bytes))),
        _ => return false,
    }
    true
}

/// Every page of it is touched, and stays.
fn memory(bytes: usize) -> io::Result<usize> {
    let mut hoard: Vec<u8> = Vec::new();
    hoard.try_reserve_exact(bytes).map_err(|_| io::Error::from_raw_os_error(12))?;
    hoard.resize(bytes, 1);
    mem::forget(hoard);
    Ok(bytes)
}

fn fill(path: &str, bytes: usize) -> io::Result<usize> {
    let (mut file, piece) = (File::create(path)?, [b'x'; PIECE]);
    for _ in 0..bytes / PIECE {
        file.write_all(&piece)?;
    }
    Ok(bytes)
}

/// Full, open, and in no folder.
fn removed(bytes: usize) -> io::Result<File> {
    fill("state/removed", bytes)?;
    let file = File::open("state/removed")?;
    fs::remove_file("state/removed")?;
    Ok(file)
}

/// In no folder, and no descriptor leads to it.
fn mapped(bytes: usize) -> io::Result<()> {
    const READ: usize = 1;
    const SHARED: usize = 1;
    let file = removed(bytes)?;
    call("mmap", &[0, 4096, READ, SHARED, file.as_raw_fd() as usize, 0]).map(drop)
}

fn many_files(folder: &str, most: usize) -> io::Result<usize> {
    for number in 0..most {
        File::create(format!("{folder}/{number}"))?;
    }
    Ok(most)
}

/// Few in state/ itself, many below it.
fn many_folders(most: usize) -> io::Result<usize> {
    fs::create_dir_all("state/a/b")?;
    many_files("state/a/b", most)
}

/// In a folder that its owner may write in, and not list.
fn hidden(most: usize) -> io::Result<usize> {
    fs::DirBuilder::new().mode(0o300).create("state/hidden")?;
    many_files("state/hidden", most)
}

/// Where no path is short enough to lead: one gets there step by step.
fn far_away(most: usize) -> io::Result<usize> {
    let name = text(&"d".repeat(250));
    let mut at = call("openat", &[AT_FDCWD, text("state").as_ptr() as usize, O_RDONLY])?;
    for _ in 0..20 {
        call("mkdirat", &[at, name.as_ptr() as usize, 0o755])?;
        at = call("openat", &[at, name.as_ptr() as usize, O_RDONLY])?;
    }
    for number in 0..most {
        let file = text(&number.to_string());
        let made = call("openat", &[at, file.as_ptr() as usize, O_WRONLY_CREATE, 0o644])?;
        call("close", &[made])?;
    }
    Ok(most)
}

fn log(bytes: usize) -> io::Result<usize> {
    let (mut out, piece) = (io::stdout(), [b'x'; PIECE]);
    for _ in 0..bytes / PIECE {
        out.write_all(&piece)?;
    }
    Ok(bytes)
}
