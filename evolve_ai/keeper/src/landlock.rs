//! Landlock: restricts the files that a box can access, signals to other processes, and connections
//! (landlock(7), Documentation/userspace-api/landlock.rst, linux/landlock.h)

use crate::confine::{Confinement, Protection};
use crate::{process, sys};
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::addr_of;

// The same numbers on all architectures.
const CREATE_RULESET: u32 = 444;
const ADD_RULE: u32 = 445;
const RESTRICT_SELF: u32 = 446;
const VERSION: usize = 1; // LANDLOCK_CREATE_RULESET_VERSION
const PATH_BENEATH: usize = 1;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;

const READ: u64 = READ_FILE | READ_DIR;
const WRITE: u64 = WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER;
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
/// Compilers make links and pipes; agents need neither.
const WRITE_OF_COMPILERS: u64 = MAKE_SYM | MAKE_FIFO;
/// The first version that can keep signals within a box.
const SCOPES: u32 = 6;
/// The error for a place that is on no disk (landlock_add_rule(2)).
const EBADFD: i32 = 77;
/// Devices that are the same for all processes and cannot be used up.
const ALWAYS_READ: &[&str] = &["/dev/zero", "/dev/random", "/dev/urandom"];
const ALWAYS_WRITTEN: &str = "/dev/null";

/// struct landlock_ruleset_attr; older kernels take only its beginning.
#[repr(C)]
#[derive(Debug, PartialEq)]
struct Handled {
    files: u64,
    network: u64,
    scopes: u64,
}

/// struct landlock_path_beneath_attr
#[repr(C, packed)]
struct Beneath {
    rights: u64,
    parent: i32,
}

/// Rules that a process can impose on itself.
pub struct Ruleset(Option<File>);

/// The version of Landlock in this kernel; 0 if the confinement does not need it.
pub fn version_for(confinement: &Confinement) -> io::Result<u32> {
    let asked = [Protection::Files, Protection::Network, Protection::Signals];
    if asked.iter().any(|&protection| confinement.holds(protection)) {
        version()
    } else {
        Ok(0)
    }
}

fn version() -> io::Result<u32> {
    // SAFETY: with this flag it takes no pointer.
    unsafe { process::call(CREATE_RULESET, [0, 0, VERSION, 0, 0]) }.map(|version| version as u32)
}

pub fn keeps_signals(version: u32) -> bool {
    version >= SCOPES
}

impl Ruleset {
    /// Keeps signals, and connections to abstract sockets, within the processes that enter. None
    /// where this kernel cannot do that.
    pub fn of_scopes() -> io::Result<Option<Ruleset>> {
        if version().unwrap_or(0) < SCOPES {
            return Ok(None);
        }
        let handled = Handled { files: 0, network: 0, scopes: 3 };
        let words = [addr_of!(handled) as usize, size_of::<Handled>(), 0, 0, 0];
        // SAFETY: struct landlock_ruleset_attr, of which it reads all; the descriptor is new.
        let ruleset = unsafe { File::from_raw_fd(process::call(CREATE_RULESET, words)? as i32) };
        Ok(Some(Ruleset(Some(ruleset))))
    }

    /// The rules take effect with `enter`; paths are looked up now.
    pub fn of(confinement: &Confinement, version: u32) -> io::Result<Ruleset> {
        let (handled, bytes) = handled(confinement, version);
        if handled == (Handled { files: 0, network: 0, scopes: 0 }) {
            return Ok(Ruleset(None));
        }
        // SAFETY: laid out as struct landlock_ruleset_attr, of which it reads so many bytes.
        let handle =
            unsafe { process::call(CREATE_RULESET, [addr_of!(handled) as usize, bytes, 0, 0, 0])? };
        // SAFETY: the descriptor is new.
        let ruleset = unsafe { File::from_raw_fd(handle as i32) };
        if handled.files != 0 {
            for (path, rights) in rights(confinement) {
                allow(&ruleset, path, rights & handled.files)?;
            }
        }
        Ok(Ruleset(Some(ruleset)))
    }

    /// Allow the execution of an open program, wherever it lies. A program in memory needs no rule,
    /// and the kernel accepts none for it.
    pub fn allow_program(&self, program: &File) -> io::Result<()> {
        let Some(ruleset) = &self.0 else { return Ok(()) };
        match add_rule(ruleset, program, READ_FILE | EXECUTE) {
            Err(error) if error.raw_os_error() == Some(EBADFD) => Ok(()),
            added => added,
        }
    }

    /// Restrict this thread and its descendants.
    pub fn enter(&self) -> io::Result<()> {
        let Some(ruleset) = &self.0 else { return Ok(()) };
        let handle = ruleset.as_raw_fd() as usize;
        // SAFETY: takes numbers.
        unsafe { process::call(RESTRICT_SELF, [handle, 0, 0, 0, 0]) }.map(drop)
    }
}

/// All rights that this version can restrict, and how many bytes of the structure it knows.
fn handled(confinement: &Confinement, version: u32) -> (Handled, usize) {
    let files =
        (1 << match version {
            1 => 13,
            2 => 14,
            3 | 4 => 15,
            _ => 16,
        }) - 1;
    let network = if version >= 4 { 3 } else { 0 };
    let of = |protection, what| if confinement.holds(protection) { what } else { 0 };
    let unix_sockets = of(Protection::Network, 1);
    let signals = of(Protection::Signals, 2);
    let handled = Handled {
        files: of(Protection::Files, files),
        network: of(Protection::Network, network),
        scopes: if keeps_signals(version) { unix_sockets | signals } else { 0 },
    };
    let words = if keeps_signals(version) {
        3
    } else if version >= 4 {
        2
    } else {
        1
    };
    (handled, words * size_of::<u64>())
}

fn rights(confinement: &Confinement) -> impl Iterator<Item = (&Path, u64)> {
    let Confinement { readable, executable, writable, .. } = confinement;
    let made = if confinement.processes.is_some() { WRITE_OF_COMPILERS } else { 0 };
    let of = |paths, rights| all(paths).map(move |path| (path, rights));
    let devices = ALWAYS_READ.iter().map(|path| (Path::new(*path), READ_FILE));
    devices
        .chain([(Path::new(ALWAYS_WRITTEN), READ_FILE | WRITE_FILE | TRUNCATE)])
        .chain(of(readable, READ))
        .chain(of(executable, READ | EXECUTE))
        .chain(of(writable, READ | WRITE | made))
}

fn all(paths: &[PathBuf]) -> impl Iterator<Item = &Path> {
    paths.iter().map(PathBuf::as_path)
}

/// Grants rights below a path; a path that does not exist grants nothing.
fn allow(ruleset: &File, path: &Path, rights: u64) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // A writable path must be that place itself, not the target of a link there.
    let follow = if rights & WRITE_FILE == 0 { 0 } else { sys::O_NOFOLLOW };
    let place = match options.read(true).custom_flags(sys::O_PATH | follow).open(path) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let found = place.metadata()?;
    if found.is_symlink() {
        return Err(io::Error::from_raw_os_error(sys::ELOOP));
    }
    add_rule(ruleset, &place, if found.is_dir() { rights } else { rights & OF_FILES })
}

fn add_rule(ruleset: &File, place: &File, rights: u64) -> io::Result<()> {
    let beneath = Beneath { rights, parent: place.as_raw_fd() };
    let handle = ruleset.as_raw_fd() as usize;
    let beneath = addr_of!(beneath) as usize;
    // SAFETY: struct landlock_path_beneath_attr, which outlives the call.
    unsafe { process::call(ADD_RULE, [handle, PATH_BENEATH, beneath, 0, 0]) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_asked_for_all_it_knows_and_no_more() {
        let confinement = Confinement::default();
        let told = |version| {
            let (handled, bytes) = handled(&confinement, version);
            (handled.files, handled.network, handled.scopes, bytes)
        };
        assert_eq!(told(1), (0x1fff, 0, 0, 8));
        assert_eq!(told(2), (0x3fff, 0, 0, 8));
        assert_eq!(told(3), (0x7fff, 0, 0, 8));
        assert_eq!(told(4), (0x7fff, 3, 0, 16));
        assert_eq!(told(5), (0xffff, 3, 0, 16));
        assert_eq!(told(6), (0xffff, 3, 3, 24));
        assert_eq!(told(9), told(6));
    }

    #[test]
    fn what_is_lifted_is_not_handled() {
        let lifted = vec![Protection::Files, Protection::Network, Protection::Signals];
        let (handled, _) = handled(&Confinement { lifted, ..Confinement::default() }, 7);
        assert_eq!(handled, Handled { files: 0, network: 0, scopes: 0 });
    }
}
