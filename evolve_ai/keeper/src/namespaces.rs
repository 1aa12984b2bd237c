//! Makes a process in namespaces of its own (namespaces(7)), and what it then needs: ids, loopback.

use crate::numbers::CLONE;
use crate::process::call;
use crate::sys::{checked, SIGCHLD};
use std::ffi::{c_int, c_ulong};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

const NEWNS: usize = 0x2_0000;
const NEWUTS: usize = 0x400_0000;
const NEWIPC: usize = 0x800_0000;
const NEWUSER: usize = 0x1000_0000;
const NEWPID: usize = 0x2000_0000;
const NEWNET: usize = 0x4000_0000;
const AF_INET: c_int = 2;
const SOCK_DGRAM: c_int = 2;
const SOCK_CLOEXEC: c_int = 0o2000000;
const SIOCSIFFLAGS: c_ulong = 0x8914;
const IFF_UP_RUNNING: i16 = 0x41;

/// struct ifreq
#[repr(C)]
struct Interface {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn ioctl(handle: c_int, request: c_ulong, ...) -> c_int;
}

/// fork(2) into new namespaces: None in the child, which is the first process there. Only for a
/// process of one thread.
pub fn divide(with_network: bool) -> io::Result<Option<i32>> {
    let network = if with_network { 0 } else { NEWNET };
    let flags = NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | network | SIGCHLD as usize;
    // SAFETY: without a stack of its own the child goes on with a copy of this one, as by fork(2).
    match unsafe { call(CLONE, [flags, 0, 0, 0, 0]) }? {
        0 => Ok(None),
        pid => Ok(Some(pid as i32)),
    }
}

/// Gives that process our own user and group, and no others (user_namespaces(7)).
pub fn name_owner(pid: i32) -> io::Result<()> {
    let ours = fs::metadata("/proc/self")?;
    fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    fs::write(format!("/proc/{pid}/uid_map"), format!("{0} {0} 1", ours.uid()))?;
    fs::write(format!("/proc/{pid}/gid_map"), format!("{0} {0} 1", ours.gid()))
}

/// In a new network: processes there can reach each other, as on any machine.
pub fn raise_loopback() -> io::Result<()> {
    // SAFETY: takes numbers; the descriptor is new.
    let handle =
        unsafe { OwnedFd::from_raw_fd(checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))?) };
    let mut name = [0; 16];
    name[..2].copy_from_slice(b"lo");
    let asked = Interface { name, flags: IFF_UP_RUNNING, rest: [0; 22] };
    // SAFETY: struct ifreq, which lives through the call.
    checked(unsafe { ioctl(handle.as_raw_fd(), SIOCSIFFLAGS, &asked) }).map(drop)
}
