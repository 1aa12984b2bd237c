//! Builds the files that an evaluation sees, in its own mount namespace (mount_namespaces(7)).
//!
//!     /task                read-only: what the job names
//!     /scratch             a tmpfs, limited in size: work/ and home/; /tmp and /dev/shm lead there
//!     /evolve              read-only: the harness, `run` (EVOLVE_RUN), and what the latter may read
//!     /proc /dev /sys/devices/system, and programs and libraries at their own places, read-only

use crate::confine::{at, Failure};
use crate::process::call;
use crate::sys::checked;
use crate::trial_words::{text, Asked};
use std::ffi::{c_char, c_int, c_ulong, c_void, OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io;
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::ptr;

pub const TASK: &str = "/task";
pub const SCRATCH: &str = "/scratch";
/// Written by evaluators only: what the programs that they run have cost.
pub const COSTS: &str = "/scratch/costs";
pub const OWN: &str = "/evolve";
pub const RUN: &str = "/evolve/run";

const MS_RDONLY: c_ulong = 1;
const MS_NOSUID: c_ulong = 2;
const MS_NODEV: c_ulong = 4;
const MS_NOEXEC: c_ulong = 8;
const MS_BIND: c_ulong = 0x1000;
const MS_REC: c_ulong = 0x4000;
const MS_PRIVATE: c_ulong = 0x4_0000;
const MNT_DETACH: c_int = 2;
const MOUNT_SETATTR: u32 = 442;
const PIVOT_ROOT: u32 = crate::numbers::PIVOT_ROOT;
const AT_FDCWD: usize = -100isize as usize;
const AT_RECURSIVE: usize = 0x8000;
const ATTR_RDONLY_NOSUID: u64 = 1 | 2;
/// The tmpfs itself has some: its folders.
const OWN_INODES: u64 = 8;
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// What programs read of the machine: how many processors it has, say.
const MACHINE: &str = "/sys/devices/system";

/// struct mount_attr
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

extern "C" {
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn umount2(target: *const c_char, flags: c_int) -> c_int;
}

/// Replaces all files that this process sees. It must be alone in its mount namespace.
pub fn enter(asked: &Asked, root: &Path, program: &Path) -> Result<(), Failure> {
    let nothing = Path::new("none");
    at("mounts", mounted(nothing, Path::new("/"), "", MS_REC | MS_PRIVATE, ""))?;
    at("root", mounted(nothing, root, "tmpfs", MS_NOSUID, "size=1m,mode=755"))?;
    at("root", std::env::set_current_dir(root))?;
    for path in &asked.readable {
        at("readable paths", shown(path, path))?;
    }
    at("task", shown(&asked.task, Path::new(TASK)))?;
    at("programs", own_files(asked, program))?;
    at("devices", devices(&asked.devices))?;
    at("folders", folders())?;
    at("read-only", make_read_only())?;
    at("proc", {
        let flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
        mounted(nothing, Path::new("proc"), "proc", flags, "")
    })?;
    at("root", become_root())?;
    fresh_scratch(asked)
}

/// Gives processes that start from now on an empty scratch folder.
pub fn fresh_scratch(asked: &Asked) -> Result<(), Failure> {
    let most = &asked.most;
    // Each folder of the tmpfs needs a page.
    let size = most.disk.max(4096) + OWN_INODES * 4096;
    let told = format!("mode=755,size={size},nr_inodes={}", most.inodes + OWN_INODES);
    let flags = MS_NOSUID | MS_NODEV;
    at("scratch", mounted(Path::new("none"), Path::new(SCRATCH), "tmpfs", flags, &told))?;
    for (name, mode) in [("work", 0o700), ("home", 0o700), ("tmp", 0o1777), ("shm", 0o1777)] {
        let place = Path::new(SCRATCH).join(name);
        at("scratch", fs::create_dir(&place))?;
        at("scratch", fs::set_permissions(&place, Permissions::from_mode(mode)))?;
    }
    Ok(())
}

/// Removes the scratch folder, whatever is in it.
pub fn drop_scratch() -> io::Result<()> {
    // SAFETY: a text that ends with NUL.
    checked(unsafe { umount2(text(SCRATCH.as_ref()).as_ptr(), MNT_DETACH) }).map(drop)
}

/// Shows a file or folder of the machine at this place below the working folder. One that does not
/// exist is left out.
fn shown(path: &Path, place: &Path) -> io::Result<()> {
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    let place = Path::new(".").join(place.strip_prefix("/").unwrap_or(place));
    if found.is_dir() {
        fs::create_dir_all(&place)?;
    } else {
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        File::create(&place)?;
    }
    mounted(path, &place, "", MS_BIND | MS_REC, "")
}

fn own_files(asked: &Asked, program: &Path) -> io::Result<()> {
    shown(program, Path::new(RUN))?;
    if let Some(harness) = &asked.harness {
        for name in ["harness.py", "server.py"] {
            shown(&harness.with_file_name(name), &Path::new("/evolve").join(name))?;
        }
    }
    let readable = asked.readable.iter().filter(|path| path.exists()).map(|path| path.as_os_str());
    fs::write("evolve/readable", listed(readable))?;
    fs::write("evolve/program", listed(asked.program.iter().map(OsString::as_os_str)))?;
    fs::write("evolve/cost", &asked.cost)
}

/// Each followed by a NUL.
fn listed<'a>(names: impl Iterator<Item = &'a OsStr>) -> Vec<u8> {
    names.flat_map(|name| name.as_bytes().iter().copied().chain([0])).collect()
}

fn devices(others: &[std::path::PathBuf]) -> io::Result<()> {
    fs::create_dir_all("dev")?; // it may hold readable paths already
    for name in DEVICES {
        let path = Path::new("/dev").join(name);
        shown(&path, &path)?;
    }
    for path in others {
        shown(path, path)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("shm", "/scratch/shm"),
    ] {
        let link = Path::new("dev").join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(target, link)?;
        }
    }
    Ok(())
}

fn folders() -> io::Result<()> {
    for name in ["proc", "scratch", "run", "var", "etc"] {
        fs::create_dir_all(name)?;
    }
    for (name, target) in [("tmp", "/scratch/tmp"), ("var/tmp", "/scratch/tmp")] {
        if fs::symlink_metadata(name).is_err() {
            symlink(target, name)?;
        }
    }
    if fs::symlink_metadata("etc/mtab").is_err() {
        let _ = symlink("/proc/mounts", "etc/mtab");
    }
    shown(Path::new(MACHINE), Path::new(MACHINE))
}

/// All that is mounted so far (mount_setattr(2), Linux 5.12).
fn make_read_only() -> io::Result<()> {
    let asked = Attributes { set: ATTR_RDONLY_NOSUID, clear: 0, propagation: 0, namespace: 0 };
    let here = text(".".as_ref());
    let words = [
        AT_FDCWD,
        here.as_ptr() as usize,
        AT_RECURSIVE,
        ptr::addr_of!(asked) as usize,
        size_of::<Attributes>(),
    ];
    // SAFETY: a text, and struct mount_attr of this size; both live through the call.
    unsafe { call(MOUNT_SETATTR, words) }.map(drop)
}

/// The working folder becomes the root, and the old root is gone (pivot_root(2)).
fn become_root() -> io::Result<()> {
    let here = text(".".as_ref());
    let place = here.as_ptr() as usize;
    // SAFETY: texts that end with NUL.
    unsafe {
        call(PIVOT_ROOT, [place, place, 0, 0, 0])?;
        checked(umount2(here.as_ptr(), MNT_DETACH))?;
    }
    std::env::set_current_dir("/")
}

/// mount(2); an empty `kind` is none.
fn mounted(source: &Path, target: &Path, kind: &str, flags: c_ulong, told: &str) -> io::Result<()> {
    let (source, target) = (text(source.as_os_str()), text(target.as_os_str()));
    let (kind, told) = (text(kind.as_ref()), text(told.as_ref()));
    let kind = if kind.is_empty() { ptr::null() } else { kind.as_ptr() };
    let told = told.as_ptr().cast::<c_void>();
    // SAFETY: texts that end with NUL, or a null pointer where the kernel needs no kind.
    checked(unsafe { mount(source.as_ptr(), target.as_ptr(), kind, flags, told) }).map(drop)
}
