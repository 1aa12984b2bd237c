//! Selects the system calls of an evaluation in namespaces of its own: all but those that reach the
//! kernel's parts that namespaces do not divide, and those that keep memory where nobody counts it.

use crate::filter::{self, allow, argument, refuse, Program};
use crate::numbers as calls;
use crate::sys::{ENOSYS, EPERM};
use std::collections::BTreeMap;

/// The flags that make namespaces.
const CLONE_NEW: u32 = 0x7e02_0000;
/// Linux 6.18 has none from here on: later ones do not exist in a box.
const UNKNOWN: std::ops::Range<u32> = 471..1024;
const MEMFD_SECRET: u32 = 447;
const CHROOT: u32 = calls::CHROOT;
/// Programs try these, and go on without when there is no such call. Memory of the first ones is
/// not part of any process.
const ABSENT: &[u32] = &[
    calls::MEMFD_CREATE,
    MEMFD_SECRET,
    calls::SHMGET,
    calls::SEMGET,
    calls::MSGGET,
    calls::MQ_OPEN,
    calls::IO_URING_SETUP,
    calls::IO_URING_ENTER,
    calls::IO_URING_REGISTER,
    calls::CLONE3,
];

/// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: other families reach past a network namespace (vsock), or
/// parts of the kernel that no honest program needs.
const FAMILIES: &[u32] = &[1, 2, 10, 16];
const EAFNOSUPPORT: i32 = 97;

/// None where the call numbers of this processor are unknown. With `counts` it may count its own
/// instructions (perf_event_open(2)).
pub fn program(counts: bool) -> Option<Program> {
    let mut rules: BTreeMap<u32, Program> = BTreeMap::new();
    rules.extend(UNKNOWN.map(|number| (number, refuse(ENOSYS))));
    rules.extend(calls::KERNEL.iter().map(|&number| (number, refuse(EPERM))));
    rules.extend(ABSENT.iter().map(|&number| (number, refuse(ENOSYS))));
    // A process may run as the one of another time or architecture: that changes only itself.
    rules.insert(calls::PERSONALITY, allow());
    rules.insert(CHROOT, refuse(EPERM));
    if counts {
        rules.insert(calls::PERF_EVENT_OPEN, allow());
    }
    let new = filter::if_any_bit(CLONE_NEW, refuse(EPERM), allow());
    rules.insert(calls::CLONE, [argument(0), new].concat());
    let known = filter::if_any_of(FAMILIES, allow(), refuse(EAFNOSUPPORT));
    rules.insert(calls::SOCKET, [argument(0), known].concat());
    filter::whole(&rules, &allow())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tests::run;

    const ALLOWED: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;

    fn told(number: u32, first: u64) -> u32 {
        run(&program(false).unwrap(), number, [first, 0, 0, 0, 0, 0])
    }

    #[test]
    fn ordinary_programs_have_their_calls() {
        for number in [
            calls::SOCKET,
            calls::SENDTO,
            calls::SHUTDOWN,
            calls::GETSOCKOPT,
            calls::SETSID,
            calls::PTRACE,
            calls::FLOCK,
            calls::EPOLL_CREATE1,
            calls::SCHED_SETAFFINITY,
            calls::CHMOD,
            444,
        ] {
            assert_eq!(told(number, 1), ALLOWED, "{number}");
        }
        assert_eq!(told(calls::CLONE, 17), ALLOWED);
    }

    #[test]
    fn parts_of_the_kernel_and_uncounted_memory_are_out_of_reach() {
        for number in [calls::MOUNT, calls::UNSHARE, calls::BPF, calls::KEYCTL, calls::SETNS] {
            assert_eq!(told(number, 0), ERRNO | EPERM as u32, "{number}");
        }
        for number in [calls::MEMFD_CREATE, calls::SHMGET, calls::IO_URING_SETUP, 471, 999] {
            assert_eq!(told(number, 0), ERRNO | ENOSYS as u32, "{number}");
        }
        assert_eq!(told(calls::CLONE, 0x1000_0011), ERRNO | EPERM as u32);
        for family in [17, 31, 38, 40] {
            assert_eq!(told(calls::SOCKET, family), ERRNO | EAFNOSUPPORT as u32, "{family}");
        }
    }

    #[test]
    fn only_who_counts_instructions_may_open_counters() {
        assert_eq!(told(calls::PERF_EVENT_OPEN, 0), ERRNO | EPERM as u32);
        let counting = program(true).unwrap();
        assert_eq!(run(&counting, calls::PERF_EVENT_OPEN, [0; 6]), ALLOWED);
    }
}
