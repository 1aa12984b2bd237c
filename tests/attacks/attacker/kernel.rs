//! Owns attacks by way of the kernel: facilities that no agent needs, other doors into it.

use crate::sys::{call, call_number, number, own_pid, parsed, text};
use crate::tell;
use std::io;

const STILL_THERE: &str = "it returned";

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["io_uring"] => {
            let parameters = [0u32; 30];
            tell("io_uring", call("io_uring_setup", &[1, parameters.as_ptr() as usize]));
        }
        ["bpf"] => tell("bpf", make_map()),
        ["userfaultfd"] => tell("userfaultfd", call("userfaultfd", &[0o2000001])),
        ["memfd"] => tell("memfd", call("memfd_create", &[text("attack").as_ptr() as usize])),
        ["perf"] => tell("perf", count_events()),
        ["keyring", name] => tell("keyring", add_key(name)),
        ["personality"] => tell("personality", call("personality", &[0x0040000])),
        ["shared_memory", key] => tell("shmget", call("shmget", &[parsed(key), 4096, 0o1600])),
        ["message_queue", name] => tell("mq_open", open_queue(name)),
        ["watch", path] => tell("watch", watch(path)),
        ["unshare_user"] => tell("unshare", call("unshare", &[0x1000_0000])),
        ["mount"] => tell("mount", mount()),
        ["chroot", path] => tell("chroot", call("chroot", &[text(path).as_ptr() as usize])),
        ["setuid", user] => tell("setuid", call("setuid", &[parsed(user)])),
        ["x32"] => tell("x32", call_number(number("getpid") | 0x4000_0000, &[])),
        ["int80"] => println!("int80: done: {}", getpid_of_i386()),
        ["raise_limit", kind, value] => tell("raise", raise_limit(parsed(kind), parsed(value))),
        ["forbidden", name] => forbidden(name),
        _ => return false,
    }
    true
}

/// A call with arguments that no kernel takes: only who refuses the call itself says otherwise.
fn forbidden(name: &str) {
    const NOTHING: usize = usize::MAX;
    let done = match name {
        "vfork" | "clone3" | "fork" => call(name, &[]),
        _ => call(name, &[NOTHING; 6]),
    };
    tell(STILL_THERE, done);
}

fn make_map() -> io::Result<usize> {
    const CREATE: usize = 0;
    const ARRAY: u32 = 2;
    let mut attributes = [0u32; 32];
    attributes[..4].copy_from_slice(&[ARRAY, 4, 4, 1]);
    call("bpf", &[CREATE, attributes.as_ptr() as usize, 128])
}

fn count_events() -> io::Result<usize> {
    const SOFTWARE: u32 = 1;
    const SIZE: u32 = 64;
    const NOT_THE_KERNEL: u32 = 0x20 | 0x40;
    let mut attributes = [0u32; 16];
    attributes[..2].copy_from_slice(&[SOFTWARE, SIZE]);
    attributes[10] = NOT_THE_KERNEL;
    let anywhere = usize::MAX;
    call("perf_event_open", &[attributes.as_ptr() as usize, 0, anywhere, anywhere, 0])
}

/// In the keyring of this process, which goes with it.
fn add_key(name: &str) -> io::Result<usize> {
    const PROCESS_KEYRING: usize = -2isize as usize;
    let (kind, name) = (text("user"), text(name));
    let [kind, name] = [&kind, &name].map(|text| text.as_ptr() as usize);
    call("add_key", &[kind, name, name, 4, PROCESS_KEYRING])
}

fn open_queue(name: &str) -> io::Result<usize> {
    const CREATE_WRITE: usize = 0o101;
    call("mq_open", &[text(name).as_ptr() as usize, CREATE_WRITE, 0o600, 0])
}

fn watch(path: &str) -> io::Result<usize> {
    const EVERYTHING: usize = 0xfff;
    let watcher = call("inotify_init1", &[0])?;
    call("inotify_add_watch", &[watcher, text(path).as_ptr() as usize, EVERYTHING])
}

/// In a namespace of its own, so that nobody else ever sees it.
fn mount() -> io::Result<usize> {
    const NEW_MOUNTS: usize = 0x20000;
    const PRIVATE_ALL: usize = 1 << 18 | 0x4000;
    call("unshare", &[NEW_MOUNTS])?;
    let (root, kind, place) = (text("/"), text("tmpfs"), text("state"));
    let [root, kind, place] = [&root, &kind, &place].map(|text| text.as_ptr() as usize);
    call("mount", &[0, root, 0, PRIVATE_ALL, 0])?;
    call("mount", &[kind, place, kind, 0, 0])
}

fn raise_limit(kind: usize, value: usize) -> io::Result<usize> {
    let limit = [value as u64; 2];
    call("prlimit64", &[own_pid(), kind, limit.as_ptr() as usize, 0])
}

/// By the gate of another architecture, where the same numbers mean other calls.
#[cfg(target_arch = "x86_64")]
fn getpid_of_i386() -> usize {
    const GETPID: usize = 20;
    let answer: usize;
    // SAFETY: getpid takes nothing and changes nothing.
    unsafe { std::arch::asm!("int 0x80", inlateout("rax") GETPID => answer) };
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn getpid_of_i386() -> usize {
    0
}
