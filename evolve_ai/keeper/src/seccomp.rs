//! Selects the system calls that a box allows to its process. Calls not named here do not exist.

use crate::confine::{Confinement, Protection};
use crate::filter::{self, allow, argument, kill, masked, refuse, Instruction, Program};
use crate::numbers as calls;
use crate::process;
use crate::sys::{EAGAIN, EBUSY, EINVAL, ENOSYS, EPERM};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, RawFd};
use std::ptr::addr_of;

const SET_MODE_FILTER: usize = 1;
const NEW_LISTENER: usize = 8;

const CLONE_THREAD: u32 = 0x0001_0000;
/// The flags that make namespaces, except CLONE_NEWTIME, which clone(2) cannot take.
const CLONE_NEW: u32 = 0x7e02_0000;
const AT_EMPTY_PATH: u32 = 0x1000;
const AF_UNIX: u32 = 1;
const SOCK_STREAM: u32 = 1;
const SOCK_SEQPACKET: u32 = 5;
const SOCK_KIND: u32 = 0xf;

/// SIGHUP, SIGINT, SIGKILL, SIGTERM: see evolve_ai/system/exits.py.
const FROM_OUTSIDE: &[u32] = &[1, 2, 9, 15];

/// Protections by forbidden calls. Limits are not among them: they only serve the other ones.
const BY_CALLS: &[Protection] = &[
    Protection::Files,
    Protection::Network,
    Protection::Processes,
    Protection::Threads,
    Protection::Signals,
    Protection::Tracing,
    Protection::Kernel,
    Protection::Metadata,
    Protection::Privileges,
    Protection::Disk,
    Protection::Shared,
    Protection::Ending,
];

/// The process to confine: its pid, and the program that it is about to become, if by descriptor.
pub struct Subject {
    pub pid: i32,
    pub program: Option<RawFd>,
    /// Landlock keeps signals of the box inside.
    pub signals_stay: bool,
}

/// The file on which the box asks for each new process and thread. None if it need not ask, or if
/// an outer box listens already. It is a filter of its own that is installed first: so the file can
/// be handed over by a call that the box does not have.
pub fn listen(confinement: &Confinement) -> io::Result<Option<File>> {
    let (true, true) = (confinement.processes.is_some(), confinement.holds(Protection::Processes))
    else {
        return Ok(None);
    };
    let births = [&[calls::CLONE], calls::FORKING].concat();
    let births = births.into_iter().map(|number| (number, filter::ask())).collect();
    match install(&known(filter::whole(&births, &allow()))?, NEW_LISTENER) {
        // SAFETY: the descriptor is new.
        Ok(handle) => Ok(Some(unsafe { File::from_raw_fd(handle as RawFd) })),
        Err(error) if error.raw_os_error() == Some(EBUSY) => Ok(None),
        Err(error) => Err(error),
    }
}

/// From here on this process and its descendants have only the calls of the box.
pub fn enter(confinement: &Confinement, subject: &Subject) -> io::Result<()> {
    if !is_needed(confinement) {
        return Ok(());
    }
    install(&known(program(confinement, subject))?, 0).map(drop)
}

/// Whether this box forbids any call.
pub fn is_needed(confinement: &Confinement) -> bool {
    BY_CALLS.iter().any(|&protection| confinement.holds(protection))
}

pub fn known(program: Option<Program>) -> io::Result<Program> {
    program.ok_or(io::Error::from_raw_os_error(ENOSYS))
}

pub fn install(program: &[Instruction], flags: usize) -> io::Result<usize> {
    #[repr(C)]
    struct Handed {
        length: u16,
        program: *const Instruction,
    }
    let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let handed = Handed { length, program: program.as_ptr() };
    let words = [SET_MODE_FILTER, flags, addr_of!(handed) as usize, 0, 0];
    // SAFETY: struct sock_fprog, whose program outlives the call.
    unsafe { process::call(calls::SECCOMP, words) }
}

/// None where the call numbers of this processor are unknown.
pub fn program(confinement: &Confinement, subject: &Subject) -> Option<Program> {
    let mut rules = Rules { calls: BTreeMap::new(), confinement };
    rules.set(calls::ORDINARY, allow());
    rules.set(calls::LATER, refuse(ENOSYS));
    rules.processes(subject);
    rules.signals(subject);
    rules.files();
    rules.metadata();
    rules.network();
    rules.of(Protection::Tracing, calls::TRACING, kill());
    rules.of(Protection::Kernel, calls::KERNEL, kill());
    rules.of(Protection::Kernel, calls::SHARED, refuse(EPERM));
    rules.of(Protection::Privileges, calls::IDENTITIES, refuse(EPERM));
    rules.shared();
    rules.requests();
    filter::whole(&rules.calls, &refuse(ENOSYS))
}

pub struct Rules<'a> {
    calls: BTreeMap<u32, Program>,
    confinement: &'a Confinement,
}

impl Rules<'_> {
    pub fn set(&mut self, numbers: &[u32], program: Program) {
        self.calls.extend(numbers.iter().map(|&number| (number, program.clone())));
    }

    /// Set what this protection does with these calls; if it is lifted, they are allowed.
    pub fn of(&mut self, protection: Protection, numbers: &[u32], program: Program) {
        self.set(numbers, if self.holds(protection) { program } else { allow() });
    }

    pub fn holds(&self, protection: Protection) -> bool {
        self.confinement.holds(protection)
    }

    pub fn is_build(&self) -> bool {
        self.confinement.processes.is_some()
    }

    pub fn is_evaluation(&self) -> bool {
        self.confinement.is_evaluation
    }

    fn has_processes(&self) -> bool {
        self.confinement.processes.is_some() || !self.holds(Protection::Processes)
    }

    /// An agent that tries to use the network is hostile. Compilers may try without harm. They talk
    /// to processes that they start (as Rust's library does) by connected pairs of sockets, of
    /// kinds that reach no other process; a datagram socket could write to any socket with a path.
    fn network(&mut self) {
        if self.confinement.processes.is_none() {
            return self.of(Protection::Network, calls::NETWORK, kill());
        }
        self.of(Protection::Network, calls::NETWORK, refuse(EPERM));
        self.set(&[calls::RECVMSG, calls::RECVFROM], allow());
        // It can pass descriptors, of which a user may have only a limited number in flight.
        self.of(Protection::Shared, &[calls::SENDMSG], refuse(EPERM));
        let connected = filter::if_any_of(&[SOCK_STREAM, SOCK_SEQPACKET], allow(), refuse(EPERM));
        let connected = [masked(1, SOCK_KIND), connected].concat();
        let pair = [argument(0), filter::if_equal(AF_UNIX, connected, refuse(EPERM))].concat();
        self.of(Protection::Network, &[calls::SOCKETPAIR], pair);
        if self.is_evaluation() {
            // Event loops wake each other through such pairs, and hang without these.
            let to_its_peer = filter::if_null(4, allow(), refuse(EPERM));
            self.of(Protection::Network, &[calls::SENDTO], to_its_peer);
            self.set(&[calls::SHUTDOWN, calls::GETSOCKOPT, calls::SETSOCKOPT], allow());
            self.set(&[calls::GETSOCKNAME, calls::GETPEERNAME], allow());
        }
    }

    fn processes(&mut self, subject: &Subject) {
        let process = if self.has_processes() { allow() } else { kill() };
        let one_thread = self.confinement.threads <= 1 && self.holds(Protection::Threads);
        let thread = if one_thread { refuse(EAGAIN) } else { allow() };
        let new = filter::if_any_bit(CLONE_THREAD, thread, process.clone());
        let new = match self.holds(Protection::Kernel) {
            true => filter::if_any_bit(CLONE_NEW, kill(), new),
            false => new,
        };
        self.set(&[calls::CLONE], [argument(0), new].concat());
        self.set(calls::FORKING, process);
        // A build must stay in one group, which a single call ends.
        self.of(Protection::Ending, calls::PARTING, refuse(EPERM));
        // An agent is recognised by its working folder when all other records of it are lost.
        self.set(calls::LEAVING, if self.has_processes() { allow() } else { refuse(EPERM) });
        self.set(calls::EXECUTING, if self.has_processes() { allow() } else { kill() });
        // By an absolute path it could still execute another program that Landlock allows; that
        // would run in this same box.
        let become_it = subject.program.map(|program| {
            let ours = filter::if_equal(program as u32, allow(), kill());
            let ours = [argument(0), ours].concat();
            [argument(4), filter::if_equal(AT_EMPTY_PATH, ours, kill())].concat()
        });
        let execute = if self.has_processes() { allow() } else { become_it.unwrap_or(kill()) };
        self.set(&[calls::EXECVEAT], execute);
    }

    fn signals(&mut self, subject: &Subject) {
        // A process that ends by one of these signals seems to have been ended by somebody else.
        let honest =
            |signal| [argument(signal), filter::if_any_of(FROM_OUTSIDE, kill(), allow())].concat();
        let own = |signal| {
            let own = filter::if_equal(subject.pid as u32, honest(signal), kill());
            [argument(0), own].concat()
        };
        let build = match subject.signals_stay {
            _ if self.confinement.processes.is_none() => None,
            true => Some(allow()),
            false => Some(refuse(EPERM)),
        };
        for (numbers, signal) in [(calls::SIGNALLING_OWN, 1), (calls::SIGNALLING_OWN_THREAD, 2)] {
            self.of(Protection::Signals, numbers, build.clone().unwrap_or(own(signal)));
        }
        self.of(Protection::Signals, calls::SIGNALLING, build.unwrap_or(kill()));
        // With a sigevent the timer could be made to send any of these signals.
        let timer = match self.confinement.processes {
            None => filter::if_null(1, allow(), refuse(EINVAL)),
            Some(_) => allow(),
        };
        self.of(Protection::Signals, &[calls::TIMER_CREATE], timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tests::run;

    const ALLOWED: u32 = 0x7fff_0000;
    const KILLED: u32 = 0x8000_0000;
    const REFUSED: u32 = 0x0005_0000 | EPERM as u32;
    const SUBJECT: Subject = Subject { pid: 77, program: Some(64), signals_stay: false };

    fn told(confinement: &Confinement, number: u32, arguments: [u64; 6]) -> u32 {
        run(&program(confinement, &SUBJECT).unwrap(), number, arguments)
    }

    fn agent() -> Confinement {
        Confinement { threads: 1, ..Confinement::default() }
    }

    fn build() -> Confinement {
        Confinement { threads: 9, processes: Some(9), ..Confinement::default() }
    }

    fn first(value: u64) -> [u64; 6] {
        [value, 0, 0, 0, 0, 0]
    }

    #[test]
    fn filter_of_an_agent_is_short_enough_for_the_kernel() {
        assert!(program(&agent(), &SUBJECT).unwrap().len() < 1000);
    }

    #[test]
    fn agent_may_signal_itself_only() {
        for number in [calls::KILL, calls::TGKILL] {
            assert_eq!(told(&agent(), number, first(77)), ALLOWED);
            assert_eq!(told(&agent(), number, first(1)), KILLED);
            assert_eq!(told(&agent(), number, first(0)), KILLED);
            assert_eq!(told(&agent(), number, first(u64::MAX)), KILLED);
        }
    }

    #[test]
    fn agent_does_not_end_as_if_somebody_else_had_ended_it() {
        let with =
            |number, signal: [u64; 2]| told(&agent(), number, [77, signal[0], signal[1], 0, 0, 0]);
        assert_eq!([6, 11].map(|number| with(calls::KILL, [number, 0])), [ALLOWED; 2]);
        assert_eq!([1, 2, 9, 15].map(|number| with(calls::KILL, [number, 0])), [KILLED; 4]);
        assert_eq!(with(calls::TGKILL, [9, 6]), ALLOWED);
        assert_eq!(with(calls::TGKILL, [77, 9]), KILLED);
        let invalid = 0x0005_0000 | EINVAL as u32;
        assert_eq!(told(&agent(), calls::TIMER_CREATE, [1, 0, 1, 0, 0, 0]), ALLOWED);
        assert_eq!(told(&agent(), calls::TIMER_CREATE, [1, 1, 1, 0, 0, 0]), invalid);
    }

    #[test]
    fn agent_starts_no_process_and_as_many_threads_as_it_may() {
        let thread = first(u64::from(CLONE_THREAD) | 0x100);
        assert_eq!(told(&agent(), calls::CLONE, first(17)), KILLED);
        assert_eq!(told(&agent(), calls::CLONE, thread), 0x0005_0000 | EAGAIN as u32);
        assert_eq!(told(&Confinement { threads: 2, ..agent() }, calls::CLONE, thread), ALLOWED);
        assert_eq!(told(&build(), calls::CLONE, first(17)), ALLOWED);
        assert_eq!(told(&build(), calls::CLONE, first(0x1000_0011)), KILLED);
        assert_eq!(told(&agent(), calls::CLONE3, first(0)), 0x0005_0000 | ENOSYS as u32);
    }

    #[test]
    fn agent_becomes_its_program_and_no_other() {
        let by = |handle: u64, flags: u64| [handle, 1, 1, 1, flags, 0];
        assert_eq!(told(&agent(), calls::EXECVEAT, by(64, 0x1000)), ALLOWED);
        assert_eq!(told(&agent(), calls::EXECVEAT, by(64, 0x1100)), KILLED);
        assert_eq!(told(&agent(), calls::EXECVEAT, by(63, 0x1000)), KILLED);
        assert_eq!(told(&agent(), calls::EXECVE, first(0)), KILLED);
        assert_eq!(told(&build(), calls::EXECVE, first(0)), ALLOWED);
    }

    #[test]
    fn file_is_neither_emptied_by_a_reader_nor_opened_for_nothing() {
        let with = |flags: u64| told(&agent(), calls::OPENAT, [0, 0, flags, 0, 0, 0]);
        assert_eq!([0, 1, 2, 0o1001, 0o1002, 0o1102].map(with), [ALLOWED; 6]);
        assert_eq!([3, 0o1000, 0o1003, 0o1100].map(with), [REFUSED; 4]);
    }

    #[test]
    fn build_has_pairs_of_sockets_that_reach_nobody_else() {
        let pair = |kind: u64| told(&build(), calls::SOCKETPAIR, [1, kind, 0, 0, 0, 0]);
        assert_eq!([1, 5, 0o2_000_005].map(pair), [ALLOWED; 3]);
        assert_eq!([2, 3, 0o2_000_002].map(pair), [REFUSED; 3]);
        assert_eq!(told(&build(), calls::SOCKETPAIR, [2, 1, 0, 0, 0, 0]), REFUSED);
        assert_eq!(told(&build(), calls::SOCKET, [1, 1, 0, 0, 0, 0]), REFUSED);
        assert_eq!(told(&agent(), calls::SOCKETPAIR, [1, 1, 0, 0, 0, 0]), KILLED);
    }

    #[test]
    fn evaluation_sends_to_its_peers_alone() {
        let evaluation = Confinement { is_evaluation: true, ..build() };
        let to = |address| told(&evaluation, calls::SENDTO, [3, 1, 1, 0, address, 0]);
        assert_eq!((to(0), to(1)), (ALLOWED, REFUSED));
        assert_eq!(told(&build(), calls::SENDTO, [3, 1, 1, 0, 0, 0]), REFUSED);
        for number in [calls::SHUTDOWN, calls::GETSOCKOPT] {
            assert_eq!(told(&evaluation, number, first(3)), ALLOWED);
        }
        assert_eq!(told(&evaluation, calls::EPOLL_CREATE1, first(0)), ALLOWED);
        assert_eq!(told(&evaluation, calls::SOCKET, first(1)), REFUSED);
        assert_eq!(told(&evaluation, calls::SETSID, [0; 6]), REFUSED);
    }

    #[test]
    fn limits_are_read_and_not_set() {
        assert_eq!(told(&agent(), calls::PRLIMIT64, [0, 7, 0, 1, 0, 0]), ALLOWED);
        assert_eq!(told(&agent(), calls::PRLIMIT64, [0, 7, 1 << 40, 1, 0, 0]), REFUSED);
    }

    #[test]
    fn nothing_is_named_twice() {
        let groups = [
            calls::ORDINARY,
            calls::NETWORK,
            calls::FORKING,
            calls::EXECUTING,
            calls::SIGNALLING,
            calls::SIGNALLING_OWN,
            calls::SIGNALLING_OWN_THREAD,
            calls::TRACING,
            calls::KERNEL,
            calls::SHARED,
            calls::METADATA,
            calls::ATTRIBUTES,
            calls::LINKING,
            calls::WAITING,
            calls::PIPES,
            calls::PARTING,
            calls::IDENTITIES,
            calls::LATER,
        ];
        let mut numbers = groups.concat();
        numbers.retain(|&number| number != calls::NONE);
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }

    #[test]
    fn what_a_protection_forbids_is_let_be_where_it_is_lifted() {
        for (protection, number, arguments) in [
            (Protection::Network, calls::SOCKET, first(1)),
            (Protection::Processes, calls::CLONE, first(17)),
            (Protection::Threads, calls::CLONE, first(0x10100)),
            (Protection::Signals, calls::KILL, first(1)),
            (Protection::Tracing, calls::PTRACE, first(16)),
            (Protection::Kernel, calls::UNSHARE, first(0)),
            (Protection::Metadata, calls::FCHMODAT, first(0)),
            (Protection::Privileges, calls::SETUID, first(0)),
            (Protection::Files, calls::TRUNCATE, first(1)),
            (Protection::Limits, calls::SETRLIMIT, first(1)),
            (Protection::Disk, calls::FALLOCATE, [3, 1, 0, 1, 0, 0]),
            (Protection::Shared, calls::FLOCK, first(3)),
            (Protection::Ending, calls::SETSID, [0; 6]),
        ] {
            let lifted = Confinement { lifted: vec![protection], ..agent() };
            assert_ne!(told(&agent(), number, arguments), ALLOWED, "{protection:?}");
            assert_eq!(told(&lifted, number, arguments), ALLOWED, "{protection:?}");
        }
    }
}
