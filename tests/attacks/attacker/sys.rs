//! Owns system calls by their names, with the numbers of x86_64 and aarch64.

use std::ffi::{c_long, CString};
use std::io;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn geteuid() -> u32;
}

const NONE: c_long = -1;
pub const AT_FDCWD: usize = -100isize as usize;

#[rustfmt::skip]
const CALLS: &[(&str, c_long, c_long)] = &[
    ("acct", 163, 89), ("add_key", 248, 217), ("bpf", 321, 280), ("chdir", 80, 49), ("chmod", 90, NONE),
    ("chroot", 161, 51), ("clone", 56, 220), ("clone3", 435, 435), ("close", 3, 57),
    ("dup3", 292, 24), ("epoll_create1", 291, 20), ("execve", 59, 221), ("execveat", 322, 281), ("exit_group", 231, 94),
    ("fallocate", 285, 47), ("fanotify_init", 300, 262), ("flock", 73, 32), ("fchdir", 81, 50), ("fchmod", 91, 52), ("fchmodat", 268, 53),
    ("fchmodat2", 452, 452), ("fchownat", 260, 54), ("fcntl", 72, 25), ("fork", 57, NONE),
    ("fremovexattr", 199, 16), ("fsetxattr", 190, 7), ("fsmount", 432, 432),
    ("fsopen", 430, 430), ("fspick", 433, 433), ("ftruncate", 77, 46), ("getpid", 39, 172),
    ("init_module", 175, 105), ("inotify_add_watch", 254, 27), ("inotify_init1", 294, 26),
    ("io_setup", 206, 0), ("io_uring_enter", 426, 426), ("io_uring_register", 427, 427),
    ("io_uring_setup", 425, 425), ("ioctl", 16, 29), ("ioperm", 173, NONE), ("iopl", 172, NONE),
    ("ioprio_set", 251, 30), ("kcmp", 312, 272), ("kexec_load", 246, 104), ("keyctl", 250, 219),
    ("kill", 62, 129), ("landlock_create_ruleset", 444, 444), ("linkat", 265, 37),
    ("listmount", 458, 458), ("lsetxattr", 189, 6), ("memfd_create", 319, 279),
    ("memfd_secret", 447, 447), ("migrate_pages", 256, 238), ("mkdirat", 258, 34), ("mknodat", 259, 33),
    ("mmap", 9, 222), ("modify_ldt", 154, NONE), ("mount", 165, 40),
    ("mount_setattr", 442, 442), ("move_mount", 429, 429), ("move_pages", 279, 239),
    ("mq_open", 240, 180), ("msgget", 68, 186), ("name_to_handle_at", 303, 264),
    ("open_by_handle_at", 304, 265), ("open_tree", 428, 428), ("openat", 257, 56),
    ("openat2", 437, 437), ("perf_event_open", 298, 241), ("personality", 135, 92),
    ("pidfd_getfd", 438, 438), ("pidfd_open", 434, 434), ("pidfd_send_signal", 424, 424),
    ("pipe2", 293, 59), ("pivot_root", 155, 41), ("prctl", 157, 167), ("prlimit64", 302, 261),
    ("process_madvise", 440, 440), ("process_mrelease", 448, 448),
    ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271), ("ptrace", 101, 117),
    ("quotactl", 179, 60), ("reboot", 169, 142), ("renameat2", 316, 276),
    ("request_key", 249, 218), ("rt_sigqueueinfo", 129, 138), ("rt_tgsigqueueinfo", 297, 240),
    ("sched_setaffinity", 203, 122), ("sched_setattr", 314, 274),
    ("sched_setscheduler", 144, 119), ("semget", 64, 190), ("setdomainname", 171, 162),
    ("sethostname", 170, 161), ("setns", 308, 268), ("setpgid", 109, 154),
    ("setpriority", 141, 140), ("setrlimit", 160, 164), ("setsid", 112, 157),
    ("settimeofday", 164, 170), ("setuid", 105, 146), ("setxattr", 188, 5), ("shmget", 29, 194),
    ("sendmsg", 46, 211), ("socket", 41, 198), ("socketpair", 53, 199), ("statmount", 457, 457), ("swapoff", 168, 225),
    ("swapon", 167, 224), ("symlinkat", 266, 36), ("syslog", 103, 116), ("tgkill", 234, 131), ("timer_create", 222, 107), ("timer_settime", 223, 110),
    ("tkill", 200, 130), ("truncate", 76, 45), ("umount2", 166, 39), ("unshare", 272, 97),
    ("userfaultfd", 323, 282), ("utimensat", 280, 88), ("vfork", 58, NONE),
    ("vhangup", 153, 58), ("wait4", 61, 260),
];

pub fn number(name: &str) -> c_long {
    let (_, intel, arm) = CALLS.iter().find(|call| call.0 == name).expect("a known call");
    if cfg!(target_arch = "aarch64") {
        *arm
    } else {
        *intel
    }
}

pub fn call(name: &str, arguments: &[usize]) -> io::Result<usize> {
    call_number(number(name), arguments)
}

pub fn call_number(number: c_long, arguments: &[usize]) -> io::Result<usize> {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: callers pass what the call asks for; where a pointer is wrong, the kernel says so.
    match unsafe { syscall(number, a, b, c, d, e, f) } {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value as usize),
    }
}

pub fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

pub fn effective_user() -> u32 {
    // SAFETY: takes nothing.
    unsafe { geteuid() }
}

pub fn own_pid() -> usize {
    std::process::id() as usize
}

pub fn exit_at_once() -> ! {
    let _ = call("exit_group", &[0]);
    unreachable!()
}

/// A child that shares nothing with us: Some(its pid) for the parent, None for the child.
pub fn fork(way: &str) -> io::Result<Option<usize>> {
    const SIGCHLD: usize = 17;
    let pid = match way {
        "clone" => call("clone", &[SIGCHLD])?,
        "clone3" => {
            let arguments: [u64; 8] = [0, 0, 0, 0, SIGCHLD as u64, 0, 0, 0];
            call("clone3", &[arguments.as_ptr() as usize, 64])?
        }
        other => call(other, &[])?,
    };
    Ok((pid > 0).then_some(pid))
}

pub fn parsed(word: &str) -> usize {
    word.parse().expect("a number")
}
