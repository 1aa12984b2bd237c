//! Rules for calls that depend on their arguments, and for calls that use up shared resources.

use crate::confine::Protection;
use crate::filter::{self, allow, argument, masked, refuse, Program};
use crate::metadata;
use crate::numbers as calls;
use crate::seccomp::Rules;
use crate::sys::{EINVAL, ENOLCK, ENOMEM, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM};

const O_ACCMODE: u32 = 3;
const O_TRUNC: u32 = 0o1000;
const O_RDONLY: u32 = 0;
const O_CREAT: u32 = 0o100;
/// The bit that marks such a file: fcntl.h defines the name together with O_DIRECTORY.
const O_TMPFILE: u32 = 0o20_000_000;
const MAP_HUGETLB: u32 = 0x4_0000;

/// Commands except those that make the kernel send signals: F_SETOWN, F_SETSIG, F_NOTIFY, ...
/// From F_DUPFD to F_SETLKW; F_OFD_*; F_DUPFD_CLOEXEC; F_GETPIPE_SZ; F_GET_SEALS.
const FCNTL: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034];
/// Each locked byte takes kernel memory that nothing counts; leases stop other processes.
/// F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE.
const LOCKS: &[u32] = &[6, 7, 37, 38, 1024];
/// F_NOTIFY watches a folder, F_SETPIPE_SZ makes a pipe larger.
const OF_THE_USER: &[u32] = &[1026, 1031];
/// TCGETS, TCGETS2 and TIOCGWINSZ (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
const IOCTL: &[u32] = &[0x5401, 0x802c_542a, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451];
/// Without PR_SET_DUMPABLE, which would hide folder and program of the process from its user.
/// PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_SET_TIMERSLACK,
/// PR_GET_TIMERSLACK, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_VMA.
const PRCTL: &[u32] = &[3, 15, 16, 21, 23, 29, 30, 38, 39, 0x5356_4d41];

impl Rules<'_> {
    pub fn files(&mut self) {
        for (number, flags) in [(calls::OPEN, 1), (calls::OPENAT, 2)] {
            let opened = self.opening(flags);
            self.set(&[number], opened);
        }
        self.of(Protection::Files, &[calls::TRUNCATE], refuse(EPERM));
        // Other modes take disk space that no file size shows and no limit covers.
        let plain = filter::if_equal(0, allow(), refuse(EOPNOTSUPP));
        self.of(Protection::Disk, &[calls::FALLOCATE], [argument(1), plain].concat());
    }

    /// `flags` is the index of an argument; the mode is the next one.
    fn opening(&self, flags: u32) -> Program {
        let mut opened = allow();
        if self.holds(Protection::Metadata) {
            let made = metadata::without_set_id(flags + 1);
            opened = filter::if_any_bit(O_CREAT | O_TMPFILE, made, opened);
        }
        // A file without a name is in no folder, so its size would not be counted.
        if self.holds(Protection::Disk) {
            opened = filter::if_any_bit(O_TMPFILE, refuse(EOPNOTSUPP), opened);
        }
        opened = [argument(flags), opened].concat();
        if !self.holds(Protection::Files) {
            return opened;
        }
        // Landlock before its third version ignores truncation, and no version sees a file that is
        // opened neither to read nor to write.
        let emptied = filter::if_equal(O_TRUNC | O_RDONLY, refuse(EPERM), opened);
        let emptied = [masked(flags, O_TRUNC | O_ACCMODE), emptied].concat();
        let neither = filter::if_equal(O_ACCMODE, refuse(EPERM), emptied);
        [masked(flags, O_ACCMODE), neither].concat()
    }

    /// Refuse what the kernel counts for all processes of a user or of the machine together, unless
    /// it is needed. limits.rs has limits for the rest.
    pub fn shared(&mut self) {
        let huge = filter::if_any_bit(MAP_HUGETLB, refuse(ENOMEM), allow());
        self.of(Protection::Shared, &[calls::MMAP], [argument(3), huge].concat());
        let waiting = match self.is_evaluation() {
            true => allow(), // event loops need them
            false => refuse(ENOSYS),
        };
        self.of(Protection::Shared, calls::WAITING, waiting);
        let by_compilers = |program: Program| if self.is_build() { allow() } else { program };
        let [pipes, lock] = [EPERM, ENOLCK].map(|errno| by_compilers(refuse(errno)));
        self.of(Protection::Shared, calls::PIPES, pipes);
        self.of(Protection::Shared, &[calls::FLOCK], lock);
    }

    /// Calls that are many in one, and resource limits, which may be read but not set.
    pub fn requests(&mut self) {
        let among = |values: &[u32], index: u32, errno: i32| {
            [argument(index), filter::if_any_of(values, allow(), refuse(errno))].concat()
        };
        self.set(&[calls::FCNTL], self.requests_of_files());
        self.of(Protection::Kernel, &[calls::IOCTL], among(IOCTL, 1, ENOTTY));
        self.of(Protection::Kernel, &[calls::PRCTL], among(PRCTL, 0, EINVAL));
        self.of(Protection::Limits, &[calls::SETRLIMIT], refuse(EPERM));
        let prlimit = filter::if_null(2, allow(), refuse(EPERM));
        self.of(Protection::Limits, &[calls::PRLIMIT64], prlimit);
    }

    fn requests_of_files(&self) -> Program {
        let others = match self.holds(Protection::Signals) {
            true => filter::if_any_of(FCNTL, allow(), refuse(EPERM)),
            false => allow(),
        };
        let judged = match self.holds(Protection::Shared) {
            true => {
                let larger = filter::if_any_of(OF_THE_USER, refuse(EPERM), others);
                filter::if_any_of(LOCKS, refuse(ENOLCK), larger)
            }
            false => others,
        };
        [argument(1), judged].concat()
    }
}
