//! Owns attacks on files: reading, writing and moving what is not one's own; modes, owners, times.

use crate::sys::{call, parsed, text, AT_FDCWD};
use crate::tell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const O_RDONLY_TRUNC: usize = 0o1000;
const O_WRONLY_CREATE: u64 = 0o101;
const AT_SYMLINK_FOLLOW: usize = 0x400;
const RENAME_EXCHANGE: usize = 2;
const S_IFIFO: usize = 0o10000;
const GET_FLAGS: usize = 0x8008_6601;
const SET_FLAGS: usize = 0x4008_6602;
const NO_DUMP: usize = 0x40;
const RACE_SECONDS: u64 = 2;
const SAID: &[u8] = b"attacked";

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["write", path] => tell("write", write(path)),
        ["overwrite", path] => tell("overwrite", overwrite(path)),
        ["openat2", path] => tell("openat2", open_by_openat2(path)),
        ["read", path] => tell("read", read(path)),
        ["list", path] => tell("list", list(path)),
        ["remove", path] => tell("remove", fs::remove_file(path).map(|()| path)),
        ["mkdir", path] => tell("mkdir", fs::create_dir(path).map(|()| path)),
        ["rename", from, to] => tell("rename", fs::rename(from, to).map(|()| to)),
        ["exchange", one, other] => tell("exchange", exchange(one, other)),
        ["symlink", target, link] => tell("symlink", symlink(target, link)),
        ["symlink_write", target, link] => {
            tell("symlink", symlink(target, link));
            tell("write", write(link));
        }
        ["symlink_read", target, link] => {
            tell("symlink", symlink(target, link));
            tell("read", read(link));
        }
        ["hardlink", from, to] => tell("hardlink", hardlink(from, to, 0)),
        ["link_own_file", folder, to] => tell("hardlink", link_own_file(folder, to)),
        ["fifo", path] => tell("fifo", mknod(path, S_IFIFO | 0o644)),
        ["truncate", path] => tell("truncate", call("truncate", &[text(path).as_ptr() as usize])),
        ["open_truncating", path] => tell("open", open(path, O_RDONLY_TRUNC)),
        _ => return metadata(words),
    }
    true
}

fn metadata(words: &[&str]) -> bool {
    match *words {
        ["chmod", way, path] => tell("chmod", chmod(way, path)),
        ["make_set_id", path] => tell("make_set_id", make_set_id(path)),
        ["chown", path, user] => tell("chown", chown(path, parsed(user))),
        ["utimes", path] => tell("utimes", utimes(path)),
        ["setxattr", path] => tell("setxattr", setxattr(path)),
        ["chattr", path] => tell("chattr", chattr(path)),
        ["genome_race", secret] => tell("genome_race", genome_race(secret)),
        ["sparse_genome", bytes] => tell("sparse", sparse("state/genome.bin", parsed(bytes))),
        _ => return false,
    }
    true
}

fn write(path: &str) -> io::Result<usize> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)?.write(SAID)
}

/// Of what is there; nothing is made.
fn overwrite(path: &str) -> io::Result<usize> {
    OpenOptions::new().write(true).open(path)?.write(SAID)
}

fn open_by_openat2(path: &str) -> io::Result<usize> {
    let (path, how) = (text(path), [O_WRONLY_CREATE, 0o644, 0]);
    call("openat2", &[AT_FDCWD, path.as_ptr() as usize, how.as_ptr() as usize, 24])
}

fn read(path: &str) -> io::Result<String> {
    let mut content = [0; 512];
    let size = File::open(path)?.read(&mut content)?;
    Ok(String::from_utf8_lossy(&content[..size]).replace('\n', "|"))
}

fn list(path: &str) -> io::Result<String> {
    let names = fs::read_dir(path)?.map(|entry| entry.map(|one| one.file_name()));
    Ok(format!("{:?}", names.collect::<io::Result<Vec<_>>>()?))
}

fn exchange(one: &str, other: &str) -> io::Result<usize> {
    let (one, other) = (text(one), text(other));
    let [one, other] = [&one, &other].map(|path| path.as_ptr() as usize);
    call("renameat2", &[AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE])
}

fn symlink(target: &str, link: &str) -> io::Result<usize> {
    let (target, link) = (text(target), text(link));
    call("symlinkat", &[target.as_ptr() as usize, AT_FDCWD, link.as_ptr() as usize])
}

fn hardlink(from: &str, to: &str, flags: usize) -> io::Result<usize> {
    let (from, to) = (text(from), text(to));
    let [from, to] = [&from, &to].map(|path| path.as_ptr() as usize);
    call("linkat", &[AT_FDCWD, from, AT_FDCWD, to, flags])
}

/// What may be opened for reading gets a second name where it may be written to.
fn link_own_file(path: &str, to: &str) -> io::Result<usize> {
    let file = File::open(path)?;
    hardlink(&format!("/proc/self/fd/{}", file.as_raw_fd()), to, AT_SYMLINK_FOLLOW)?;
    overwrite(to)
}

fn mknod(path: &str, mode: usize) -> io::Result<usize> {
    call("mknodat", &[AT_FDCWD, text(path).as_ptr() as usize, mode, 0])
}

fn open(path: &str, flags: usize) -> io::Result<usize> {
    call("openat", &[AT_FDCWD, text(path).as_ptr() as usize, flags, 0])
}

fn chmod(way: &str, path: &str) -> io::Result<usize> {
    let (named, mode) = (text(path), 0o666);
    let path = named.as_ptr() as usize;
    match way {
        "chmod" => call("chmod", &[path, mode]),
        "fchmod" => call("fchmod", &[open(named.to_str().expect("a path"), 0)?, mode]),
        _ => call(way, &[AT_FDCWD, path, mode, 0]),
    }
}

/// Whoever starts it has our rights.
fn make_set_id(path: &str) -> io::Result<usize> {
    let flags = O_WRONLY_CREATE as usize;
    call("openat", &[AT_FDCWD, text(path).as_ptr() as usize, flags, 0o4755])
}

fn chown(path: &str, user: usize) -> io::Result<usize> {
    call("fchownat", &[AT_FDCWD, text(path).as_ptr() as usize, user, user, 0])
}

fn utimes(path: &str) -> io::Result<usize> {
    let times: [u64; 4] = [1, 0, 1, 0];
    call("utimensat", &[AT_FDCWD, text(path).as_ptr() as usize, times.as_ptr() as usize, 0])
}

fn setxattr(path: &str) -> io::Result<usize> {
    let (path, name) = (text(path), text("user.attacked"));
    let [path, name] = [&path, &name].map(|text| text.as_ptr() as usize);
    call("setxattr", &[path, name, SAID.as_ptr() as usize, SAID.len(), 0])
}

fn chattr(path: &str) -> io::Result<usize> {
    let (file, mut flags) = (open(path, 0)?, 0usize);
    call("ioctl", &[file, GET_FLAGS, &mut flags as *mut usize as usize])?;
    flags |= NO_DUMP;
    call("ioctl", &[file, SET_FLAGS, &flags as *const usize as usize])
}

/// An offer that is a file one moment and a link to a secret the next, and back.
fn genome_race(secret: &str) -> io::Result<usize> {
    let (link, offer) = ("state/link", "state/genome.bin");
    let _ = symlink(secret, link);
    let (begun, mut turns) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(RACE_SECONDS) {
        let _ = fs::write("state/new", SAID);
        let _ = fs::rename("state/new", offer);
        let _ = exchange(link, offer);
        let _ = exchange(link, offer);
        turns += 1;
    }
    Ok(turns)
}

fn sparse(path: &str, bytes: usize) -> io::Result<usize> {
    let file = File::create(path)?;
    file.set_len(bytes as u64).map(|()| bytes)
}
