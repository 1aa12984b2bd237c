//! Owns attacks on other processes: signals, their memory, their descriptors, their place in the
//! scheduler. A victim has a treasure in its memory, and says after every frame what it is.

use crate::sys::{call, parsed};
use crate::tell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::os::unix::fs::FileExt;
use std::ptr::{addr_of, addr_of_mut};

const SIGKILL: usize = 9;
const SIZE: usize = 8;
const SAID: &[u8; SIZE] = b"attacked";
static mut TREASURE: [u8; SIZE] = *b"........";

pub fn treasure_address() -> usize {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words[0] == "victim" {
        let mine = words[1].as_bytes();
        assert_eq!(mine.len(), SIZE);
        // SAFETY: there is one thread, and no reference to it.
        unsafe { addr_of_mut!(TREASURE).cast::<u8>().copy_from(mine.as_ptr(), SIZE) };
    }
    addr_of!(TREASURE) as usize
}

pub fn treasure() -> String {
    // SAFETY: eight bytes that are always there; others may write to them, and so it is volatile.
    let bytes = unsafe { addr_of!(TREASURE).read_volatile() };
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["victim", ..] => {}
        ["signal", way, victim] => tell("signal", signal(way, parsed(victim))),
        ["end_itself", way] => tell("end_itself", end_itself(way)),
        ["signal_by_io", victim] => tell("signal_by_io", signal_by_io(parsed(victim))),
        ["trace", victim] => tell("trace", trace(parsed(victim))),
        ["write_memory", victim, address] => {
            tell("write_memory", transfer("process_vm_writev", victim, address, &mut SAID.clone()));
        }
        ["read_memory", victim, address] => {
            let mut found = [0; SIZE];
            let done = transfer("process_vm_readv", victim, address, &mut found);
            tell("read_memory", done.map(|_| String::from_utf8_lossy(&found).into_owned()));
        }
        ["write_proc_mem", victim, address] => {
            tell("write_proc_mem", write_proc_mem(victim, parsed(address)));
        }
        ["take_descriptor", victim, number] => {
            tell("take_descriptor", take_descriptor(parsed(victim), parsed(number)));
        }
        ["hinder", way, victim] => tell("hinder", hinder(way, parsed(victim))),
        ["environment"] => println!("environment: {:?}", std::env::var("SECRET")),
        ["descriptors"] => println!("descriptors: {:?}", open_descriptors()),
        _ => return false,
    }
    true
}

fn signal(way: &str, victim: usize) -> io::Result<usize> {
    const SI_QUEUE: i32 = -1;
    let mut info = [0i32; 32];
    info[..3].copy_from_slice(&[SIGKILL as i32, 0, SI_QUEUE]);
    let info = info.as_ptr() as usize;
    match way {
        "kill" => call("kill", &[victim, SIGKILL]),
        "kill_group" => call("kill", &[victim.wrapping_neg(), SIGKILL]),
        "tkill" => call("tkill", &[victim, SIGKILL]),
        "tgkill" => call("tgkill", &[victim, victim, SIGKILL]),
        "rt_sigqueueinfo" => call("rt_sigqueueinfo", &[victim, SIGKILL, info]),
        "rt_tgsigqueueinfo" => call("rt_tgsigqueueinfo", &[victim, victim, SIGKILL, info]),
        _ => call("pidfd_send_signal", &[handle(victim), SIGKILL, 0, 0]),
    }
}

/// So that it looks as if somebody else had done it.
fn end_itself(way: &str) -> io::Result<usize> {
    if way != "timer" {
        return signal(way, std::process::id() as usize);
    }
    const MONOTONIC: usize = 1;
    let (event, mut timer) = ([0u64, SIGKILL as u64, 0, 0, 0, 0, 0, 0], 0i32);
    let into = &mut timer as *mut i32 as usize;
    call("timer_create", &[MONOTONIC, event.as_ptr() as usize, into])?;
    let soon = [0u64, 0, 0, 1];
    call("timer_settime", &[timer as usize, 0, soon.as_ptr() as usize, 0])?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    Ok(0)
}

/// A pidfd, or the folder in /proc that some calls take for one, or a number that is neither.
fn handle(victim: usize) -> usize {
    let folder = || Ok(File::open(format!("/proc/{victim}"))?.into_raw_fd() as usize);
    call("pidfd_open", &[victim, 0]).or_else(|_: io::Error| folder()).unwrap_or_else(|error| {
        tell("handle", Err::<usize, io::Error>(error));
        usize::MAX
    })
}

/// No call that signals: a pipe whose owner is the victim, and whose news are SIGKILLs.
fn signal_by_io(victim: usize) -> io::Result<usize> {
    const SET_FLAGS: usize = 4;
    const SET_OWNER: usize = 8;
    const SET_SIGNAL: usize = 10;
    const ASYNC_NONBLOCK: usize = 0o24000;
    let mut ends = [0u32; 2];
    call("pipe2", &[ends.as_mut_ptr() as usize, 0])?;
    let [reading, writing] = ends.map(|end| end as usize);
    call("fcntl", &[reading, SET_OWNER, victim])?;
    call("fcntl", &[reading, SET_SIGNAL, SIGKILL])?;
    call("fcntl", &[reading, SET_FLAGS, ASYNC_NONBLOCK])?;
    // SAFETY: it is new, and nobody else's.
    unsafe { File::from_raw_fd(writing as i32) }.write(SAID)
}

fn trace(victim: usize) -> io::Result<usize> {
    const SEIZE: usize = 0x4206;
    call("ptrace", &[SEIZE, victim, 0, 0])
}

fn transfer(way: &str, victim: &str, address: &str, own: &mut [u8]) -> io::Result<usize> {
    let own = [own.as_mut_ptr() as usize, SIZE];
    let theirs = [parsed(address), SIZE];
    let [own, theirs] = [own.as_ptr() as usize, theirs.as_ptr() as usize];
    call(way, &[parsed(victim), own, 1, theirs, 1, 0])
}

fn write_proc_mem(victim: &str, address: usize) -> io::Result<usize> {
    OpenOptions::new()
        .write(true)
        .open(format!("/proc/{victim}/mem"))?
        .write_at(SAID, address as u64)
}

fn take_descriptor(victim: usize, number: usize) -> io::Result<usize> {
    call("pidfd_getfd", &[handle(victim), number, 0])
}

fn hinder(way: &str, victim: usize) -> io::Result<usize> {
    const PROCESS: usize = 0;
    const NICEST: usize = 19;
    const IDLE: usize = 5;
    const IO_IDLE: usize = 3 << 13;
    const NOFILE: usize = 7;
    let (one, zero, none) = (1u64, 0u32, [3u64, 3u64]);
    match way {
        "setpriority" => call("setpriority", &[PROCESS, victim, NICEST]),
        "sched_setaffinity" => call(way, &[victim, 8, &one as *const u64 as usize]),
        "sched_setscheduler" => call(way, &[victim, IDLE, &zero as *const u32 as usize]),
        "ioprio_set" => call(way, &[1, victim, IO_IDLE]),
        "prlimit64" => call(way, &[victim, NOFILE, none.as_ptr() as usize, 0]),
        _ => unreachable!(),
    }
}

fn open_descriptors() -> Vec<usize> {
    const GET_FLAGS: usize = 1;
    let open = |number: &usize| call("fcntl", &[*number, GET_FLAGS]).is_ok();
    (0..4096).filter(open).collect()
}
